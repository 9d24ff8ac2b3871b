import re
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from myweb.accounts import resets
from myweb.accounts.models import PasswordReset
from myweb.accounts.resets import LEASE
from myweb.contact.models import Delivery, MailServer
from tests import smtp
from tests.commands import environment_with
from tests.contact.factories import make_message
from tests.site import ROOT, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

RESET = "/admin/password_reset/"
NEW = {"new_password1": "a-lake-at-noon", "new_password2": "a-lake-at-noon"}


@pytest.fixture
def in_memory(settings):
    settings.EMAIL_HOST = "mail.example.org"


def ask(client, email="admin@example.com"):
    response = client.post(RESET, {"email": email})
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/password_reset/done/")


def deliver_next() -> bool:
    """Do one thing; that there is anything to do is what due() has to say before."""
    is_due = any(queryset.exists() for queryset in resets.due())
    assert resets.deliver_next() == is_due
    return is_due


def deliver() -> None:
    while deliver_next():
        pass


def link_of(message) -> str:
    return re.search(r"http://localhost:8099(/admin/reset/\S+)", message.body).group(1)


def later(**kwargs) -> None:
    """Let time pass for what was asked for."""
    for name in ("created_at", "next_attempt", "sent_at"):
        for reset in PasswordReset.objects.exclude(**{name: None}):
            PasswordReset.objects.filter(pk=reset.pk).update(**{name: getattr(reset, name) - timedelta(**kwargs)})


def test_it_works(client, admin_user, in_memory):
    ask(client)
    assert mail.outbox == []
    deliver()
    [message] = mail.outbox
    assert message.to == ["admin@example.com"]
    assert message.subject == "A new password for localhost:8099"
    assert "for the user admin" in message.body
    assert "works once, and for an hour" in message.body
    link = link_of(message)
    form = client.get(link).headers["Location"]
    response = client.post(form, NEW)
    assert response.headers["Location"] == "/admin/reset/done/"
    admin_user.refresh_from_db()
    assert admin_user.check_password("a-lake-at-noon")
    assert response.cookies["device"].value
    assert Client().get(link).status_code == 200  # says that the link is used up
    assert "link was invalid" in Client().get(link).content.decode()


def test_without_a_mail_server_it_says_what_to_do(client, admin_user):
    for response in (client.get(RESET), client.post(RESET, {"email": "a@b.c"})):
        assert "<code>./manage.py changepassword …</code>" in response.content.decode()
    assert not PasswordReset.objects.exists()


def test_link_ends_after_an_hour(client, admin_user, in_memory):
    ask(client)
    deliver()
    link = link_of(mail.outbox[0])
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert "link was invalid" in client.get(link).content.decode()
    assert client.get(link).status_code == 302


def test_link_goes_to_the_sites_own_address(client, admin_user, in_memory, settings):
    settings.SITE_URL = "https://www.example.org"
    client.post(RESET, {"email": admin_user.email}, headers={"host": "127.0.0.1"})
    deliver()
    assert "https://www.example.org/admin/reset/" in mail.outbox[0].body


def test_new_password_lets_its_browser_in_whatever_strangers_try(client, admin_user, in_memory):
    for n in range(10):
        client.post("/admin/login/", {"username": "admin", "password": "wrong"}, REMOTE_ADDR=f"8.8.{n}.1")
    ask(client)
    deliver()
    client.post(client.get(link_of(mail.outbox[0])).headers["Location"], NEW)
    assert client.post("/admin/login/", {"username": "admin", "password": "a-lake-at-noon"}).status_code == 302


def test_row_holds_neither_address_nor_link(client, admin_user, in_memory):
    ask(client)
    names = {field.name for field in PasswordReset._meta.get_fields()}
    assert names == {"id", "user", "language", "created_at", "next_attempt", "sent_at"}


def test_same_answer_and_work_for_known_and_unknown(client, admin_user, in_memory, django_assert_num_queries):
    User.objects.create_user("gone", "gone@example.com", "x", is_active=False)
    bodies = set()
    for email in ("admin@example.com", "nobody@example.com", "gone@example.com"):
        with django_assert_num_queries(4):  # SELECT, and INSERT in a transaction
            response = client.post(RESET, {"email": email})
        bodies.add((response.status_code, response.content, *sorted(response.headers.items())))
    assert len(bodies) == 1
    assert PasswordReset.objects.count() == 3
    deliver()
    assert len(mail.outbox) == 1
    assert PasswordReset.objects.count() == 1


