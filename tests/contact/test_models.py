import re
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from myweb.contact.models import ContactMessage, ContactSettings, Delivery, address_in_mail
from tests.contact.factories import OWNER, make_message

pytestmark = pytest.mark.django_db


def aged(days: float, *, mailed: bool = True, **fields) -> ContactMessage:
    message = make_message(**fields)
    ContactMessage.objects.filter(pk=message.pk).update(created_at=timezone.now() - timedelta(days=days))
    if mailed:
        message.deliveries.update(sent_at=timezone.now())
    return message


def test_it_works():
    message = make_message()
    assert message.reference == f"{message.pk:06d}"
    assert message.thanks_url == f"/contact/thanks/{message.token}/"
    assert ContactMessage.objects.inbox().get() == message
    assert Delivery.objects.due().get().message == message


class TestSettings:
    def test_begin_with_the_environment(self, settings):
        settings.CONTACT_RECIPIENTS = [OWNER, "b@example.org"]
        assert ContactSettings.load().recipient_list == [OWNER, "b@example.org"]
        ContactSettings.objects.create(recipients="")
        assert ContactSettings.load().recipient_list == []

    def test_each_recipient_once(self):
        recipients = ContactSettings(recipients=f" {OWNER} \r\n\r\nb@example.org\n{OWNER}\n")
        assert recipients.recipient_list == [OWNER, "b@example.org"]
        recipients.clean()

    def test_are_written_as_in_the_environment(self):
        recipients = ContactSettings(recipients='a@b.example, "House, Lake" <c@faß.de>\nMe <a@b.example>')
        recipients.clean()
        assert recipients.recipient_list == ["a@b.example", '"House, Lake" <c@xn--fa-hia.de>']

    @pytest.mark.parametrize("line", ["owner", "a@b.example c@d.example", "Me <a>", "müller@c.example"])
    def test_refuse_what_is_no_address(self, line):
        with pytest.raises(ValidationError, match="is not an e-mail address") as error:
            ContactSettings(recipients=f"{OWNER}\n{line}").clean()
        assert list(error.value.message_dict) == ["recipients"]


class TestMessageId:
    def test_is_of_this_site_and_of_this_delivery(self, settings):
        settings.SITE_HOST = "[::1]"
        make_message("a@example.org", "b@example.org")
        ids = set(Delivery.objects.values_list("mail_id", flat=True))
        assert len(ids) == 2
        assert [mail_id for mail_id in ids if not re.fullmatch("<.+@::1>", mail_id)] == []


class TestExpired:
    @pytest.mark.parametrize(("days", "retention", "expired"), [(89, 90, False), (91, 90, True), (4000, 0, False)])
    def test_after_the_retention(self, settings, days, retention, expired):
        settings.CONTACT_RETENTION_DAYS = retention
        aged(days)
        assert ContactMessage.objects.expired().exists() is expired

    def test_as_the_owner_says_unless_the_environment_does(self, settings):
        aged(91)
        assert not ContactMessage.objects.expired().exists()
        ContactSettings.objects.create(retention_days=90)
        assert ContactMessage.objects.expired().exists()
        for days, expired in ((0, False), (100, False), (30, True)):
            settings.CONTACT_RETENTION_DAYS = days
            assert ContactMessage.objects.expired().exists() is expired

    @pytest.mark.parametrize("days", [1, 36_500])
    def test_any_number_that_may_be_set(self, settings, days):
        settings.CONTACT_RETENTION_DAYS = days
        aged(36_501)
        aged(0.9)
        assert ContactMessage.objects.expired().count() == 1

    @pytest.mark.parametrize("spam_reason", ["", "honeypot"])
    def test_never_one_that_a_wrong_clock_has_dated_back(self, settings, spam_reason):
        settings.CONTACT_RETENTION_DAYS = 90
        aged(-365)  # of a clock that was ahead
        old = aged(91)
        aged(2)
        aged(2000, spam_reason=spam_reason)
        assert ContactMessage.objects.expired().get() == old

    def test_also_one_that_waits_when_there_is_no_server_to_mail_it_by(self, settings):
        settings.CONTACT_RETENTION_DAYS = 90
        aged(1000, mailed=False)
        assert ContactMessage.objects.expired().exists()

    def test_never_one_that_waits(self, settings):
        settings.CONTACT_RETENTION_DAYS, settings.EMAIL_HOST = 90, "mail.example.org"
        aged(1000, mailed=False)
        half = make_message("a@example.org", "b@example.org")
        ContactMessage.objects.update(created_at=timezone.now() - timedelta(days=1000))
        half.deliveries.filter(recipient="a@example.org").update(sent_at=timezone.now())
        assert not ContactMessage.objects.expired().exists()

    @pytest.mark.parametrize(("days", "expired"), [(29, False), (31, True)])
    @pytest.mark.parametrize("retention", [0, 90])
    def test_spam_after_30_days_in_any_case(self, settings, days, expired, retention):
        settings.CONTACT_RETENTION_DAYS = retention
        aged(days, spam_reason="too fast")
        assert ContactMessage.objects.expired().exists() is expired


class TestSender:
    def sent(self, **ago) -> ContactMessage:
        message = make_message(sender="a" * 64)
        ContactMessage.objects.filter(pk=message.pk).update(created_at=timezone.now() - timedelta(**ago))
        return message

    def test_is_counted_and_then_forgotten(self):
        fresh = self.sent(minutes=59)
        for ago in ({"minutes": 61}, {"days": 400}, {"days": -365}):  # the last of a night with a wrong clock
            self.sent(**ago)
        assert ContactMessage.objects.sent_within_the_hour("a" * 64).get() == fresh
        assert ContactMessage.objects.forget_senders() == 3
        assert ContactMessage.objects.exclude(sender="").get() == fresh
        assert ContactMessage.objects.forget_senders() == 0


class TestRelease:
    def test_mails_it_once(self, settings):
        settings.CONTACT_RECIPIENTS = [OWNER]
        spam = make_message(spam_reason="too fast")
        assert not Delivery.objects.exists()
        spam.move_to_inbox()
        spam.move_to_inbox()
        assert ContactMessage.objects.inbox().get() == spam
        assert Delivery.objects.get().recipient == OWNER


@pytest.mark.parametrize(
    "email", ["", "@", "a", "a@", '"\x0b"@example.com', "a@" + "湖" * 70, "=?utf-8?q?a?=@b.example"]
)
def test_address_that_no_mail_can_have(email):
    with pytest.raises(ValueError, match=r"."):
        address_in_mail("Ann", email)
