import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.utils import timezone

from myweb.contact.models import ContactMessage, Delivery
from tests import smtp
from tests.contact.factories import OWNER, believe_the_clock, make_message
from tests.site import ROOT, wait_for

# The command closes connections that are in a transaction, as that of a test would be.
pytestmark = pytest.mark.django_db(transaction=True)


def test_it_works(mail_server):
    make_message(OWNER, "b@example.org")
    call_command("deliver_mail")
    assert {mail.recipient for mail in mail_server.received} == {OWNER, "b@example.org"}


def test_once_ends_also_when_the_server_fails(mail_server):
    make_message()
    mail_server.stop()
    call_command("deliver_mail")
    assert Delivery.objects.waiting().get().reason == "refused"


def test_forgets_the_senders_of_an_hour_ago():
    make_message(sender="a" * 64)
    ContactMessage.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    call_command("deliver_mail")
    assert ContactMessage.objects.get().sender == ""


class TestRetention:
    @pytest.fixture(autouse=True)
    def retention(self, settings):
        settings.CONTACT_RETENTION_DAYS = 90
        believe_the_clock()

    def test_removes_what_is_too_old(self, mail_server, settings):
        mail_server.stop()
        mailed, waiting, spam, fresh = (
            make_message(),
            make_message(),
            make_message(spam_reason="honeypot"),
            make_message(),
        )
        Delivery.objects.exclude(message=waiting).update(sent_at=timezone.now())
        ContactMessage.objects.exclude(pk=fresh.pk).update(created_at=timezone.now() - timedelta(days=91))
        call_command("deliver_mail")
        assert set(ContactMessage.objects.all()) == {waiting, fresh}
        assert not ContactMessage.objects.filter(pk__in=[mailed.pk, spam.pk]).exists()

    def test_mails_what_is_old_and_waits_before_it_is_removed(self, mail_server):
        make_message()
        ContactMessage.objects.update(created_at=timezone.now() - timedelta(days=91))
        call_command("deliver_mail")
        assert len(mail_server.received) == 1
        assert ContactMessage.objects.exists()
        call_command("deliver_mail")
        assert not ContactMessage.objects.exists()


def test_once_does_not_hide_that_the_database_fails(mail_server):
    def fail(*arguments):
        raise DatabaseError("disk I/O error")

    with connection.execute_wrapper(fail), pytest.raises(DatabaseError):
        call_command("deliver_mail")


@pytest.mark.slow("processes of their own")
class TestLoop:
    """In a process of its own, on the test's database."""

    @pytest.fixture
    def loop(self, database, mail_server, tmp_path) -> Callable[[], subprocess.Popen]:
        name = connection.settings_dict["NAME"]
        url = f"sqlite:///{name}"
        if connection.vendor == "postgresql":
            url = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{name}"
        environment = os.environ | {
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "myweb.settings",
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(mail_server.port),
            "CONTACT_RECIPIENTS": OWNER,
        }
        processes = []

        def start() -> subprocess.Popen:
            command = [sys.executable, "manage.py", "deliver_mail", "--loop"]
            with (tmp_path / "log").open("wb") as log:
                processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log))
            return processes[-1]

        yield start
        for process in processes:
            process.kill()
            process.wait()

    def test_it_works(self, loop, mail_server):
        loop()
        make_message()
        mail_server.wait_for(1)
        make_message()
        mail_server.wait_for(2)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_ends_after_the_mail_in_hand(self, loop, mail_server, number):
        for _ in range(3):
            make_message()
        mail_server.failing = {"end": smtp.SLOW}
        process = loop()
        wait_for(lambda: mail_server.waiting, "a mail is in hand")
        process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        mail_server.go_on()
        assert process.wait(10) == 0
        assert len(mail_server.received) == 1
        assert Delivery.objects.filter(sent_at=None).count() == 2

    def test_ends_at_once_when_there_is_nothing_to_do(self, loop, mail_server):
        make_message()
        process = loop()
        mail_server.wait_for(1)
        process.terminate()
        assert process.wait(5) == 0

    def test_survives_a_database_that_fails(self, loop, mail_server, tmp_path):
        make_message()
        process = loop()
        mail_server.wait_for(1)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE contact_contactmessage RENAME TO gone")
        wait_for(lambda: "trying again" in (tmp_path / "log").read_text(), "it says so")
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO contact_contactmessage")
        make_message()
        mail_server.wait_for(2)
        assert process.poll() is None
