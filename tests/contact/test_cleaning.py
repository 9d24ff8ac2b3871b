from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.db.models import F

from myweb.contact.cleaning import clean_up, clock_is_believable
from myweb.contact.models import ContactMessage, Delivery, MailServer
from tests.contact.factories import believe_the_clock, make_message
from tests.contact.test_admin import act, url

SUBJECT, EMAIL, TEXT = "My illness", "ann@secret.example", "It is called so-and-so."


def everything_stored() -> str:
    """Return all rows of all tables."""
    with connection.cursor() as cursor:
        rows = []
        for model in apps.get_models(include_auto_created=True):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(model._meta.db_table)}")
            rows += cursor.fetchall()
    return str(rows)


@pytest.fixture
def message(settings) -> ContactMessage:
    settings.CONTACT_RECIPIENTS = ["owner@secret.example"]
    return make_message("owner@secret.example", subject=SUBJECT, email=EMAIL, text=TEXT)


@pytest.mark.django_db(transaction=True)
class TestDeletedMessage:
    """It leaves nothing of itself, whoever deletes it."""

    @pytest.fixture(autouse=True)
    def nothing_is_left(self, admin_client, message):
        assert SUBJECT in everything_stored()
        admin_client.get(url(message))
        yield
        assert not ContactMessage.objects.exists()
        stored = everything_stored()
        for trace in (SUBJECT, EMAIL, TEXT, "secret.example", message.token):
            assert trace not in stored

    def test_by_its_own_page(self, admin_client, message):
        page = admin_client.get(url(message, "delete")).content.decode()
        assert f"{message.reference}: {SUBJECT}" in page
        assert admin_client.post(url(message, "delete"), {"post": "yes"}).status_code == 302
        assert SUBJECT not in str(dict(admin_client.session))
        assert LogEntry.objects.get().object_repr == message.reference

    def test_by_the_list(self, admin_client, message):
        page = act(admin_client, "delete_selected", message).content.decode()
        assert f"{message.reference}: {SUBJECT}" in page
        act(admin_client, "delete_selected", message, post="yes")
        assert LogEntry.objects.get().object_repr == message.reference

    def test_by_time(self, settings, message):
        settings.CONTACT_RETENTION_DAYS = 1
        believe_the_clock()
        ContactMessage.objects.update(created_at="2020-01-01T00:00Z")
        call_command("deliver_mail")


@pytest.mark.django_db
def test_log_of_an_older_release_loses_the_subjects(admin_user):
    def entry(model: str, object_id: str) -> None:
        LogEntry.objects.create(
            user=admin_user,
            content_type=ContentType.objects.get(app_label="contact", model=model),
            object_id=object_id,
            object_repr=SUBJECT,
            action_flag=DELETION,
        )

    for object_id in ("7", "1234567"):
        entry("contactmessage", object_id)
    entry("contactsettings", "1")
    clean_up()
    assert list(LogEntry.objects.order_by("pk").values_list("object_repr", flat=True)) == ["000007", "1234567", SUBJECT]


@pytest.mark.django_db
class TestClock:
    """
    What is deleted does not come back, so a clock that is wrong for a night deletes nothing.

    Its hours are those of the rows: the database's own clock cannot be set here.
    """

    def pass_by(self, **duration) -> bool:
        """Let the clock go on by `duration`, or back; return whether it is believed."""
        passed = timedelta(**duration)
        MailServer.objects.update(clock_seen_at=F("clock_seen_at") - passed, clean_up_from=F("clean_up_from") - passed)
        return clock_is_believable()

    @pytest.fixture(autouse=True)
    def believed(self):
        believe_the_clock()
        assert clock_is_believable()

    @pytest.mark.parametrize("leap", [365, -365])
    def test_that_is_wrong_for_a_night(self, leap):
        assert not self.pass_by(days=leap)
        assert [self.pass_by(hours=1) for _ in range(10)] == [False] * 10
        assert not self.pass_by(days=-leap)
        assert [self.pass_by(hours=1) for _ in range(23)] == [False] * 23
        assert self.pass_by(hours=1)
        assert self.pass_by(hours=1)

    def test_that_nobody_has_looked_at_for_weeks(self):
        assert not self.pass_by(days=20)
        assert not self.pass_by(hours=23)
        assert self.pass_by(hours=1)

    def test_of_a_machine_that_is_off_at_night(self):
        assert [self.pass_by(hours=hours) for hours in (1, 1, 12, 1, 1, 60)] == [True] * 6

    def test_deletes_nothing_while_it_is_not_believed(self, settings):
        settings.CONTACT_RETENTION_DAYS = 1
        make_message()
        ContactMessage.objects.update(created_at="2020-01-01T00:00Z")
        Delivery.objects.update(sent_at="2020-01-01T00:00Z")
        MailServer.objects.update(clock_seen_at="2020-01-01T00:00Z")
        clean_up()
        assert ContactMessage.objects.exists()
        self.pass_by(days=1)
        clean_up()
        assert not ContactMessage.objects.exists()
