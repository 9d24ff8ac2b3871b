"""The owner takes the demonstration away, and brings it back."""

import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from myweb.desk.line import Conflict, Line, Sender
from myweb.desk.models import Version
from myweb.pages.models import Page, SiteSettings
from myweb.pages.redirects import Redirect, key_of_text
from tests.admin_forms import form_data
from tests.factories import make_page, make_text

pytestmark = pytest.mark.django_db

URL = "/admin/pages/page/demonstration/"


@pytest.fixture
def demonstration(small_pictures) -> list[tuple]:
    call_command("demo", stdout=io.StringIO())
    return state()


def state() -> list[tuple]:
    return list(Page.objects.order_by("path").values_list("pk", "path", "title", "is_public", "position"))


def ticked(client: Client) -> list[int]:
    return client.get(URL).context["form"].initial["pages"]


def test_it_works(admin_client, client, demonstration):
    assert URL in admin_client.get("/admin/").content.decode()
    response = admin_client.post(URL, {"pages": ticked(admin_client)}, follow=True)
    assert "The demonstration is gone." in response.content.decode()
    assert form_data(response)["is_home"]
    assert not Page.objects.exists()
    assert SiteSettings.load().name == "localhost"
    assert SiteSettings.load().footer_text == ""
    html = client.get("/").content.decode()
    assert "There is nothing here yet." in html
    assert "Far Hills" not in html
    # Not 410: nobody has missed it.
    assert client.get("/pictures/").status_code == 404
    assert not Redirect.objects.exists()
    assert URL not in admin_client.get("/admin/").content.decode()
    assert "No page of the demonstration is left." in admin_client.get(URL).content.decode()
    # And back again
    deleted = admin_client.get("/admin/pages/page/deleted/")
    assert deleted.content.decode().count('name="all"') == 1
    assert f"Bring all {len(demonstration)} back" in deleted.content.decode()
    [root] = [root for root, _below, at_once in deleted.context["versions"] if at_once]
    response = admin_client.post(f"/admin/pages/page/deleted/{root.pk}/", {"all": "1"}, follow=True)
    assert f"{len(demonstration)} pages are back." in response.content.decode()
    assert state() == demonstration
    assert "<picture" in client.get("/").content.decode()


def test_what_the_owner_has_made_stays(admin_client, client, demonstration):
    own = make_page("Own", parent=Page.objects.get(path="/pictures/"))
    home = Page.objects.get(path="/")
    url = f"/admin/pages/page/{home.pk}/change/"
    admin_client.post(url, form_data(admin_client.get(url)) | {"description": "Ours"})
    SiteSettings.objects.update(name="Lake House")
    chosen = ticked(admin_client)
    assert not {home.pk, own.pk, own.parent_id} & set(chosen)
    admin_client.post(URL, {"pages": chosen})
    assert sorted(Page.objects.values_list("path", flat=True)) == ["/", "/pictures/", "/pictures/own/"]
    assert (SiteSettings.load().name, SiteSettings.load().tagline) == ("Lake House", "")
    assert client.get("/pictures/own/").status_code == 200


def test_page_with_others_below_is_refused(admin_client, demonstration):
    pictures = Page.objects.get(path="/pictures/")
    make_page("Own", parent=pictures)
    response = admin_client.post(URL, {"pages": [pictures.pk]})
    assert response.status_code == 400
    assert "there are pages that stay" in response.content.decode()
    assert not Version.objects.exists()


def test_own_pages_are_not_offered(admin_client, demonstration):
    own = make_page("Own")
    assert admin_client.post(URL, {"pages": [own.pk]}).status_code == 400
    assert Page.objects.filter(pk=own.pk).exists()


