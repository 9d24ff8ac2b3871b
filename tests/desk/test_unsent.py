"""What is sent after the session has ended, or with an old token."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from myweb.desk import unsent
from myweb.desk.line import Line
from myweb.desk.models import Version
from tests.admin_forms import ADD, add_block, form_data
from tests.factories import make_page

pytestmark = pytest.mark.django_db

PASSWORD = "a-lake-in-the-morning"
HERE = {"origin": "http://testserver"}


@pytest.fixture
def owner() -> Client:
    User.objects.create_superuser("owner", password=PASSWORD)
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(), "django.contrib.auth.backends.ModelBackend")
    return client


def typed(client: Client) -> tuple[str, dict]:
    """Open a form, and type for an hour."""
    url = f"/admin/pages/page/{make_page('About').pk}/change/"
    response = client.get(url)
    data = form_data(response) | {"title": "New", "csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    add_block(data, "text", text="<p>Typed for an hour</p>")
    return url, data


def hidden_fields(html: str) -> dict[str, str]:
    return {
        name: unescape(value) for name, value in re.findall(r'type="hidden"[^>]*? name="([^"]*)" value="([^"]*)"', html)
    }


def test_login_carries_it(owner, home):
    url, data = typed(owner)
    del owner.cookies["sessionid"]
    page = owner.post(url, data, headers=HERE)
    html = page.content.decode()
    assert "nothing is lost" in html
    assert not Version.objects.exists()
    fields = hidden_fields(html)
    login = {"username": "owner", "password": "wrong", **fields}
    html = owner.post("/admin/login/", login, headers=HERE).content.decode()
    assert "Please enter the correct username and password" in html
    login = {"username": "owner", "password": PASSWORD, **hidden_fields(html)}
    assert login["_unsent"] == fields["_unsent"]
    response = owner.post("/admin/login/", login, headers=HERE)
    assert response.status_code == 302
    # Kept, and not published, although that was the button
    [version] = Version.objects.all()
    assert (version.event, version.number) == (Version.Event.UNSENT, None)
    response = owner.get(response.headers["Location"])
    html = response.content.decode()
    assert "Typed for an hour" in html
    assert "It is kept now, and nothing is lost" in html
    data = form_data(response) | {"csrfmiddlewaretoken": owner.cookies["csrftoken"].value}
    assert owner.post(url, data, headers=HERE).status_code == 302
    assert "Typed for an hour" in Client().get("/about/").content.decode()


def test_old_token_loses_nothing(owner, home):
    url, data = typed(owner)
    owner.cookies["csrftoken"] = "n" * 32  # as logging in again in another tab does
    response = owner.post(url, data, headers=HERE)
    assert response.status_code == 403
    fields = hidden_fields(response.content.decode())
    assert fields["title"] == "New"
    assert not Version.objects.exists()
    response = owner.post(url, fields, headers=HERE)
    assert "Typed for an hour" in owner.get(response.headers["Location"]).content.decode()
    assert Version.objects.get().event == Version.Event.UNSENT


@pytest.mark.parametrize("session", [True, False])
@pytest.mark.parametrize("headers", [{}, {"origin": "https://evil.example"}, {"origin": "null"}])
def test_what_comes_from_elsewhere_is_dropped(owner, home, session, headers):
    url, data = typed(owner)
    if not session:
        del owner.cookies["sessionid"]
    del data["csrfmiddlewaretoken"]
    response = owner.post(url, data, headers=headers)
    assert response.status_code == 403
    assert "Typed for an hour" not in response.content.decode()
    assert "_unsent" not in response.content.decode()
    assert not Version.objects.exists()


def test_made_up_and_old_tokens_are_ignored(owner, time_machine, rf):
    request = rf.post("/admin/pages/page/1/change/", {"_form": "x", "title": "Mine"})
    token = unsent.pack(request)
    assert unsent.unpack(token)[1]["title"] == "Mine"
    assert unsent.unpack(token[:-1] + ("a" if token[-1] != "a" else "b")) is None
    time_machine.move_to(timezone.now() + timedelta(seconds=unsent.LIFETIME + 60))
    assert unsent.unpack(token) is None


def test_who_may_not_draft_keeps_nothing(owner, home):
    User.objects.create_user("reader", password=PASSWORD, is_staff=True)
    url, data = typed(owner)
    del owner.cookies["sessionid"]
    fields = hidden_fields(owner.post(url, data, headers=HERE).content.decode())
    login = {"username": "reader", "password": PASSWORD, **fields}
    assert owner.post("/admin/login/", login, headers=HERE).status_code == 403
    assert not Version.objects.exists()


def test_autosave_is_told_to_log_in(owner, home):
    url, data = typed(owner)
    del owner.cookies["sessionid"]
    response = owner.post(url, data | {"_autosave": "1"}, headers=HERE)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/admin/login/")


def test_new_page_that_was_only_kept_aside_is_found_again(owner, home):
    """Whoever closes the tab after the login has it in no draft."""
    url = owner.get(ADD).headers["Location"]
    data = form_data(owner.get(url)) | {"title": "News", "csrfmiddlewaretoken": "n" * 32}
    fields = hidden_fields(owner.post(url, data, headers=HERE).content.decode())
    place = owner.post(url, fields, headers=HERE).headers["Location"]
    assert f'<a href="{place}">News</a>' in owner.get("/admin/").content.decode()
    assert "News" in owner.get(url.replace("change", "versions")).content.decode()
    # Once it is a draft, that is listed, and only that
    data = form_data(owner.get(place)) | {"csrfmiddlewaretoken": owner.cookies["csrftoken"].value}
    del data["_publish"]
    assert owner.post(url, data, headers=HERE).status_code == 302
    html = owner.get("/admin/").content.decode()
    assert f'<a href="{url}">News</a>' in html
    assert place not in html


@pytest.mark.parametrize("button", ["_publish", "_draft", "_plan", "_keep"])
def test_database_takes_nothing(owner, monkeypatch, button):
    """Its disk is full, or somebody holds its lock."""
    url, data = typed(owner)
    data.pop("_publish")
    if button == "_plan":
        data |= {"_plan_at_0": "8000-01-01", "_plan_at_1": "00:00"}

    def refuse(*args: object, **kwargs: object) -> None:
        raise OperationalError("database or disk is full")

    with monkeypatch.context() as full:
        for name in ("publish", "save_draft", "keep_aside"):
            full.setattr(Line, name, refuse)
        response = owner.post(url, data | {button: "1"}, headers=HERE)
        assert response.status_code == 503
        html = response.content.decode()
        assert "The site cannot save anything at the moment." in html
        # And once more, too soon
        assert owner.post(url, hidden_fields(html), headers=HERE).status_code == 503
    response = owner.post(url, hidden_fields(html), headers=HERE, follow=True)
    assert "Typed for an hour" in response.content.decode()
    assert Version.objects.get().event == Version.Event.UNSENT


def test_database_takes_nothing_that_is_saved_by_itself(owner, monkeypatch):
    """The script goes on by itself, and says so."""
    url, data = typed(owner)
    monkeypatch.setattr(Line, "save_draft", lambda *args, **kwargs: (_ for _ in ()).throw(OperationalError))
    owner.raise_request_exception = False
    assert owner.post(url, data | {"_autosave": "1"}, headers=HERE).status_code == 500
