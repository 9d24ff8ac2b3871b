"""
Mailing links for new passwords.

As with messages, a mail is claimed, the claim is committed, and then SMTP talks: killed in between, it may go out
twice, but not never. The queue is its own: it does not wait for messages, and they wait for one mail at most, which has
a deadline.
"""

import logging
from datetime import timedelta
from email.utils import make_msgid
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMessage
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from myweb.contact.failures import Failure
from myweb.contact.outbox import LEASE, hand_over

from .models import PasswordReset

logger = logging.getLogger(__name__)

MOST_PER_HOUR = 3  # for one account
WAIT = timedelta(minutes=1)  # after a failure


def due() -> list[QuerySet[Any]]:
    """Return what has rows as long as deliver_next() has something to do."""
    return [PasswordReset.objects.due()] if settings.EMAIL_HOST else []


def deliver_next() -> bool:
    """
    Try the reset mail that has been due longest; return whether there was anything to do.

    Safe to be called by any number of processes on any number of machines.
    """
    reset = claim_next() if settings.EMAIL_HOST else None
    if reset is None:
        return False
    if reset.user_id is None:
        PasswordReset.objects.filter(user=None).delete()
        return True
    user = User.objects.filter(pk=reset.user_id, is_active=True).exclude(email="").first()
    if user is None or has_had_enough(user):
        reset.delete()
    elif failure := hand_over(compose(user, reset.language)):
        logger.warning("no reset mail was sent: %s (%s)", failure.reason.label, failure.words)
        hold(reset, failure)
    else:
        record_success(reset, user)
    return True


def claim_next() -> PasswordReset | None:
    """Claim the mail that has been due longest; None if there is none."""
    while reset := PasswordReset.objects.due().first():
        if PasswordReset.objects.due().filter(pk=reset.pk).update(next_attempt=Now() + LEASE):
            return reset
    return None


def has_had_enough(user: User) -> bool:
    return PasswordReset.objects.of_the_hour().filter(user=user).exclude(sent_at=None).count() >= MOST_PER_HOUR


def compose(user: User, language: str) -> EmailMessage:
    """Return a mail with a new link."""
    link = {"uidb64": urlsafe_base64_encode(force_bytes(user.pk)), "token": default_token_generator.make_token(user)}
    url = settings.SITE_URL + reverse("password_reset_confirm", kwargs=link)
    with translation.override(language):
        return EmailMessage(
            subject=_("A new password for %(host)s") % {"host": settings.SITE_URL.partition("://")[2]},
            body=render_to_string("accounts/password_reset_mail.txt", {"user": user, "url": url}),
            to=[user.email],
            headers={
                "Message-ID": make_msgid(domain=settings.SITE_HOST.strip("[]")),
                "Auto-Submitted": "auto-generated",
            },
        )


def hold(reset: PasswordReset, failure: Failure) -> None:
    """Try again later: all of them, if it was the server's fault, so that each message's turn comes in between."""
    mine, due = Q(pk=reset.pk), Q(next_attempt__lte=Now())
    held = PasswordReset.objects.filter(mine | due if failure.is_of_server else mine, sent_at=None)
    held.update(next_attempt=Now() + WAIT)


def record_success(reset: PasswordReset, user: User) -> None:
    """One mail answers all that were asked for meanwhile."""
    PasswordReset.objects.filter(pk=reset.pk).update(sent_at=Now())
    PasswordReset.objects.filter(user=user, sent_at=None).delete()
