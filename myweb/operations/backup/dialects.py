"""What differs between SQLite and PostgreSQL: a copy at one moment, a place to try it out, and what is in it."""

import os
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, cast
from urllib.parse import quote, urlencode

import psycopg
from django.apps import apps
from django.conf import settings
from django.core import serializers
from django.core.management import CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, connections, models, transaction
from django.db.backends.postgresql.client import DatabaseClient
from tqdm import tqdm

from myweb.installation import here
from myweb.tables import Table, tables

from . import integrity
from .archive import DUMPS, Writer, progress

# A second connection to the database, without Django: sqlite3's or psycopg's, which have the same execute().
Raw = Any


@dataclass
class Facts:
    """What a database has at one moment."""

    engine: str
    schema: str
    migrations: dict[str, list[str]]
    counts: dict[str, int]
    sequences: dict[str, int]


def is_sqlite() -> bool:
    return connection.vendor == "sqlite"


def facts(raw: Raw) -> Facts:
    """Ask the database, or the schema, that `raw` is connected to."""
    migrations: dict[str, list[str]] = {}
    names = table_names(raw)
    if "django_migrations" in names:
        for app, name in raw.execute("SELECT app, name FROM django_migrations ORDER BY app, name").fetchall():
            migrations.setdefault(app, []).append(name)
    if is_sqlite():
        engine, schema = f"SQLite {sqlite3.sqlite_version}", ""
    else:
        server, schema = raw.execute("SELECT current_setting('server_version'), current_schema()").fetchone()
        engine = f"PostgreSQL {server}"
    return Facts(engine, schema, migrations, count(raw, names), sequences(raw))


def table_names(raw: Raw) -> list[str]:
    query = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
    if is_sqlite():
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    return [name for (name,) in raw.execute(query).fetchall()]


def count(raw: Raw, names: Iterable[str]) -> dict[str, int]:
    return {table: raw.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in names}  # noqa: S608


_SEQUENCES = """
    SELECT t.relname, s.relname FROM pg_class s
    JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')
    JOIN pg_class t ON t.oid = d.refobjid
    WHERE s.relkind = 'S' AND t.relnamespace = current_schema()::regnamespace
"""


def sequences(raw: Raw) -> dict[str, int]:
    """Return the last number that was given to a row, by table: it is not given again, although the row is gone."""
    if is_sqlite():
        return dict(raw.execute("SELECT name, seq FROM sqlite_sequence").fetchall() if _has_sequences(raw) else [])
    query = 'SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM "{}"'
    return {
        table: raw.execute(query.format(sequence)).fetchone()[0]
        for table, sequence in raw.execute(_SEQUENCES).fetchall()
    }


def _has_sequences(raw: Raw) -> bool:
    return bool(raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone())


def raise_sequences(cursor: Any, values: dict[str, int]) -> None:
    """
    Go on with the numbers after the given ones, in the connection that `cursor` belongs to.

    Never with lower ones: PostgreSQL does not take that back when a transaction fails, and visitors who wrote since
    the backup have been told theirs.
    """
    if is_sqlite():
        for table, value in values.items():
            cursor.execute("UPDATE main.sqlite_sequence SET seq = max(seq, %s) WHERE name = %s", [value, table])
            if not cursor.rowcount:
                cursor.execute("INSERT INTO main.sqlite_sequence (name, seq) VALUES (%s, %s)", [table, value])
        return
    cursor.execute(_SEQUENCES)
    for table, sequence in cursor.fetchall():
        if last := values.get(table):
            query = f'SELECT setval(%s, greatest(last_value, %s)) FROM "{sequence}"'  # noqa: S608
            cursor.execute(query, [f'"{sequence}"', last])


@contextmanager
def raw_connection(schema: str = "") -> Iterator[Raw]:
    """Connect to the site's PostgreSQL beside Django, in another schema if one is named."""
    parameters = connection.get_connection_params()
    if schema:
        parameters["options"] = f"{parameters.get('options', '')} -c search_path={schema}".strip()
    with psycopg.connect(**parameters) as raw:
        yield raw


# Writing


def dump(writer: Writer, directory: Path, portable: bool) -> tuple[str, Facts]:
    """Add the database to the archive; return the kind of part that it is, and what is in it."""
    if is_sqlite():
        return _dump_sqlite(writer, directory / "copy.sqlite3", portable)
    return _dump_portable_postgresql(writer) if portable else _dump_postgresql(writer)


def _dump_sqlite(writer: Writer, copy: Path, portable: bool) -> tuple[str, Facts]:
    path = Path(connection.settings_dict["NAME"])
    if not path.exists():
        raise CommandError(
            f"There is no database at {path}: restore a backup; for a new site, run {here().manage} prepare."
        )
    source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", timeout=20, uri=True)
    with closing(source), closing(sqlite3.connect(copy, isolation_level=None)) as raw:
        copy.chmod(0o600)
        raw.execute("PRAGMA synchronous=OFF")
        # In one step: with several, writers in between make it begin again, and an open cursor blocks every commit.
        # Not from Django's connection: while restore holds the lock with it, this would wait for itself.
        source.backup(raw)
        raw.execute("PRAGMA journal_mode=DELETE")
        integrity.remember(words := integrity.complaint(raw))
        if words:
            raise CommandError(
                f"The database is damaged ({words}), and no backup was made of it. The doctor says what to do."
            )
        found = facts(raw)
    if portable:
        connections.databases["copy"] = {**connection.settings_dict, "NAME": str(copy)}
        try:
            _serialise(writer, "copy", found)
        finally:
            connections["copy"].close()
            del connections["copy"], connections.databases["copy"]
        return "portable", found
    with copy.open("rb") as file, progress(copy.stat().st_size, "Database") as bar:
        writer.add_file(DUMPS["sqlite"], file, bar)
    return "sqlite", found


