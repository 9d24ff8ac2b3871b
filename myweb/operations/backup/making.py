"""A backup is made, and old ones go."""

import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError
from django.utils import timezone

import myweb
from myweb.installation import here

from . import dialects
from .archive import SETTINGS, Archive, Manifest, Writer

DAILY = 7
WEEKLY = 4

_NAME = re.compile(r"myweb-(\d{8}T\d{6}Z)\.zip")
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


def backups_directory() -> Path:
    directory: Path = settings.VAR / "backups"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def new_path(kind: str) -> Path:
    while True:
        path = backups_directory() / f"{kind}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.zip"
        if not path.exists():
            return path
        time.sleep(0.1)  # until the next second


def newest() -> Path:
    """Return the newest of the nightly backups; raise CommandError if there is none."""
    if path := _newest(backups_directory().iterdir()):
        return path
    raise CommandError(f"There is no backup in {backups_directory()}: make one with {here().manage} backup.")


def newest_proven() -> Path | None:
    """Return the newest of them that a site was made from."""
    return _newest(path for path in backups_directory().iterdir() if mark_of(path).exists())


def _newest(paths: Iterable[Path]) -> Path | None:
    now = datetime.now(UTC)
    made = {path: moment for path in paths if (moment := time_in_name(path))}
    # Those of the future were made while the clock was ahead, so they come after all others.
    return max(made, key=lambda path: (made[path] <= now, made[path]), default=None)


def time_in_name(path: Path) -> datetime | None:
    """Return when the backup at `path` was made, or None if it is none of the nightly ones."""
    match = _NAME.fullmatch(path.name)
    return datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) if match else None


def mark_of(path: Path) -> Path:
    """Return the file that says that the backup at `path` was proven: beside it, since the database may be lost."""
    return path.with_name(f"{path.name}.proven")


def how_to_restore() -> str:
    """Return the sentence that tells an operator how the site comes back."""
    if path := newest_proven():
        return f"Type: {here().manage_stopped} restore {path} --replace."
    return f"No backup here was proven: copy one here, and type: {here().manage_stopped} restore FILE --replace."


def remove_old(now: datetime) -> None:
    """
    Remove what is neither of the last day nor among the daily and weekly backups that are kept.

    Those that were proven are counted by themselves, so that no other pushes one of them out.
    """
    made = {}
    for path in backups_directory().iterdir():
        if path.name.endswith(".part"):
            path.unlink()  # of a process that was killed
        # One of the future, made while the clock was ahead, neither goes nor has others go.
        elif (moment := time_in_name(path)) and moment <= now:
            made[path] = moment
    proven = {path for path in made if mark_of(path).exists()}
    for some in (proven, made.keys() - proven):
        kept = to_keep([made[path] for path in some], now)
        for path in some:
            if made[path] not in kept:
                path.unlink()
                mark_of(path).unlink(missing_ok=True)


def to_keep(moments: Iterable[datetime], now: datetime) -> set[datetime]:
    newest_first = sorted(moments, reverse=True)

    def last_of_each(period: str) -> list[datetime]:
        found: dict[str, datetime] = {}
        for moment in newest_first:
            found.setdefault(moment.strftime(period), moment)
        return list(found.values())

    # Several a day: before an upgrade, for one. None of them may push out the one that is needed.
    of_last_day = [moment for moment in newest_first if moment > now - timedelta(days=1)]
    daily = last_of_each("%Y-%j")[:DAILY]
    weekly = last_of_each("%G-%V")[1 : WEEKLY + 1]  # the first is among the daily ones
    return {*of_last_day, *daily, *weekly}


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
