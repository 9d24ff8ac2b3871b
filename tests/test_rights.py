"""
Who may do what in the admin: every address of the URL resolver, for everybody, against rights.txt.

To be let in is anything but 403, and a redirect to the login. Nobody is told anything of what they may not view.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from myweb.contact.models import ContactMessage, ContactSettings
from myweb.desk.line import Line, Sender
from myweb.desk.models import Version
from myweb.pages.blocks import kinds
from myweb.pages.models import SiteSettings
from myweb.pages.redirects import Redirect
from tests.contact.factories import make_message
from tests.factories import make_page, make_text

pytestmark = [pytest.mark.django_db, pytest.mark.slow("90 addresses are asked by nine people")]

TABLE = Path(__file__).parent / "rights.txt"
PAGES = ["pages.page", "pages.redirect", *(kind._meta.label_lower for kind in kinds())]
MODELS = [*PAGES, "pages.sitesettings", "contact.contactmessage", "contact.contactsettings", "auth.user", "auth.group"]
ALL = ("add", "change", "delete", "view")
# In the order of the letters in rights.txt
ROLES: dict[str, dict[str, tuple[str, ...]] | None] = {
    "anonymous": None,
    "visitor with an account": {},
    "nothing": {},
    "viewer": dict.fromkeys(MODELS, ("view",)),
    "author": {"desk.page": ("draft",)},
    "editor": dict.fromkeys(PAGES, ALL),
    "correspondent": {"contact.contactmessage": ("change", "delete", "view")},
    "user administrator": {"auth.user": ALL, "auth.group": ALL},
    "superuser": {},
}
LETTERS = "avnrdecus"
# Addresses that are not those of admin.site
OUTSIDE = {"privacy", "may_upload", "admin_password_reset", "password_reset_done", "password_reset_complete"}
# What tells of a row, and which rights let one see it
SECRETS = {
    "hidden-page-7c1": {"pages.view_page", "desk.draft_page"},
    "old-address-7c1": {"pages.view_redirect"},
    "secret-subject-7c1": {"contact.view_contactmessage"},
    "recipient-7c1@example.com": {"contact.view_contactsettings"},
    "username-7c1": {"auth.view_user"},
    "group-7c1": {"auth.view_group"},
}


class Site(NamedTuple):
    """One row of each kind, by the names of models; versions of some; and how to come as somebody."""

    rows: dict[str, Model]
    versions: dict[str, Version]
    clients: dict[str, Client]
    users: dict[str, User]


@pytest.fixture
def site(db) -> Site:
    page = make_page("hidden-page-7c1", is_published=False)
    make_text(page)
    settings = SiteSettings.objects.create(name="Lake House")
    contact = ContactSettings.objects.create(recipients="recipient-7c1@example.com")
    for row in (page, settings, contact):
        line = Line(type(row), row.pk)
        line.publish(line.content, Sender(None, base=line.base))
    message = make_message(subject="secret-subject-7c1")
    owner = User.objects.create_superuser("username-7c1")
    group = Group.objects.create(name="group-7c1")
    old_address = Redirect.objects.create(path="/old-address-7c1", address_key="x", page=page)
    rows: list[Model] = [page, settings, contact, message, owner, group, old_address]
    clients, users = {}, {}
    for name, rights in ROLES.items():
        clients[name] = Client(raise_request_exception=False)
        if rights is not None:
            users[name] = user = make_user(name, rights)
            clients[name].force_login(user, "django.contrib.auth.backends.ModelBackend")
    versions = {
        model: Version.objects.of(type(row), row.pk).latest("pk")
        for model, row in (("page", page), ("sitesettings", settings), ("contactsettings", contact))
    }
    return Site({row._meta.model_name: row for row in rows}, versions, clients, users)


def make_user(name: str, rights: dict[str, tuple[str, ...]]) -> User:
    user = User(username=name, is_staff=name != "visitor with an account", is_superuser=name == "superuser")
    user.save()
    for model, actions in rights.items():
        app_label, model_name = model.split(".")
        codenames = [f"{action}_{model_name}" for action in actions]
        user.user_permissions.add(*Permission.objects.filter(content_type__app_label=app_label, codename__in=codenames))
    return User.objects.get(pk=user.pk)


def admin_patterns() -> Iterator[tuple[str, str, URLPattern]]:
    """Yield every address below /admin/: its name (or route), the model that it is of, and the pattern."""
    for entry in get_resolver().url_patterns:
        if isinstance(entry, URLPattern) or str(entry.pattern) in ("", "admin/"):
            yield from _walk(entry, "", "")


def _walk(entry: URLPattern | URLResolver, place: str, model: str) -> Iterator[tuple[str, str, URLPattern]]:
    route = str(entry.pattern)
    if isinstance(entry, URLPattern):
        if f"{place}{route}".startswith("admin/"):
            yield entry.name or f"{model} {route}".strip(), model, entry
        return
    for inner in entry.url_patterns:
        yield from _walk(inner, place + route, route.strip("/").rpartition("/")[2] if place else "")


def addresses(site: Site, name: str, model: str, pattern: URLPattern) -> list[str]:
    """Return the address for the row of the pattern's own model, and then those with the numbers of all others."""
    own = site.rows.get(model)
    others = [row for row in site.rows.values() if row is not own]
    if name == "view_on_site":
        types = [(ContentType.objects.get_for_model(row), row) for row in site.rows.values()]
        return [reverse("admin:view_on_site", args=[kind.pk, row.pk]) for kind, row in types]
    if name == "pages_page_bring_back":
        return [reverse(f"admin:{name}", args=[version.pk]) for version in site.versions.values()]
    if name in ("setup", "password_reset_confirm", "shown"):
        return [reverse(name, args=["guessed"] * len(pattern.pattern.converters))]
    if name == "app_list":
        return [reverse("admin:app_list", args=[label]) for label in ("pages", "contact", "auth")]
    if not pattern.name:
        # What is for a page only, and the catch-alls of the admin and of each model, of which the last lead to the row
        place = f"{own._meta.app_label}/{own._meta.model_name}/" if own else "no-such-thing/"
        end = f"{own.pk}/" if own and pattern.pattern.converters else str(pattern.pattern)
        return [f"/admin/{place}{end if own else ''}"]
    if not pattern.pattern.converters:
        return [reverse(name if name in OUTSIDE else f"admin:{name}")]
    return [reverse(f"admin:{name}", args=[row.pk]) for row in [own, *others] if row]


