"""The one-time link for the first administrator, wrong passwords that are counted, and reset mails to be sent."""

import hashlib
import secrets
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

# What came later than this from now was stored while the clock was wrong.
TOLERANCE = timedelta(minutes=1)


def has_administrator() -> bool:
    """Return whether anybody can log in and do everything."""
    return get_user_model().objects.filter(is_superuser=True, is_active=True).exists()


class SetupToken(models.Model):
    """The token of the link that holds; only its hash is kept."""

    token_hash = models.CharField(max_length=64, unique=True)

    def __str__(self) -> str:
        return self.token_hash[:8]

    @classmethod
    def renew(cls) -> str:
        """Return a new token, which ends the one before."""
        token = secrets.token_urlsafe(32)
        with transaction.atomic():
            cls.objects.all().delete()
            cls.objects.create(token_hash=cls._hash(token))
        return token

    @classmethod
    def is_valid(cls, token: str) -> bool:
        """Return whether `token` still opens the setup page."""
        return not has_administrator() and cls.objects.filter(token_hash=cls._hash(token)).exists()

    @classmethod
    def use_up(cls, token: str) -> bool:
        """Delete `token`; return False if somebody else was faster. To be called in the user's transaction."""
        deleted, _ = cls.objects.filter(token_hash=cls._hash(token)).delete()
        return deleted == 1 and not has_administrator()

    @staticmethod
    def _hash(token: str) -> str:
        # The token is random and long, so a plain hash cannot be guessed backwards.
        return hashlib.sha256(token.encode(errors="replace")).hexdigest()


class LoginFailures(models.Model):
    """How often, of late, a password was wrong for whatever `key` stands for."""

    LONGEST_MEMORY = timedelta(hours=1)

    # A keyed hash, since it stands for names and network addresses
    key = models.CharField(max_length=64, unique=True)
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.key[:8]}: {self.count}"

    def within(self, memory: timedelta) -> int:
        """Return how many there were, or 0 if the last one is longer ago than `memory`."""
        return self.count if timedelta(0) <= timezone.now() - self.last_at + TOLERANCE < memory + TOLERANCE else 0

    @classmethod
    def clean_up(cls) -> None:
        """Delete those that count no longer."""
        now = timezone.now()
        cls.objects.exclude(last_at__range=(now - cls.LONGEST_MEMORY, now + TOLERANCE)).delete()


class PasswordResetQuerySet(models.QuerySet["PasswordReset"]):
    def of_the_hour(self) -> Self:
        return self.filter(created_at__range=(Now() - PasswordReset.LIFETIME, Now() + TOLERANCE))

    def due(self) -> Self:
        """What may be tried now, longest due first."""
        # None waits so long: it was set while the clock was ahead.
        is_wrong = Q(next_attempt__gt=Now() + PasswordReset.LIFETIME)
        waiting = self.of_the_hour().filter(Q(next_attempt__lte=Now()) | is_wrong, sent_at=None)
        return waiting.order_by("next_attempt", "pk")


class PasswordReset(models.Model):
    """
    A mail with a link for a new password, which somebody has asked for.

    It holds neither the address nor the link, which are looked up and made when it is sent. Whoever moves
    `next_attempt` to a later time has claimed it until then. One that is not sent within an hour never is.
    """

    LIFETIME = timedelta(hours=1)

    # Nobody if there is no such account: who asks must not be able to tell, not even by the time that it takes.
    # Without a constraint, since the release before deletes users without knowing this table.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, db_constraint=False, related_name="+")
    language = models.CharField(max_length=10)
    created_at = models.DateTimeField(db_default=Now())
    next_attempt = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)

    objects = PasswordResetQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.user_id}"

    @classmethod
    def clean_up(cls) -> None:
        """Delete those whose hour is over."""
        cls.objects.exclude(pk__in=cls.objects.of_the_hour()).delete()
