import os
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from myweb.contact.models import ContactMessage
from myweb.operations.backup.keeping import backups_directory
from myweb.operations.models import BackupProof
from myweb.pages.models import Page
from tests.contact.factories import make_message
from tests.factories import make_page
from tests.operations.doctor import faults
from tests.operations.doctor.faults import fault, look

pytestmark = pytest.mark.django_db(transaction=True)

YEAR = timedelta(days=365)


@fault("times in the future", "A message is of .*, but now is .*has been ahead. See what timedatectl says")
def message_of_next_year(own_backups):
    make_message()
    ContactMessage.objects.update(created_at=Now() + YEAR)
    yield


@fault("times in the future", "The change of a page is of 9998-12-31")
def change_that_no_calendar_has(own_backups):
    make_page()
    Page.objects.update(updated_at=datetime(9999, 12, 31, tzinfo=UTC))
    yield


@fault("times in the future", "A proven backup is of")
def backup_of_next_year_is_proven(own_backups):
    BackupProof.objects.create(name="new.zip", made_at=timezone.now() + YEAR)
    yield


@fault("times in the future", "The backup myweb-29990101T000000Z.zip is of 2999-01-01 00:00 UTC")
def name_of_a_backup_is_of_the_future(own_backups):
    (own_backups / "myweb-29990101T000000Z.zip").touch()
    yield


@fault("times in the future", r"The file .*/\.nightly is of")
def last_night_is_of_the_future(own_backups):
    (own_backups / ".nightly").touch()
    moment = (timezone.now() + YEAR).timestamp()
    os.utime(own_backups / ".nightly", (moment, moment))
    yield


@pytest.fixture
def own_backups(settings, tmp_path):
    settings.VAR = tmp_path
    return backups_directory()


@pytest.mark.parametrize("row", faults.rows(__name__))
def test_fault_is_found(row, request):
    faults.check(row, request)


def test_what_was_stored_a_moment_ago(own_backups):
    make_message()
    make_page()
    BackupProof.record("new.zip", timezone.now())
    (own_backups / ".nightly").touch()
    assert look("times in the future").state is faults.State.OK
