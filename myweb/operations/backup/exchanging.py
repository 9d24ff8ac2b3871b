"""
Another file in the place of SQLite's, which is damaged or missing, while the site may be running.

Nobody writes meanwhile: whoever writes has to get the lock of the old file, which is held here until the new one is
there, and then looks whether it still is the site's (myweb.db.sqlite3). What visitors wrote since the backup is taken
over as far as it can be read. Killed at any moment, either the old file is in its place, or the new one.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management import CommandError

from myweb.tables import Table, tables

from .archive import synchronise

PATIENCE = 30  # seconds to wait for others; a request has its end within 60


def put_in_place(new: Path, path: Path) -> tuple[Path | None, int]:
    """Copy the database `new` to `path`; return where the old one is kept, and how many new messages it had."""
    kept, taken_over = None, 0
    # Beside it, since only within one file system a file can replace another in one step
    beside = path.with_name(f".{path.name}.new")
    with _held(path) as old, ExitStack() as stack:
        stack.callback(beside.unlink, missing_ok=True)
        if old:
            taken_over = _take_over(old, new)
        shutil.copyfile(new, beside)
        beside.chmod(0o600)
        synchronise(beside)
        if path.exists():
            kept = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
            os.link(path, kept)
            # SQLite would apply them to the new file.
            for suffix in ("-journal", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    Path(f"{path}{suffix}").rename(f"{kept}{suffix}")
        beside.replace(path)
        synchronise(path.parent)
    return kept, taken_over


@contextmanager
def _held(path: Path) -> Iterator[Any]:
    """Yield a connection that keeps all others from writing to the file at `path`; None if nobody can write to it."""
    if not path.exists():
        yield None
        return
    with closing(sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)) as old:
        try:
            with suppress(sqlite3.DatabaseError):
                old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            old.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise CommandError(
                    f"Another program has held the database locked for {PATIENCE} seconds: end it first. Nothing was"
                    " changed."
                ) from error
            yield None
        except sqlite3.DatabaseError:
            yield None
        else:
            yield old


def _take_over(old: Any, new: Path) -> int:
    """Write what can still be read of visitors' messages into the database `new`; return how many it did not have."""
    with closing(sqlite3.connect(new)) as target, target:
        before = _count(target)
        for table in tables(Table.TAKEN_OVER):
            columns = [name for name in _columns(target, table) if name in _columns(old, table)]
            names = ", ".join(f'"{name}"' for name in columns)
            places = ", ".join("?" * len(columns))
            for row in _readable(old, table, names):
                with suppress(sqlite3.DatabaseError):  # of a release that allows more
                    target.execute(f'INSERT OR REPLACE INTO "{table}" ({names}) VALUES ({places})', row)  # noqa: S608
        target.execute("DELETE FROM contact_delivery WHERE message_id NOT IN (SELECT id FROM contact_contactmessage)")
        for table, number in _sequences(old).items():
            # A number that a visitor was told is not given again.
            target.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", [number, table])
        return _count(target) - before


def _count(raw: Any) -> int:
    return int(raw.execute("SELECT count(*) FROM contact_contactmessage").fetchone()[0])


def _columns(raw: Any, table: str) -> list[str]:
    try:
        # The key first
        rows = raw.execute(f'PRAGMA table_info("{table}")').fetchall()
    except sqlite3.DatabaseError:
        return []
    return [row[1] for row in sorted(rows, key=lambda row: not row[5])]


def _sequences(raw: Any) -> dict[str, int]:
    try:
        return dict(raw.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
    except sqlite3.DatabaseError:
        return {}


def _readable(raw: Any, table: str, names: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a table that may be damaged, and step over those that cannot be read."""
    if not names:
        return
    last, highest = 0, _highest(raw, table)
    while True:
        try:
            for row in raw.execute(f'SELECT {names} FROM "{table}" WHERE id > ? ORDER BY id', [last]):  # noqa: S608
                yield row
                last = row[0]
            return
        except sqlite3.DatabaseError:
            last += 1
            if last > highest:
                return


def _highest(raw: Any, table: str) -> int:
    """Return the number of the last row that can be read."""
    try:
        row = raw.execute(f'SELECT id FROM "{table}" ORDER BY id DESC LIMIT 1').fetchone()  # noqa: S608
    except sqlite3.DatabaseError:
        return _sequences(raw).get(table, 0)
    return row[0] if row else 0