def is_let_in(response: HttpResponse) -> bool:
    assert response.status_code < 500, response.status_code
    leads_to_login = response.status_code == 302 and response.headers["Location"].startswith("/admin/login/")
    return response.status_code != 403 and not leads_to_login


def told(response: HttpResponse) -> set[str]:
    text = response.content.decode(errors="replace") + response.headers.get("Location", "")
    return {secret for secret in SECRETS if secret in text}


PATTERNS = list(admin_patterns())
ROWS = dict(line.split("|", 1) for line in TABLE.read_text().splitlines() if "|" in line) if TABLE.exists() else {}
EXPECTED = {name.strip(): [cell.strip() for cell in cells.split("|")] for name, cells in ROWS.items()}


def test_table_is_complete():
    assert list(EXPECTED)[1:] == [name for name, _model, _pattern in PATTERNS]


@pytest.mark.parametrize(("name", "model", "pattern"), PATTERNS, ids=[name for name, *_rest in PATTERNS])
def test_address(site, name, model, pattern):
    found = []
    for method in ("get", "post"):
        letters = ""
        for letter, role in zip(LETTERS, ROLES, strict=True):
            user = site.users.get(role)
            for number, address in enumerate(addresses(site, name, model, pattern)):
                if user:
                    # An earlier POST may have logged out.
                    site.clients[role].force_login(user, "django.contrib.auth.backends.ModelBackend")
                response = getattr(site.clients[role], method)(address)
                if number == 0 and is_let_in(response):
                    letters += letter
                secrets = told(response)
                forbidden = {secret for secret in secrets if not (user and any(map(user.has_perm, SECRETS[secret])))}
                assert not forbidden, (role, method, address)
                assert not (secrets and not is_let_in(response)), (role, method, address)
        found.append(letters)
    assert found == EXPECTED.get(name), f"{name} | {' | '.join(found)}"


