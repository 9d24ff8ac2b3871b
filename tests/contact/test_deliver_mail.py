from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.utils import timezone

from myweb.contact.models import ContactMessage, Delivery
from tests.contact.factories import OWNER, believe_the_clock, make_message

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
