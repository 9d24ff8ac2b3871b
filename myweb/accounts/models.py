"""The one-time link with which the first administrator is made."""

import hashlib
import secrets

from django.contrib.auth import get_user_model
from django.db import models, transaction


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
