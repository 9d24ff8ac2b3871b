"""A database beside the site's, in which a backup becomes a site without anybody noticing."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Self

import psycopg
from django.conf import settings
from django.core.management import CommandError
from django.db import connection

from myweb.installation import here

from . import dialects
from .archive import MANIFEST, Archive, Damaged

SCHEMA = "myweb_scratch"


class Scratch:
    """A directory below var/ and, on PostgreSQL, a schema, which are thrown away. To be used under the lock."""

    def __init__(self) -> None:
        self.directory = settings.VAR / "scratch"

    def __enter__(self) -> Self:
        self._remove_directory()  # of a process that was killed
        self.directory.mkdir(mode=0o700, parents=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._remove_directory()

    def _remove_directory(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


class ScratchDatabase(Scratch):
    """With a database in it, which `load()` fills from an archive."""

    def __enter__(self) -> Self:
        super().__enter__()
        (self.directory / "static").symlink_to(settings.STATIC_ROOT)
        if dialects.is_sqlite():
            (self.directory / "db.sqlite3").touch(mode=0o600)
        else:
            self._make_schema()
        return self

    def __exit__(self, *error: object) -> None:
        if not dialects.is_sqlite():
            self._lock.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            self._lock.close()
        super().__exit__(*error)

    def _make_schema(self) -> None:
        parameters = connection.get_connection_params()
        self._lock = psycopg.connect(**parameters, autocommit=True)
        # The lock in var/ is of this machine; others may share the database.
        if not self._lock.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [SCHEMA]).fetchone()[0]:  # type: ignore[index]
            raise CommandError("Another machine restores or proves a backup in this database: try again later.")
        try:
            self._lock.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            self._lock.execute(f"CREATE SCHEMA {SCHEMA}")
        except psycopg.errors.InsufficientPrivilege as error:
            user, name = self._lock.info.user, self._lock.info.dbname
            raise CommandError(
                f"The database user {user} may not make the schema that a backup is tried out in. As the owner of the "
                f'database, type: GRANT CREATE ON DATABASE "{name}" TO "{user}";'
            ) from error

    @contextmanager
    def raw(self) -> Iterator[dialects.Raw]:
        if dialects.is_sqlite():
            with closing(sqlite3.connect(self.directory / "db.sqlite3", isolation_level=None)) as raw:
                yield raw
        else:
            with dialects.raw_connection(SCHEMA) as raw:
                yield raw

    def load(self, archive: Archive) -> None:
        """Fill the database with what is in the archive, check it, and bring it to this release."""
        manifest = archive.manifest
        if manifest.kind not in ("portable", connection.vendor):
            raise CommandError(
                f"{archive.path} is of {manifest.engine}, and this site uses {connection.display_name}. Where it comes "
                f"from, make one that fits both: {here().manage} backup --portable"
            )
        path = self.directory / manifest.dump
        archive.extract(manifest.dump, path)
        archive.extract_manifest(self.directory / MANIFEST)
        try:
            if manifest.kind == "portable":
                self.run("-m", "myweb.operations.backup.in_scratch", "load", str(path))
            elif manifest.kind == "sqlite":
                path.rename(self.directory / "db.sqlite3")
            else:
                with self.raw() as raw:
                    dialects.load_pg_dump(path, manifest.schema, raw)
            self._check(archive)
        except (sqlite3.Error, psycopg.Error) as error:
            raise Damaged(f"{archive.path} is damaged: {manifest.dump} cannot be loaded: {error}") from error
        path.unlink(missing_ok=True)
        self.run("manage.py", "migrate", "--no-input", "--verbosity=0")

    def _check(self, archive: Archive) -> None:
        with self.raw() as raw:
            if dialects.is_sqlite():
                for check in ("integrity_check", "foreign_key_check"):
                    answer = raw.execute(f"PRAGMA {check}").fetchall()
                    if answer not in ([], [("ok",)]):
                        raise Damaged(f"{archive.path} is damaged: {archive.manifest.dump} fails {check}: {answer[0]}")
            there = set(dialects.table_names(raw))
            expected = archive.manifest.counts
            found = dialects.count(raw, there & set(expected))
        for table, number in expected.items():
            if found.get(table) != number:
                raise Damaged(
                    f"{archive.path} is damaged: {archive.manifest.dump} has {found.get(table, 'no')} rows in "
                    f"{table} instead of {number}."
                )

    def run(self, *command: str) -> None:
        """Run Python with this as the site; raise CommandError with what it prints if it fails."""
        own: dict[str, Any] = {
            "DATABASE_URL": dialects.scratch_url(self.directory, SCHEMA),
            "DJANGO_SETTINGS_MODULE": "myweb.settings",
            "MYWEB_VAR": str(self.directory),
            # Nobody listens; but no path of a socket may be so long as one below the scratch directory can be.
            "MYWEB_UWSGI_SOCKET": settings.UWSGI_SOCKET,
            "SECRET_KEY": settings.SECRET_KEY,
        }
        environment = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in own} | own
        done = subprocess.run(
            [sys.executable, *command],
            cwd=settings.BASE_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if sys.stderr.isatty() else subprocess.PIPE,  # for the bars
            text=True,
        )
        if done.returncode:
            words = (done.stdout or done.stderr or "").strip() or f"{command[1]} ended with {done.returncode}."
            raise CommandError(words.splitlines()[-1])
