"""What is deleted because its time is up."""

from datetime import timedelta

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from .models import LoginFailures, PasswordReset


def clean_up() -> None:
    """Delete sessions that have expired, and what is left of logging in."""
    SessionStore.clear_expired()
    LoginFailures.clean_up()
    PasswordReset.clean_up()
    # The release before, which writes these, may run beside this one.
    for log in (AccessAttempt, AccessFailureLog, AccessLog):
        log.objects.filter(attempt_time__lt=timezone.now() - timedelta(hours=1)).delete()
