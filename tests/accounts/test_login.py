from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
WRONG = {"username": "admin", "password": "wrong"}
RIGHT = {"username": "admin", "password": "password"}


def test_it_works(client, admin_user):
    assert client.post(f"{LOGIN}?next=/admin/", RIGHT).status_code == 302
    assert client.get("/admin/").status_code == 200


def test_fifth_failure_closes_the_door_for_15_minutes(client, admin_user):
    for _ in range(4):
        assert client.post(LOGIN, WRONG).status_code == 200
    response = client.post(LOGIN, WRONG)
    assert response.status_code == 429
    assert "closed for 15 minutes" in response.content.decode()
    with time_machine.travel(timezone.now() + timedelta(minutes=14)):
        assert client.post(LOGIN, RIGHT).status_code == 429
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1)):
        assert client.post(LOGIN, RIGHT).status_code == 302


def test_stranger_does_not_lock_the_owner_out(client, admin_user):
    for _ in range(5):
        client.post(LOGIN, WRONG, REMOTE_ADDR="192.0.2.1")
    assert client.post(LOGIN, RIGHT, REMOTE_ADDR="192.0.2.2").status_code == 302


class TestForgottenPassword:
    def test_link_goes_to_the_sites_own_address(self, client, admin_user, settings):
        settings.EMAIL_HOST = "mail.example.org"
        settings.SITE_URL = "https://www.example.org"
        response = client.post("/admin/password_reset/", {"email": admin_user.email}, headers={"host": "127.0.0.1"})
        assert (response.status_code, response.headers["Location"]) == (302, "/admin/password_reset/done/")
        [message] = mail.outbox
        [link] = [line for line in message.body.splitlines() if "/reset/" in line]
        assert link.startswith("https://www.example.org/admin/reset/")
        path = client.get(link.removeprefix("https://www.example.org")).headers["Location"]
        new = {"new_password1": "a-lake-at-noon", "new_password2": "a-lake-at-noon"}
        assert client.post(path, new).headers["Location"] == "/admin/reset/done/"
        assert client.get("/admin/reset/done/").status_code == 200
        admin_user.refresh_from_db()
        assert admin_user.check_password("a-lake-at-noon")

    def test_without_mail_it_says_what_to_do(self, client, admin_user):
        for response in (
            client.get("/admin/password_reset/"),
            client.post("/admin/password_reset/", {"email": "a@b.c"}),
        ):
            assert "manage.py changepassword" in response.content.decode()
        assert mail.outbox == []

    def test_dead_mail_server_is_no_error_page(self, client, admin_user, settings):
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        assert client.post("/admin/password_reset/", {"email": admin_user.email}).status_code == 302
