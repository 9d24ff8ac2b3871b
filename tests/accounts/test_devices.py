import hashlib
import re
from base64 import urlsafe_b64encode

import pytest
import time_machine
from django.test import RequestFactory

from myweb.accounts import devices
from myweb.accounts.models import SetupToken

LOGIN = "/admin/login/"
RIGHT = {"username": "admin", "password": "password"}


def request_with(cookie: str):
    request = RequestFactory().get("/")
    request.COOKIES[devices.cookie_name()] = cookie
    return request


def test_it_works(client, admin_user):
    cookie = client.post(LOGIN, RIGHT).cookies["device"]
    assert cookie["httponly"] is True
    assert (cookie["samesite"], cookie["path"], cookie["max-age"]) == ("Lax", "/", 365 * 24 * 3600)
    assert devices.device_of(request_with(cookie.value), "admin") == cookie.value.split(".")[0]


def test_https_gives_it_a_name_that_no_other_host_can_set(client, admin_user, settings):
    settings.SITE_URL = "https://www.example.org"
    cookie = client.post(LOGIN, RIGHT).cookies["__Host-device"]
    assert cookie["secure"] is True
    assert (cookie["path"], cookie["domain"]) == ("/", "")


@pytest.mark.django_db
def test_wrong_password_and_other_pages_set_none(client, admin_user):
    assert devices.cookie_name() not in client.post(LOGIN, {**RIGHT, "password": "wrong"}).cookies
    assert devices.cookie_name() not in client.get(LOGIN).cookies


@pytest.mark.django_db
def test_first_visit_sets_it(client):
    password = "a-lake-in-the-morning"
    form = {"username": "owner", "email": "a@b.org", "password1": password, "password2": password}
    cookie = client.post(f"/admin/setup/{SetupToken.renew()}/", form).cookies["device"].value
    assert devices.device_of(request_with(cookie), "owner")


def test_nginx_can_check_the_first_half():
    device_id, expires, mac, _rest = devices.new_cookie("admin").split(".")
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", device_id)
    digest = hashlib.md5(f"{device_id}.{expires} {devices.nginx_key()}".encode()).digest()
    assert mac == urlsafe_b64encode(digest).decode().rstrip("=")


def test_key_of_nginx_follows_from_the_secret_key_and_does_not_tell_it(settings):
    key = devices.nginx_key()
    assert re.fullmatch(r"[0-9a-f]{64}", key)
    settings.SECRET_KEY = "x" * 50
    assert devices.nginx_key() != key


def test_cookie_of_one_user_is_none_for_another():
    assert devices.device_of(request_with(devices.new_cookie("admin")), "other") == ""


def test_two_browsers_have_two_ids():
    assert devices.new_cookie("admin").split(".")[0] != devices.new_cookie("admin").split(".")[0]


def test_it_holds_for_a_year():
    with time_machine.travel("2026-01-01"):
        cookie = devices.new_cookie("admin")
    with time_machine.travel("2026-12-31"):
        assert devices.device_of(request_with(cookie), "admin")
    with time_machine.travel("2027-01-02"):
        assert devices.device_of(request_with(cookie), "admin") == ""


@pytest.mark.parametrize("cookie", ["", "x", "...", "a.b.c.d", "a.1.c.d.e", "é.1.c.é", "." * 4000])
def test_forged_cookies_are_none(cookie):
    assert devices.device_of(request_with(cookie), "admin") == ""


@pytest.mark.parametrize("part", [0, 1, 3])
def test_changed_cookies_are_none(part):
    parts = devices.new_cookie("admin").split(".")
    last = parts[part][-2:]
    parts[part] = parts[part][:-2] + ("00" if last != "00" else "11")
    assert devices.device_of(request_with(".".join(parts)), "admin") == ""
