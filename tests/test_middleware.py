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