def test_many_unknown_addresses_hold_nobody_up(client, admin_user, in_memory):
    for _ in range(30):
        ask(client, "nobody@example.com")
    ask(client)
    assert deliver_next()
    assert deliver_next()
    assert len(mail.outbox) == 1


def test_mail_is_in_the_language_of_who_asked(client, admin_user, in_memory):
    client.post(RESET, {"email": admin_user.email}, headers={"accept-language": "zh-hans"})
    assert PasswordReset.objects.get().language == "zh-hans"
    deliver()
    assert "一小时内有效" in mail.outbox[0].body


def test_asked_often_one_mail_answers_all(client, admin_user, in_memory):
    for _ in range(30):
        ask(client)
    deliver()
    assert len(mail.outbox) == 1


def test_at_most_three_an_hour_for_one_account(client, admin_user, in_memory):
    for _ in range(5):
        ask(client)
        deliver()
    assert len(mail.outbox) == 3
    later(minutes=61)
    ask(client)
    deliver()
    assert len(mail.outbox) == 4


def test_unsent_for_an_hour_is_dropped(client, admin_user, in_memory):
    ask(client)
    later(minutes=61)
    deliver()
    assert mail.outbox == []


def test_clock_that_was_ahead_holds_none(client, admin_user, in_memory):
    ask(client)
    PasswordReset.objects.update(next_attempt=timezone.now() + timedelta(days=365))
    deliver()
    assert len(mail.outbox) == 1


def test_user_that_is_gone_gets_none(client, admin_user, in_memory):
    ask(client)
    User.objects.all()._raw_delete("default")
    deliver()
    assert mail.outbox == []
    assert not PasswordReset.objects.exists()


class TestTrouble:
    """With a real server that fails."""

    def test_server_that_fails_is_tried_again_after_a_minute(self, client, admin_user, mail_server, caplog):
        ask(client)
        with mail_server.having(greeting=smtp.HANG):
            deliver()
            deliver()
        assert mail_server.connections == 1
        assert "no reset mail was sent: The mail server does not answer" in caplog.text
        later(minutes=1)
        deliver()
        assert len(mail_server.received) == 1

    def test_request_does_not_wait_for_the_server(self, client, admin_user, mail_server):
        with mail_server.having(greeting=smtp.HANG):
            ask(client)
        assert mail_server.connections == 0

    def test_many_that_fail_are_one_try_a_minute(self, client, mail_server):
        for n in range(5):
            User.objects.create_user(f"user{n}", f"user{n}@example.org", "x")
            ask(client, f"user{n}@example.org")
        with mail_server.having(greeting="421 busy"):
            deliver()
        assert mail_server.connections == 1

    def test_messages_that_are_held_do_not_hold_it(self, client, admin_user, mail_server):
        make_message()
        MailServer.load()
        MailServer.objects.update(failures=5, next_probe=timezone.now() + timedelta(hours=1))
        ask(client)
        call_command("deliver_mail")
        assert [sent.recipient for sent in mail_server.received] == ["admin@example.com"]
        assert Delivery.objects.waiting().exists()

    def test_it_goes_before_many_messages(self, client, admin_user, mail_server):
        for _ in range(5):
            make_message()
        ask(client)
        call_command("deliver_mail")
        assert mail_server.received[0].recipient == "admin@example.com"
        assert len(mail_server.received) == 6

    def test_refused_address_does_not_hold_the_others(self, client, admin_user, mail_server):
        User.objects.create_user("other", "other@example.org", "x")
        mail_server.refused = {"admin@example.com": "550 no such user"}
        ask(client)
        ask(client, "other@example.org")
        deliver()
        assert [sent.recipient for sent in mail_server.received] == ["other@example.org"]

    def test_killed_between_claim_and_sending_it_is_sent_again(self, client, admin_user, database, mail_server):
        ask(client)
        environment = environment_with(mail_server)
        mail_server.failing = {"end": smtp.SLOW}
        process = subprocess.Popen([sys.executable, "manage.py", "deliver_mail"], cwd=ROOT, env=environment)
        wait_for(lambda: mail_server.waiting, "the mail is in hand")
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        mail_server.failing = {}
        assert not deliver_next()  # claimed
        later(seconds=LEASE.total_seconds() + 1)
        deliver()
        assert mail_server.received[-1].recipient == "admin@example.com"
        assert PasswordReset.objects.get().sent_at
