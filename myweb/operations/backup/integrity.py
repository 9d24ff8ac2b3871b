"""
Whether the database is whole.

Looked at in every backup that is made, and remembered beside the backups, which outlive the database. SQLite finds what
breaks its structure; a letter of a text that has changed on the disk it cannot see.
"""

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

QUICK = 2.0  # seconds for a look at the file that is in use, since a reader blocks every commit

MISSING = "the file is missing or empty"


@dataclass(frozen=True)
class Look:
    """What a look at the database has found: `words` of SQLite, or "" if nothing is wrong."""

    at: str
    words: str


def complaint(raw: Any) -> str:
    """Return the first thing that SQLite finds wrong with the database that `raw` is connected to, or ""."""
    try:
        [[words]] = raw.execute("PRAGMA integrity_check(1)").fetchall()
        if words != "ok":
            return _line(words)
        if violation := raw.execute("PRAGMA foreign_key_check").fetchone():
            return f"a row of {violation[0]} belongs to one of {violation[2]} that is not there"
    except sqlite3.DatabaseError as error:
        return _line(error)
    return ""


def quick_complaint(path: Path) -> str | None:
    """Return the same of the file at `path`, which is in use; None if it is too large for a quick look."""
    if not path.exists() or not path.stat().st_size:
        return MISSING
    deadline = time.monotonic() + QUICK
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", timeout=QUICK, uri=True)) as raw:
            raw.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
            [[words]] = raw.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.DatabaseError as error:
        # Locked by others all the time, or not through in time
        return None if "interrupted" in str(error) or "locked" in str(error) else _line(error)
    return "" if words == "ok" else _line(words)


def _line(words: object) -> str:
    return " ".join(str(words).split())


def remember(words: str) -> None:
    path = _path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(asdict(Look(time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), words))))
    new.replace(path)


def last() -> Look | None:
    """Return what the last backup has found; None if there was none."""
    try:
        return Look(**json.loads(_path().read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _path() -> Path:
    return Path(settings.VAR, "backups", "integrity.json")
