import pytest
from django.contrib.auth import hashers
from django.test import Client

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
RIGHT = {"username": "admin", "password": "password"}


def test_it_works(client, admin_user):
    assert client.post(f"{LOGIN}?next=/admin/", RIGHT).status_code == 302
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "\\\\evil.example", "javascript:x()"]
)
def test_it_leads_nowhere_else(client, admin_user, elsewhere):
    response = client.post(LOGIN, {**RIGHT, "next": elsewhere})
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/")


def test_no_other_site_can_log_anybody_in(admin_user):
    assert Client(enforce_csrf_checks=True).post(LOGIN, RIGHT).status_code == 403


def test_unknown_name_costs_a_hash_too(client, admin_user, monkeypatch):
    hashed = []
    make = hashers.MD5PasswordHasher.encode
    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", lambda *args: hashed.append(1) or make(*args))
    client.post(LOGIN, {"username": "nobody", "password": "wrong"})
    assert len(hashed) == 1