def _dump_postgresql(writer: Writer) -> tuple[str, Facts]:
    with raw_connection() as raw:
        raw.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        found = facts(raw)
        [snapshot] = raw.execute("SELECT pg_export_snapshot()").fetchone()
        options = ["--format=custom", f"--schema={found.schema}", f"--snapshot={snapshot}", "--no-owner"]
        options += ["--no-privileges", "--no-comments", "--no-password", "--lock-wait-timeout=60s"]
        # The arguments of psql are those of pg_dump, and keep the password out of the list of processes.
        arguments, environment = DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, options)
        command = ["pg_dump", *arguments[1:]]
        with _output_of(command, environment or {}) as output, progress(0, "Database") as bar:
            writer.add_file(DUMPS["postgresql"], output, bar, compressed=False)
    return "postgresql", found


@contextmanager
def _output_of(command: list[str], environment: dict[str, str]) -> Iterator[IO[bytes]]:
    """Yield what one of PostgreSQL's own programs writes; raise CommandError with its words if it fails."""
    with TemporaryFile(dir=settings.VAR) as errors:
        try:
            process = subprocess.Popen(
                command,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        except FileNotFoundError as error:
            raise CommandError(f"There is no {command[0]} here: install the package postgresql-client.") from error
        with process:
            yield cast(IO[bytes], process.stdout)
        if process.returncode:
            errors.seek(0)
            words = errors.read().decode(errors="replace").strip()
            raise CommandError(f"{command[0]} failed: {words}")


def _dump_portable_postgresql(writer: Writer) -> tuple[str, Facts]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        found = facts(connection.connection)
        _serialise(writer, "default", found)
    return "portable", found


class _ExactEncoder(DjangoJSONEncoder):
    """Django's own cuts off the microseconds."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if hasattr(o, "isoformat") else super().default(o)


def portable_models() -> list[type[models.Model]]:
    forgotten = tables(Table.FORGOTTEN)
    return [model for model in apps.get_models() if not model._meta.proxy and model._meta.db_table not in forgotten]


def _serialise(writer: Writer, alias: str, found: Facts) -> None:
    """Write the rows of these models as lines of JSON, with their keys, and reduce `found` to what was written."""
    if any(model._meta.db_table not in found.counts for model in portable_models()):
        raise CommandError(f"This site's database is not of this release: run {here().manage} migrate first.")
    written = set()
    total = sum(found.counts[model._meta.db_table] for model in portable_models())
    bar = tqdm(total=total, desc="Rows", disable=None, leave=False)
    with writer.part(DUMPS["portable"]) as part, bar:
        for model in portable_models():
            written |= {model._meta.db_table, *(field.m2m_db_table() for field in model._meta.local_many_to_many)}
            rows = model._base_manager.using(alias).order_by("pk")
            for row in rows.iterator(chunk_size=500):
                part.write(serializers.serialize("jsonl", [row], cls=_ExactEncoder).encode())
                bar.update()
    found.counts = {table: found.counts[table] for table in sorted(written)}


# A scratch database


def scratch_url(directory: Path, schema: str) -> str:
    """Return the DATABASE_URL of a file in `directory`, or of a schema in the site's database."""
    if is_sqlite():
        return f"sqlite:///{quote(str(directory / 'db.sqlite3'))}"
    site = connection.settings_dict
    options = {name: value for name, value in site["OPTIONS"].items() if isinstance(value, str | int)}
    options["options"] = f"{options.get('options', '')} -c search_path={schema}".strip()
    login = quote(site["USER"], safe="")
    if site["PASSWORD"]:
        login += f":{quote(site['PASSWORD'], safe='')}"
    place = quote(site["HOST"], safe="") + (f":{site['PORT']}" if site["PORT"] else "")
    return f"postgres://{login}@{place}/{quote(site['NAME'], safe='')}?{urlencode(options)}"


def load_pg_dump(path: Path, from_schema: str, raw: Raw) -> None:
    """
    Run what pg_restore makes of the dump at `path`, in the schema that `raw` is connected to.

    pg_restore itself has no way to choose the schema, and a database of its own is more than most roles may make.
    """
    to_schema = raw.execute("SELECT current_schema()").fetchone()[0]

    def translated(line: bytes) -> bytes:
        # Only statements, of which Django has none with texts in them that could look like this.
        return line.replace(f"{from_schema}.".encode(), f"{to_schema}.".encode())

    command = ["pg_restore", "--no-owner", "--no-privileges", f"--schema={from_schema}", "--file=-", str(path)]
    with _output_of(command, {}) as lines:
        statements: list[bytes] = []
        for line in lines:
            if line.startswith(b"COPY "):
                raw.execute(b"".join(statements))
                statements = []
                with raw.cursor().copy(translated(line)) as copy:
                    for row in lines:
                        if row == b"\\.\n":
                            break
                        copy.write(row)
            # Settings of the server that made it, which this one may not know, and commands of psql
            elif not line.startswith((b"SET ", b"\\", b"--", b"SELECT pg_catalog.set_config(")):
                statements.append(translated(line))
        raw.execute(b"".join(statements))
    raw.commit()
