import json

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles.views import serve
from django.test import Client


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["zlib", "idna", "utf-7", "utf-16", "latin-1"])
@pytest.mark.parametrize("path", ["/contact/", "/admin/login/"])
def test_form_in_another_charset_is_refused(path, charset):
    client = Client(enforce_csrf_checks=True)
    client.get(path)
    body = b'--x\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n+2AA-\r\n--x--\r\n'
    response = client.generic("POST", path, body, content_type=f"multipart/form-data; boundary=x; charset={charset}")
    assert response.status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["UTF-8", "utf-8", "no-such-thing"])
def test_utf_8_is_accepted(client, charset):
    content_type = f"application/x-www-form-urlencoded; charset={charset}"
    assert client.generic("POST", "/contact/", b"name=Ann", content_type=content_type).status_code == 200


NUL_IN_COOKIES = 'sessionid="\\000abcdefghijkl"; csrftoken="\\000"; messages="\\000"'


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/contact/", "/admin/", "/admin/login/"])
def test_nul_is_refused(client, path):
    assert client.get(path, headers={"cookie": NUL_IN_COOKIES}).status_code == 400
    assert client.get(f"{path}?q=%00").status_code == 400
    assert client.get(f"{path}%00/").status_code == 400


@pytest.mark.django_db
def test_nul_in_a_login_is_an_error_of_the_form(client):
    assert client.post("/admin/login/", {"username": "a\0b", "password": "b\0"}).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "pages/page/99999999999999999999999/change/",
        "pages/page/99999999999999999999999/preview/",
        "pages/page/?p=99999999999999999999999",
        "pages/page/?is_public__exact=perhaps",
        "pages/page/?nothing__regex=((",
        "contact/contactmessage/?created_at__year=99999",
        "contact/contactmessage/?created_at__year=2026&created_at__month=99",
        "contact/contactmessage/?place=nowhere&mail=never",
    ],
)
def test_senseless_addresses_of_the_admin(admin_client, path):
    assert admin_client.get(f"/admin/{path}").status_code < 500


# Cookies under the names of the release before


@pytest.fixture
def https(settings):
    settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    settings.RENAMED_COOKIES = {"sessionid": "__Host-sessionid", "csrftoken": "__Host-csrftoken"}
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True


@pytest.fixture
def old_session(db) -> str:
    client = Client()
    client.force_login(User.objects.create_superuser("owner"), "django.contrib.auth.backends.ModelBackend")
    return client.cookies["sessionid"].value


def test_upgrade_logs_nobody_out(old_session, https):
    client = Client()
    client.cookies["sessionid"] = old_session
    response = client.get("/admin/", secure=True)
    assert response.status_code == 200
    new = response.cookies["__Host-sessionid"]
    assert (new.value, new["secure"], new["httponly"], new["path"], new["domain"]) == (old_session, True, True, "/", "")
    assert response.cookies["sessionid"]["max-age"] == 0
    # From then on by the new name alone
    assert client.get("/admin/", secure=True).status_code == 200
    assert set(client.cookies) >= {"__Host-sessionid"}


def test_logout_ends_the_old_name_too(old_session, https):
    client = Client()
    client.cookies["sessionid"] = old_session
    response = client.post("/admin/logout/", secure=True)
    assert response.cookies["__Host-sessionid"]["max-age"] == 0
    assert response.cookies["sessionid"]["max-age"] == 0
    client = Client()
    client.cookies["sessionid"] = old_session
    assert client.get("/admin/", secure=True).status_code == 302


def test_form_that_was_open_during_the_upgrade(db, settings):
    client = Client(enforce_csrf_checks=True)
    form = client.get("/admin/login/").context["csrf_token"]
    settings.CSRF_COOKIE_NAME = "__Host-csrftoken"
    settings.RENAMED_COOKIES = {"csrftoken": "__Host-csrftoken"}
    response = client.post("/admin/login/", {"csrfmiddlewaretoken": str(form)})
    assert response.status_code == 200


def test_new_name_counts(old_session, https):
    client = Client()
    client.cookies["sessionid"], client.cookies["__Host-sessionid"] = old_session, "somebody-else"
    assert client.get("/admin/", secure=True).status_code == 302


# Links whose pages are fetched before they are clicked


@pytest.mark.parametrize("path", ["/", "/robots.txt", "/contact/", "/nothing-here/"])
def test_rules_for_links(client, home, path):
    assert client.get(path).headers["Speculation-Rules"] == '"/static/myweb/prefetch.speculationrules"'


def test_no_rules_in_the_admin(client, admin_client, home):
    for answer in (client.get("/admin/login/"), admin_client.get("/admin/")):
        assert "Speculation-Rules" not in answer.headers


def test_who_may_be_logged_in_is_shown_nothing_that_was_fetched_before(admin_client, home):
    assert "Speculation-Rules" not in admin_client.get("/").headers


def test_page_comes_without_rules_that_were_not_collected(client, home, settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    (tmp_path / "staticfiles.json").write_text('{"paths": {}, "version": "1.1"}')
    manifest = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": manifest}}
    answer = client.get("/healthz")
    assert (answer.status_code, answer.headers.get("Speculation-Rules")) == (200, None)


def test_rules_have_their_type_without_nginx(rf):
    answer = serve(rf.get("/"), "myweb/prefetch.speculationrules", insecure=True)
    assert answer.headers["Content-Type"] == "application/speculationrules+json"
    [rule] = json.loads(b"".join(answer))["prefetch"]
    assert rule["eagerness"] == "moderate"
