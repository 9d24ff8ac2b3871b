"""
A backup becomes the site, which may go on running.

Everything is checked and loaded beside the site first. Then uploads are added, which changes no page as their names are
new or their contents the same, and in the end one transaction replaces all rows. Killed at any moment, the site is
either the old one or the new one, and the same command can be given again.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import file_digest
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.template.defaultfilters import filesizeformat

from myweb.installation import here
from myweb.publishing.publisher import publisher
from myweb.tables import Table, tables

from . import dialects, integrity, keeping, making
from .archive import MEDIA, SETTINGS, Archive, Writer, media_files, progress
from .exchanging import put_in_place
from .scratch import SCHEMA, ScratchDatabase


def restore(path: Path, replace: bool) -> list[str]:
    """Make the backup at `path` the site; return sentences for the operator."""
    with Archive(path) as archive:
        making.check_age(archive)
        damage = damage_of_site()
        in_use, is_behind = look_at_damaged(damage, archive, replace) if damage else look_at_site(archive, replace)
        check_space(archive)
        archive.verify()
        with ScratchDatabase() as scratch:
            scratch.load(archive)
            if is_behind:
                call_command("migrate", interactive=False, verbosity=0)
            said = exchange_file(archive, scratch) if damage else exchange(archive, scratch, in_use)
        reload_workers()
        manifest = archive.manifest
        restored = f"Restored: the site of {manifest.made_at}, made by release {manifest.version}, {sum_of(archive)}."
        return [restored, *said, *what_to_do(archive)]


def damage_of_site() -> str:
    """Return what is wrong with SQLite's file, if its rows cannot be replaced for that; or ""."""
    if not dialects.is_sqlite():
        return ""
    last = integrity.last()
    return integrity.quick_complaint(Path(connection.settings_dict["NAME"])) or (last.words if last else "")


def look_at_damaged(damage: str, archive: Archive, replace: bool) -> tuple[bool, bool]:
    """As look_at_site(), for a database that is damaged, in a way that SQLite has said, or missing."""
    if damage != integrity.MISSING and not replace:
        raise CommandError(
            f"This site's database is damaged ({damage}). With --replace, its file is put aside, the messages in it"
            f" that can still be read are taken over, and the rest is replaced by {archive.path}."
        )
    return False, False


def exchange_file(archive: Archive, scratch: ScratchDatabase) -> list[str]:
    """Put the scratch database in the place of the site's, which is damaged or missing; return sentences."""
    with added_media(archive):
        connection.close()
        path = Path(connection.settings_dict["NAME"])
        kept, taken_over = put_in_place(scratch.directory / "db.sqlite3", path)
    integrity.remember("")
    publisher().follow()
    if kept is None:
        return []
    return [
        f"The damaged database is in {kept}, which stays until you remove it.",
        f"{taken_over} messages that came after the backup were taken over from it.",
    ]


def sum_of(archive: Archive) -> str:
    counts = archive.manifest.counts
    return (
        f"with {counts.get('pages_page', 0)} pages, {counts.get('contact_contactmessage', 0)} messages and "
        f"{len(archive.manifest.media)} files"
    )


def look_at_site(archive: Archive, replace: bool) -> tuple[bool, bool]:
    """Return whether there is anything here that would be lost, and whether tables have to be made first."""
    try:
        in_use = is_in_use()
        if in_use and not replace:
            raise CommandError(
                "This site is not empty. With --replace, what it has is saved to a backup and then replaced by "
                f"{archive.path}."
            )
        executor = MigrationExecutor(connection)
        unknown = set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations)
        is_behind = bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError as error:
        raise CommandError(f"This site's database cannot be read: {error}.") from error
    if in_use and (unknown or is_behind):
        raise CommandError(f"This site's database is not of this release: run {here().manage} migrate first.")
    return in_use, is_behind


def is_in_use() -> bool:
    with connection.cursor() as cursor:
        for table in set(connection.introspection.table_names(cursor)).difference(tables(Table.BOOKKEEPING)):
            cursor.execute(f'SELECT 1 FROM "{table}" LIMIT 1')  # noqa: S608
            if cursor.fetchone():
                return True
    return False


def check_space(archive: Archive) -> None:
    """Raise CommandError if the disk cannot hold the backup, unpacked, beside what is there."""
    there = sum(path.stat().st_size for path in media_files(settings.MEDIA_ROOT))
    # The database is there twice: beside the site's, and in it.
    needed = archive.size + 2 * archive.manifest.parts[archive.manifest.dump]["size"] + there
    free = shutil.disk_usage(settings.VAR).free
    if needed > free:
        raise CommandError(
            f"Restoring {archive.path} needs {filesizeformat(needed)} in {settings.VAR}, which has "
            f"{filesizeformat(free)}."
        )