def test_no_model_tells_a_secret_as_its_address(site):
    assert not hasattr(ContactMessage, "get_absolute_url")
    token = site.rows["contactmessage"].token
    urls = [row.get_absolute_url() for row in site.rows.values() if hasattr(row, "get_absolute_url")]
    assert [url for url in urls if token in url] == []


# Versions


def as_user(rights: dict[str, tuple[str, ...]]) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(make_user("somebody", rights), "django.contrib.auth.backends.ModelBackend")
    return client


def test_version_of_another_row_is_not_opened(site):
    for model, row in site.rows.items():
        for other, version in site.versions.items():
            if model in site.versions and model != other:
                for name in ("change", "versions"):
                    address = reverse(f"admin:{row._meta.app_label}_{model}_{name}", args=[row.pk])
                    answer = site.clients["superuser"].get(
                        f"{address}?version={version.pk}&old={version.pk}&new={version.pk}"
                    )
                    assert answer.status_code == 404 or "<del>" not in answer.content.decode()


# Accounts

USER_ADMINISTRATOR = {"auth.user": ALL, "auth.group": ALL}


def form_of(client: Client, user: User) -> dict[str, str]:
    """Return what a browser sends of a user's form, and what an attacker adds."""
    data = {"username": user.username, "first_name": "Changed", "last_name": "", "email": "mine@example.com"}
    data |= {"is_active": "on", "is_staff": "on", "is_superuser": "on"}
    data |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    return data | {"groups": str(Group.objects.get().pk), "user_permissions": str(Permission.objects.first().pk)}


def test_user_administrator_gives_no_rights(site):
    client = as_user(USER_ADMINISTRATOR)
    other = User.objects.create_user("colleague", "colleague@example.com", is_staff=True)
    for user in (other, User.objects.get(username="somebody")):
        address = reverse("admin:auth_user_change", args=[user.pk])
        assert client.post(address, form_of(client, user)).status_code == 302
        user.refresh_from_db()
        assert (user.first_name, user.is_superuser) == ("Changed", False)
        assert not user.groups.exists()
    assert not other.user_permissions.exists()
    assert other.email == "colleague@example.com"


def test_user_administrator_leaves_superusers_alone(site):
    client = as_user(USER_ADMINISTRATOR)
    owner = site.rows["user"]
    assert client.post(reverse("admin:auth_user_change", args=[owner.pk]), form_of(client, owner)).status_code == 403
    data = {"action": "delete_selected", "_selected_action": [owner.pk], "post": "yes"}
    assert client.post(reverse("admin:auth_user_changelist"), data).status_code in (200, 403)
    assert User.objects.get(pk=owner.pk).first_name == ""


def test_new_account_has_no_rights(site):
    client = as_user(USER_ADMINISTRATOR)
    password = {"password1": "correct horse battery", "password2": "correct horse battery"}
    data = {"username": "new", "usable_password": "true", "is_staff": "on", "is_superuser": "on", **password}
    assert client.post(reverse("admin:auth_user_add"), data).status_code == 302
    new = User.objects.get(username="new")
    assert (new.is_staff, new.is_superuser) == (False, False)


@pytest.mark.parametrize("target", ["user", "colleague"])
def test_password_of_another_is_set_by_superusers_only(site, target):
    other = User.objects.create_user("colleague") if target == "colleague" else site.rows["user"]
    address = reverse("admin:auth_user_password_change", args=[other.pk])
    data = {"usable_password": "true", "password1": "correct horse battery", "password2": "correct horse battery"}
    assert as_user(USER_ADMINISTRATOR).post(address, data).status_code == 403
    assert not User.objects.get(pk=other.pk).has_usable_password()
    assert site.clients["superuser"].post(address, data).status_code == 302
