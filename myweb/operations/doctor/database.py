"""The database: there, writable, and with all tables."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models.functions import Now

from . import network
from .faults import Fault, quote
from .way import way

LOCK = 5  # seconds to wait for others


def reachable() -> str:
    if connection.vendor == "sqlite":
        _find_file()
    try:
        # SQLite does not open the file for less.
        connection.introspection.table_names()
    except DatabaseError as error:
        if connection.vendor == "postgresql":
            _find_server()
        raise Fault(
            f"The database does not let this site in: {quote(error)}.",
            "Check DATABASE_URL, and the rights on the database.",
        ) from error
    return f"{connection.display_name} answers"


def _find_file() -> None:
    """Opening a file that is missing would make an empty one."""
    name = connection.settings_dict["NAME"]
    if not connection.is_in_memory_db() and not Path(name).exists():  # type: ignore[attr-defined]
        raise Fault(
            f"There is no database at {name}, or this user cannot see it.",
            "Correct DATABASE_URL or MYWEB_VAR; a start makes a new one, a backup has the old one.",
        )


def _find_server() -> None:
    """Raise what keeps the server from being reached at all, if it is that."""
    host = settings.DATABASES["default"]["HOST"]
    if not host or host.startswith("/"):
        return
    port = int(settings.DATABASES["default"]["PORT"] or 5432)
    service = network.Service("database server", host, port, "DATABASE_URL", "DATABASE_URL", (5432, 5433, 6432))
    network.resolve(service)
    network.connect(service).close()


def writable() -> str:
    """Write a row and take it back. Sessions are what nothing else in the site looks at."""
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL lock_timeout = '{LOCK}s'")
            Session(session_key=f"doctor{secrets.token_hex(12)}", session_data="", expire_date=Now()).save(
                force_insert=True
            )
            transaction.set_rollback(True)
    except DatabaseError as error:
        raise _why_not_writable(error) from error
    return "a row was written and taken back"


@contextmanager
def impatient() -> Iterator[None]:
    """Let new connections to SQLite wait for its lock no longer than a probe may take."""
    options = settings.DATABASES["default"].setdefault("OPTIONS", {})
    before = dict(options)
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        options["timeout"] = LOCK
    try:
        yield
    finally:
        options.clear()
        options.update(before)


def _why_not_writable(error: Exception) -> Fault:
    words = str(error).lower()
    if "locked" in words or "timeout" in words:
        return Fault(
            f"Another program has held the database locked for more than {LOCK} seconds.",
            "End what works on the database: a backup that hangs, a sqlite3 or psql left open.",
        )
    if "disk" in words and "full" in words:
        return Fault("The disk of the database is full.", "Make room on it.")
    if "no such table" in words or "does not exist" in words:
        return Fault("The tables of the database are missing.", f"Run {way().manage} migrate.")
    return Fault(
        f"The database can be read, but not written: {quote(error)}.",
        "Let the site's user write to the file of the database and to the directory around it."
        if connection.vendor == "sqlite"
        else "Give the site's database user the right to write; a standby server has to be replaced by the primary.",
    )


def migrations() -> str:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        first = f"{plan[0][0].app_label}.{plan[0][0].name}"
        raise Fault(
            f"{len(plan)} migrations of the database are missing, the first is {first}.",
            f"Run {way().manage} migrate. {way().restart}.",
        )
    return "none is missing"