def test_who_may_not(django_user_model, demonstration):
    user = django_user_model.objects.create_user("editor", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_page", "change_page", "draft_page"]))
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    assert URL not in client.get("/admin/").content.decode()
    assert client.post(URL).status_code == client.get(URL).status_code == 403


def remove(client: Client, *pages: Page):
    return client.post(URL, {"pages": [page.pk for page in pages] or ticked(client)}, follow=True)


def bring_all_back(client: Client) -> None:
    branches = client.get("/admin/pages/page/deleted/").context["versions"]
    [root] = [root for root, _below, at_once in branches if at_once]
    client.post(f"/admin/pages/page/deleted/{root.pk}/", {"all": "1"})


def test_what_was_brought_back_can_go_again(admin_client, demonstration):
    remove(admin_client)
    bring_all_back(admin_client)
    assert len(ticked(admin_client)) == len(demonstration)


def test_what_somebody_has_changed_stays_when_their_account_is_gone(admin_client, demonstration):
    pages = [Page.objects.get(path=path) for path in ("/pictures/", "/")]
    for page in pages:
        url = f"/admin/pages/page/{page.pk}/change/"
        admin_client.post(url, form_data(admin_client.get(url)) | {"description": "Ours"})
    Version.objects.update(author=None)
    # As cleaning leaves it
    Version.objects.filter(key=pages[1].pk, number=1).delete()
    assert not {page.pk for page in pages} & set(ticked(admin_client))


def test_page_with_a_draft_stays(admin_client, demonstration):
    page = Page.objects.get(path="/pictures/")
    line = Line(Page, page.pk)
    content = {**line.content, "fields": line.content["fields"] | {"title": "Ours"}}
    line.save_draft(content, Sender(None, base=line.base))
    assert page.pk not in ticked(admin_client)


def test_draft_of_the_settings_stays(admin_client, demonstration):
    line = Line(SiteSettings, SiteSettings.objects.get().pk)
    content = {**line.content, "fields": line.content["fields"] | {"name": "Lake House"}}
    line.save_draft(content, Sender(None, base=line.base), publish_at=timezone.now() + timedelta(days=1))
    remove(admin_client)
    line = Line(SiteSettings, line.key)
    assert (line.row.name, line.row.tagline) == ("localhost", "")
    assert line.draft == line.planned
    assert line.draft.said["fields"] == {"name": "Lake House", "tagline": "", "footer_text": ""}
    # And what it was can be found.
    assert line.versions.get(number=1).said["fields"]["name"].startswith("Far Hills")


def test_old_address_that_the_owner_has_added_stays(admin_client, client, demonstration):
    page = Page.objects.get(path="/pictures/")
    Redirect.objects.create(path="/own.html", address_key=key_of_text("/own.html"), page=page)
    remove(admin_client)
    assert client.get("/own.html").status_code == 410
    bring_all_back(admin_client)
    assert client.get("/own.html").headers["Location"] == "/pictures/"


def test_twice_at_once(admin_client, demonstration):
    home, pictures, *_more = (Page.objects.get(path=path) for path in ("/", "/pictures/"))
    chosen = ticked(admin_client)
    remove(admin_client, home)
    response = admin_client.post(URL, {"pages": chosen})
    assert response.status_code == 400
    assert "Some of the pages are gone already." in response.content.decode()
    remove(admin_client)
    response = admin_client.post(URL, {"pages": chosen})
    assert "No page of the demonstration is left." in response.content.decode()
    assert not Page.objects.filter(pk=pictures.pk).exists()


@pytest.mark.parametrize("number", ["9" * 30, "-1", "x", "\0", ""])
def test_odd_numbers(admin_client, demonstration, number):
    response = admin_client.post(URL, {"pages": number})
    assert response.status_code == 400
    assert "Please tick at least one page." in response.content.decode()


def test_settings_that_somebody_saves_meanwhile(admin_client, demonstration, monkeypatch):
    def is_late(*args: object) -> None:
        raise Conflict

    monkeypatch.setattr(Line, "change", is_late)
    assert "Somebody else has just saved it." in remove(admin_client).content.decode()
    assert state() == demonstration


def test_own_page_that_points_there_is_named(admin_client, demonstration):
    pictures = Page.objects.get(path="/pictures/")
    own = make_page("Own")
    assert "This points to pages with a tick" not in admin_client.get(URL).content.decode()
    make_text(own, f'<p><a href="/pictures/" data-page="{pictures.pk}">Look</a></p>')
    html = admin_client.get(URL).content.decode()
    assert "This points to pages with a tick" in html
    assert f'<a href="/admin/pages/page/{own.pk}/change/">Own</a>: Look' in html


def test_first_page_is_the_home_page_if_there_is_none(admin_client, demonstration):
    make_page("Own")
    assert form_data(remove(admin_client))["is_home"]
    assert Page.objects.get().path == "/own/"
