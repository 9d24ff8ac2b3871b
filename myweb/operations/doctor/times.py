"""What was stored while the clock was ahead."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.db.models import Max, Model
from django.utils import timezone

from myweb.contact.models import ContactMessage
from myweb.operations.backup.keeping import time_in_name
from myweb.operations.models import BackupProof
from myweb.pages.models import Page

from .faults import Fault

# Nodes may differ by as much without harm.
TOLERANCE = timedelta(minutes=5)

STORED: list[tuple[str, type[Model], str]] = [
    ("A message", ContactMessage, "created_at"),
    ("The change of a page", Page, "updated_at"),
    ("An entry of the admin's log", LogEntry, "action_time"),
    ("A proven backup", BackupProof, "made_at"),
    ("The proof of a backup", BackupProof, "proven_at"),
]


def ahead() -> str:
    """Compare this machine's clock with what it, or that of the database, has said before."""
    now = timezone.now()
    for what, moment in [*_rows(), *_files()]:
        if moment > now + TOLERANCE:
            raise Fault(
                f"{what} is of {moment:%Y-%m-%d %H:%M} UTC, but now is {now:%Y-%m-%d %H:%M} UTC: the clock of this"
                " machine is slow, or has been ahead.",
                "See what timedatectl says. If the clock is right now, nothing has to be done: a time in the future"
                " counts as none, and is named here until then or until what has it is deleted.",
            )
    return "nothing that was stored lies in the future"


def _rows() -> Iterator[tuple[str, datetime]]:
    for what, model, name in STORED:
        newest = model._default_manager.aggregate(newest=Max(name))["newest"]
        if newest:
            yield what, newest


def _files() -> Iterator[tuple[str, datetime]]:
    directory = settings.VAR / "backups"
    for path in directory.glob("*"):
        if moment := time_in_name(path):
            yield f"The backup {path.name}", moment
        yield f"The file {path}", datetime.fromtimestamp(path.stat().st_mtime, UTC)
