import pytest
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
