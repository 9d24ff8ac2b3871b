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

from myweb.installation import here
from myweb.operations.backup import integrity, keeping

from . import network
from .faults import Fault, NotChecked, quote

LOCK = 5  # seconds to wait for others

_FULL = (
    "Nothing is wrong with DATABASE_URL: end what else is connected there (SELECT * FROM pg_stat_activity), or raise"
    " max_connections. Each process of uWSGI needs one."
)
_REFUSALS = {
    "too many clients": _FULL,
    "too many connections": _FULL,
    "remaining connection slots": _FULL,
    "the database system is": "It starts, stops or recovers: wait a minute; its log says how far it is.",
    "password authentication failed": "Correct the password in DATABASE_URL, or set it there: ALTER ROLE … PASSWORD.",
    "no password supplied": "Put the password into DATABASE_URL.",
    "no pg_hba.conf entry": "Let this machine in: a line for it in the server's pg_hba.conf, and reload the server.",
}


def reachable() -> str:
    if connection.vendor == "sqlite":
        _find_file()
    try:
        # SQLite does not open the file for less.
        connection.introspection.table_names()
    except DatabaseError as error:
        if connection.vendor == "postgresql":
            _find_server()
        raise Fault(f"The database does not let this site in: {quote(error)}.", _how_to_get_in(str(error))) from error
    return f"{connection.display_name} answers"


def _how_to_get_in(words: str) -> str:
    """Return what helps against a refusal of PostgreSQL, which libpq tells without its code."""
    for said, fix in _REFUSALS.items():
        if said in words:
            return fix
    return "Check DATABASE_URL, and the rights on the database."


def rights() -> str:
    """What migrations and the proof of a backup need, which works in a schema of its own."""
    if connection.vendor != "postgresql":
        raise NotChecked("SQLite has no roles.")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, current_database(), current_schema(),"
            " has_database_privilege(current_database(), 'CREATE'), has_schema_privilege(current_schema(), 'CREATE')"
        )
        role, database, schema, may_make_schemas, may_make_tables = cursor.fetchone()
    if not may_make_schemas:
        raise Fault(
            f"The role {role} may not make schemas: backups cannot be proven or restored.",
            f'As a superuser of the database: GRANT CREATE ON DATABASE "{database}" TO "{role}".',
        )
    if not may_make_tables:
        raise Fault(
            f"The role {role} may not make tables: the next version cannot be installed.",
            f'As a superuser of the database: GRANT CREATE ON SCHEMA "{schema}" TO "{role}".',
        )
    return f"the role {role} may make schemas and tables"


def _find_file() -> None:
    path = Path(connection.settings_dict["NAME"])
    if connection.is_in_memory_db() or (path.exists() and path.stat().st_size):  # type: ignore[attr-defined]
        return
    raise Fault(
        f"There is no database at {path}, or this user cannot see it.",
        f"If it should be elsewhere, correct DATABASE_URL or MYWEB_VAR. If it is lost: {keeping.how_to_restore()}",
    )


def whole() -> str:
    """Look for damage: what the last backup has seen, and what a short look shows."""
    if connection.vendor == "postgresql":
        return _checksums()
    words, last = integrity.quick_complaint(Path(connection.settings_dict["NAME"])), integrity.last()
    if words := words or (last.words if last else ""):
        raise Fault(f"The database is damaged: {quote(words)}.", _how_to_replace())
    if words is None and last is None:
        raise NotChecked("It is too large for a quick look; the next backup looks at all of it.")
    return f"nothing is wrong with it{f', said the backup of {last.at}' if last else ''}"


def _checksums() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('data_checksums'), checksum_failures, checksum_last_failure FROM pg_stat_database"
            " WHERE datname = current_database()"
        )
        are_on, failures, last = cursor.fetchone()
    if are_on != "on":
        return "the server keeps no checksums of its pages; a backup reads all rows"
    if failures:
        raise Fault(
            f"The database is damaged: the server has read {failures} pages with wrong checksums, the last one on"
            f" {last:%d %B %Y %H:%M}.",
            f"{_how_to_replace()} Into a new database on another disk, if that one fails.",
        )
    return "the server has read no page with a wrong checksum"


def _how_to_replace() -> str:
    return (
        f"{here().stop}. {keeping.how_to_restore()} The damaged database is kept aside, and the messages in it that can"
        " be read are taken over. Publish or delete nothing before that: it may be the only copy."
        if connection.vendor == "sqlite"
        else f"{here().stop}. {keeping.how_to_restore()} Publish or delete nothing before that: it may be the only"
        " copy."
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
        return Fault(
            "The tables of the database are missing.",
            f"For a new site, run {here().manage} prepare. If there was one: {keeping.how_to_restore()}",
        )
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
            f"Run {here().manage} migrate. {here().restart}.",
        )
    return "none is missing"