def exchange(archive: Archive, scratch: ScratchDatabase, in_use: bool) -> list[str]:
    """Save the site if it is in use, then put the backup in its place; return where the old one is, in a sentence."""
    with ExitStack() as stack:
        writer = stack.enter_context(Writer(keeping.new_path("before-restore"))) if in_use else None
        if writer:
            # Most of the uploads now, so that nobody has to wait for them later.
            writer.add_media(settings.MEDIA_ROOT)
        added = stack.enter_context(added_media(archive))

        def save() -> None:
            if writer:
                kind, facts = dialects.dump(writer, scratch.directory, portable=False)
                writer.add_media(settings.MEDIA_ROOT, without=added)
                making.finish(writer, kind, facts)

        replace_rows(scratch, save)
        return [f"The site as it was before is in {writer.path}, which stays until you remove it."] if writer else []


@contextmanager
def added_media(archive: Archive) -> Iterator[set[Path]]:
    """Add the uploads to those that are there; take them away again if what is done with them fails."""
    added: set[Path] = set()
    try:
        with progress(archive.size, "Uploads") as bar:
            for name in archive.manifest.media:
                path = Path(settings.MEDIA_ROOT) / name.removeprefix(MEDIA)
                part = archive.manifest.parts[name]
                if not is_same(path, part["sha256"]):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    if not path.exists():
                        added.add(path)
                    archive.extract(name, path, mode=settings.FILE_UPLOAD_PERMISSIONS)
                bar.update(part["size"])
        yield added
    except BaseException:
        for path in added:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        raise


def is_same(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        return False


def replace_rows(scratch: ScratchDatabase, save: Callable[[], None]) -> None:
    """Call `save` and put the rows of the scratch database in the place of the site's, with nobody writing between."""
    with scratch.raw() as raw:
        sequences, there = dialects.sequences(raw), set(dialects.table_names(raw))
    with attached(scratch) as other, transaction.atomic(durable=True), connection.cursor() as cursor:
        both = there.intersection(connection.introspection.table_names(cursor))
        replaced = sorted(both.difference(tables(Table.OF_THIS_MACHINE)))
        names = ", ".join(f'"{table}"' for table in replaced)
        if not dialects.is_sqlite():  # where the transaction itself is the lock
            cursor.execute("SET LOCAL lock_timeout = '60s'")
            cursor.execute(f"LOCK TABLE {names} IN EXCLUSIVE MODE")
        save()
        # Constraints are checked at the end of the transaction. Readers see the old rows until then.
        for table in replaced:
            cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608
        for table in sorted(set(replaced).difference(tables(Table.FORGOTTEN))):
            description = connection.introspection.get_table_description(cursor, table)
            columns = ", ".join(f'"{column.name}"' for column in description)
            cursor.execute(f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM {other}."{table}"')  # noqa: S608
        dialects.raise_sequences(cursor, sequences)


@contextmanager
def attached(scratch: ScratchDatabase) -> Iterator[str]:
    """Yield the name under which the site's connection finds the scratch database."""
    if not dialects.is_sqlite():
        yield SCHEMA
        return
    with connection.cursor() as cursor:
        cursor.execute("ATTACH DATABASE %s AS scratch", [f"{(scratch.directory / 'db.sqlite3').as_uri()}?mode=ro"])
        try:
            yield "scratch"
        finally:
            cursor.execute("DETACH DATABASE scratch")


def reload_workers() -> None:
    """Have uWSGI, if it runs, start new workers: the old ones know the numbers of the content types by heart."""
    reload = settings.VAR / "run" / "reload"
    if reload.exists():
        reload.touch()


def what_to_do(archive: Archive) -> list[str]:
    """Say what a backup does not have, and what was set differently."""
    said = ["Everybody has to log in again."]
    if not dialects.is_sqlite():
        said.append("Other machines and containers that share the database: restart uWSGI there.")
    public, secret = making.environment()
    if missing := [name for name in archive.manifest.secrets if name not in secret and name != "DATABASE_URL"]:
        said.append(
            f"Secrets are not in a backup; these were set there and have to be set again: {', '.join(missing)}."
        )
    said.append(
        "The secret key is not in a backup either. If this is another machine, links in mails that were sent before "
        "work only with a copy of the old key."
    )
    there = archive.read(SETTINGS).decode().splitlines()
    machine = ("MYWEB_", "SECRET", "DATABASE")
    different = [line for line in there if line not in [f"{n}={v}" for n, v in public.items()]]
    if different := [line for line in different if not line.startswith(machine)]:
        said.append(f"Settings that were different there: {', '.join(different)}")
    return said
