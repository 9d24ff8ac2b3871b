import secrets
import time
from typing import NamedTuple

from django.db import connection, models
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
        found = cls.read()
        return found[0] if found and found[1] else None

    @classmethod
    def read(cls) -> tuple[Number, bool] | None:
        """Return the current generation, and whether publishing is switched on; None on a site that is empty."""
        # Asked with every page: for the ORM to build this takes ten times as long as to answer it.
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT number, token, is_on FROM {cls._meta.db_table} ORDER BY id LIMIT 1")  # noqa: S608
            row = cursor.fetchone()
        return (Number(row[0], row[1]), bool(row[2])) if row else None

    @classmethod
    def advance(cls, beyond: int = 0) -> None:
        """Begin a new generation, with a number higher than `beyond`, in the transaction that is open."""
        number = max(int(time.time()), beyond + 1)
        token = secrets.token_hex(8)
        if not cls.objects.update(number=Greatest(F("number") + 1, number), token=token):
            cls.objects.create(number=number, token=token)
