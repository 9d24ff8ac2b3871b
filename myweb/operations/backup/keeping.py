"""Where backups are, what their names say, and which of them stay."""

import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError

from myweb.installation import here

DAILY = 7
WEEKLY = 4

_NAME = re.compile(r"myweb-(\d{8}T\d{6}Z)\.zip")


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
