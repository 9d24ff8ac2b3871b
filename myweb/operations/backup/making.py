"""A backup is made."""

import re
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError
from django.utils import timezone

import myweb
from myweb.installation import here

from . import dialects
from .archive import SETTINGS, Archive, Manifest, Writer
from .keeping import new_path

_SECRET = re.compile("SECRET|PASSWORD|TOKEN|KEY|DATABASE_URL")


def make(path: Path | None, directory: Path, portable: bool) -> Path:
    """Write a backup to `path`, or to a new file among the others; return where it is."""
    path = path or new_path("portable" if portable else "myweb")
    with Writer(path) as writer:
        kind, facts = dialects.dump(writer, directory, portable)
        if not facts.migrations:
            raise CommandError(f"There is no site in this database yet: run {here().manage} prepare.")
        # After the database: a file is there before the row that refers to it.
        writer.add_media(settings.MEDIA_ROOT)
        finish(writer, kind, facts)
    return path


def finish(writer: Writer, kind: str, facts: dialects.Facts) -> Manifest:
    """Add the settings and what a restore has to know, and put the archive where it is to be."""
    public, secret = environment()
    with writer.part(SETTINGS) as part:
        part.write("".join(f"{name}={value}\n" for name, value in public.items()).encode())
    return writer.finish(
        kind=kind,
        version=myweb.__version__,
        made_at=timezone.now().isoformat(timespec="seconds"),
        engine=facts.engine,
        schema=facts.schema,
        migrations=facts.migrations,
        counts=facts.counts,
        sequences=facts.sequences,
        secrets=secret,
    )


def environment() -> tuple[dict[str, str], list[str]]:
    """Return the settings that the environment has, and the names of those that are nobody else's business."""
    from myweb.settings import given

    names = sorted(given)
    public = {name: " ".join(given[name].splitlines()) for name in names if not _SECRET.search(name)}
    return public, [name for name in names if name not in public]


def check_age(archive: Archive) -> None:
    """Raise CommandError if a newer release made the archive."""
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(None, ignore_no_migrations=True)
    known = set(loader.disk_migrations)
    for migration in loader.disk_migrations.values():
        known.update(migration.replaces)
    made = {(app, name) for app, names in archive.manifest.migrations.items() for name in names}
    if unknown := sorted(made - known):
        raise CommandError(
            f"{archive.path} was made by a newer release, {archive.manifest.version}: it has the migration "
            f"{'.'.join(unknown[0])}, which this release, {myweb.__version__}, does not know. "
            "Install that release first."
        )
