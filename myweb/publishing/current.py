"""
`published/current`: the symbolic link by which Nginx finds the files of the current generation.

Every change of content makes a new generation, with an empty directory of its own. The order makes it right: the
directory is made before the commit, the link is switched after it and before the answer, and whoever switches reads the
committed generation while holding the lock. So nobody can switch back, nor write old pages into a new directory.
"""

import fcntl
import logging
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self

from django.conf import settings
from django.db import DatabaseError, transaction

from .models import Generation
from .release import boot
from .release import release as own_release

logger = logging.getLogger(__name__)


class Directory(NamedTuple):
    """Where the files of one generation are, as far as one release made them. Its name is never used again."""

    number: int
    token: str
    release: str

    @classmethod
    def parse(cls, name: str) -> Self | None:
        number, _, rest = name.partition("-")
        token, _, release = rest.partition("-")
        return cls(int(number), token, release) if number.isdecimal() and token and release else None

    def __str__(self) -> str:
        return f"{self.number}-{self.token}-{self.release}"

    @property
    def path(self) -> Path:
        return Path(settings.PUBLISHED_ROOT, str(self))

    @property
    def next_link(self) -> Path:
        """The link that becomes `current`."""
        return Path(settings.PUBLISHED_ROOT, f"next-{self}")

    def make(self) -> None:
        """Make the directory, and the link that leads there; raises OSError."""
        self.path.mkdir(parents=True, exist_ok=True)
        if not self.next_link.is_symlink():
            self.next_link.symlink_to(str(self))


def read() -> Directory | None:
    """Return where `current` leads to, or None if nothing is published."""
    try:
        return Directory.parse(_link().readlink().name)
    except OSError:
        return None


def to_write_into() -> Directory | None:
    """Return the directory for answers that are made from now on by this process, if they can be published."""
    if _has_to_start or (_serves and _release() is None):
        start()
    current = read()
    # While the site runs another release, what this process makes would not be looked at.
    if current is None or current.release != own_release():
        return None
    generation = Generation.load()
    return Directory(*generation, own_release()) if generation else None


def advance() -> None:
    """
    Begin a new generation in the transaction that is open, and switch to it after the commit.

    Raises OSError if the switch would fail, and what is published cannot be removed, either: rather no change than old
    pages for good.
    """
    current = read()
    # After a restore the database may be behind what browsers have seen.
    Generation.advance(beyond=current.number if current else 0)
    release, generation = _release(), Generation.load()
    if release and generation:
        # So that, on a full disk, there is only a rename to do after the commit.
        try:
            Directory(*generation, release).make()
        except OSError:
            _take_down()
    transaction.on_commit(switch)


def switch() -> None:
    """Make `current` lead to the committed generation, or to nothing: never to an older one."""
    try:
        _switch()
    except (OSError, DatabaseError):
        _fail()


def start() -> None:
    """
    What a process that serves the site does first: publish what it makes, in a directory that nobody has used.

    Whatever differs from what this release left behind may come from a kill, a backup or another release. Files are not
    forced to the disk, so none from before the machine was started is used again: a power cut may have damaged it. If
    this fails, or somebody removes all that is published, `to_write_into()` tries again.
    """
    global _has_to_start, _serves
    _has_to_start = _serves = not settings.DEBUG  # Templates change while that runs.
    try:
        if settings.DEBUG or _release() != own_release() or _target(_boot_link()) != boot():
            # Processes of the other release may still be at work.
            _release_link().unlink(missing_ok=True)
            _take_down()
        if settings.DEBUG:
            return
        with _lock():
            release_link = _prepare(_release_link(), own_release())
            boot_link = _prepare(_boot_link(), boot())
        current, generation = read(), Generation.load()
        if generation and current != Directory(*generation, own_release()):
            with transaction.atomic():
                advance()
        release_link.replace(_release_link())
        _switch()
        boot_link.replace(_boot_link())
        _has_to_start = False
    except OSError:
        _fail()
    except DatabaseError:
        _report()  # What this release has published stays: without the database, nobody can have changed it.


def follow() -> None:
    """
    Repair what a killed process or a full disk left undone, and take up what another machine has changed.

    Raises DatabaseError; what is published stays, as nobody can have changed it through this database.
    """
    if _target(_boot_link()) != boot():
        return  # until a process that serves has begun a directory without files from before a power cut
    current, generation = read(), Generation.load()
    if current and current[:2] == generation and current.path.is_dir():
        return
    if current and generation and current[:2] != generation and current.number >= generation.number:
        # The database came back from a backup. Browsers have seen the higher number already.
        with transaction.atomic():
            advance()
        return
    try:
        _switch()
    except OSError:
        _fail()


def outdated() -> list[Path]:
    """Return what is left of earlier generations. Higher numbers are of transactions that are still open."""
    current = read()
    if current is None:
        return []
    found = []
    for path in Path(settings.PUBLISHED_ROOT).iterdir():
        directory = Directory.parse(path.name.removeprefix("next-"))
        if directory and directory.number < current.number:
            found.append(path)
    return found


def _link() -> Path:
    return Path(settings.PUBLISHED_ROOT, "current")


def _release_link() -> Path:
    """A symbolic link, because it is written in one step, to the name of the release that the site runs."""
    return Path(settings.PUBLISHED_ROOT, "release")


def _boot_link() -> Path:
    """The same to the start of the machine since when files are used."""
    return Path(settings.PUBLISHED_ROOT, "boot")


def _prepare(link: Path, target: str) -> Path:
    """Make a link to `target`, to be moved to the place of `link` when it counts."""
    # Not by the process's number, which another container can have as well.
    prepared = link.with_name(f"next-{link.name}-{secrets.token_hex(4)}")
    prepared.symlink_to(target)
    return prepared


def _target(link: Path) -> str | None:
    try:
        return link.readlink().name
    except OSError:
        return None


def _release() -> str | None:
    return _target(_release_link())


def _switch() -> None:
    global _has_failed
    with _lock():
        current, generation, release = read(), Generation.load(), _release()
        if generation is None or release is None:
            _take_down()
            return
        wanted = Directory(*generation, release)
        if wanted != current or not wanted.path.is_dir():
            wanted.make()
            wanted.next_link.replace(_link())
        _has_failed = False


@contextmanager
def _lock() -> Iterator[None]:
    Path(settings.PUBLISHED_ROOT).mkdir(parents=True, exist_ok=True)
    descriptor = os.open(settings.PUBLISHED_ROOT, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


_has_failed = False
_has_to_start = False
_serves = False


def _fail() -> None:
    """Leave it to Django to answer."""
    _report()
    with suppress(OSError):
        _take_down()


def _report() -> None:
    global _has_failed
    if not _has_failed:
        logger.exception("pages cannot be published, so they are slower; trying again")
    _has_failed = True


def _take_down() -> None:
    link = _link()
    try:
        link.unlink(missing_ok=True)
    except IsADirectoryError:  # left by a copy that followed symbolic links
        shutil.rmtree(link)
