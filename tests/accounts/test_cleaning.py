from datetime import timedelta

import pytest
from axes.models import AccessLog
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.utils import timezone

from myweb.accounts.models import LoginFailures, PasswordReset

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_works():
    """It is done by what uWSGI keeps running."""
    now = timezone.now()
    for name, hours in {"old": -2, "fresh": 0}.items():
        then = now + timedelta(hours=hours)
        Session.objects.create(session_key=name, session_data="", expire_date=then + timedelta(hours=1))
        AccessLog.objects.create(username=name)
        AccessLog.objects.filter(username=name).update(attempt_time=then)
        LoginFailures.objects.create(key=name, last_at=then)
        PasswordReset.objects.create(language=name, created_at=then)
    call_command("deliver_mail")
    assert Session.objects.get().session_key == "fresh"
    assert AccessLog.objects.get().username == "fresh"
    assert LoginFailures.objects.get().key == "fresh"
    assert PasswordReset.objects.get().language == "fresh"


def test_what_was_written_by_a_clock_that_was_wrong_goes_too():
    year = timezone.now() + timedelta(days=365)
    LoginFailures.objects.create(key="x", last_at=year)
    PasswordReset.objects.create(created_at=year)
    Session.objects.create(session_key="x", session_data="", expire_date=year)
    call_command("deliver_mail")
    assert not Session.objects.exists()
    assert not LoginFailures.objects.exists()
    assert not PasswordReset.objects.exists()
