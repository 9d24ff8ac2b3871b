"""What is deleted because its time is up."""

from datetime import timedelta

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from .models import LoginFailures, PasswordReset

TOLERANCE = timedelta(hours=1)


def clean_up() -> None:
    """Delete sessions that have expired, and what is left of logging in."""
    SessionStore.clear_expired()
    # Begun while the clock was ahead, these would last for that much longer.
    longest = timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE) + TOLERANCE
    Session.objects.filter(expire_date__gt=longest).delete()
    LoginFailures.clean_up()
    PasswordReset.clean_up()
    # The release before, which writes these, may run beside this one.
    for log in (AccessAttempt, AccessFailureLog, AccessLog):
        log.objects.filter(attempt_time__lt=timezone.now() - timedelta(hours=1)).delete()
