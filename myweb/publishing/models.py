import secrets
import time
from typing import NamedTuple

from django.db import models
from django.db.models import F
from django.db.models.functions import Greatest


class Number(NamedTuple):
    """Which generation it is: numbers say the order, the token tells two with the same number apart."""

    number: int
    token: str


class Generation(models.Model):
    """
    The state of all content: one row, which is written in every transaction that changes any.

    `number` rises by at least 1, and is at least the time in seconds since 1970: published files have from it their
    modification time, of which Nginx makes their ETag. The token is for a database that came back from a backup.
    """

    number = models.BigIntegerField()
    token = models.CharField(max_length=16)
    is_on = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.number}-{self.token}"

    @classmethod
    def load(cls) -> Number | None:
        """Return the current generation, or None as long as publishing is switched off."""
        row = cls.objects.filter(is_on=True).values_list("number", "token").first()
        return Number(*row) if row else None

    @classmethod
    def advance(cls, beyond: int = 0) -> None:
        """Begin a new generation, with a number higher than `beyond`, in the transaction that is open."""
        number = max(int(time.time()), beyond + 1)
        token = secrets.token_hex(8)
        if not cls.objects.update(number=Greatest(F("number") + 1, number), token=token):
            cls.objects.create(number=number, token=token)
