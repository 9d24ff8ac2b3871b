"""
Where Nginx finds the files of the current generation: docs/architecture.md says why nothing old is ever found there.

Every change of content makes a new generation, with an empty directory of its own. The order makes it right: the
directory is made before the commit, the link is switched after it and before the answer, and whoever switches reads the
committed generation while holding the lock. So nobody can switch back, nor write old pages into a new directory.
"""

import fcntl
import logging
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, transaction

from .files import Directory, locked
from .models import Generation
from .release import boot, own_release

logger = logging.getLogger(__name__)


class Publisher:
    """
    What this process does in the folder `root`, which it shares with all others of the machine.

    There, beside the directories, are two symbolic links, as they are written in one step: `current` leads to the
    directory in use, and `release` to a name: of the release that the site runs, and of the start of the machine since
    when it does.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._current_link, self._release_link = root / "current", root / "release"
        self._serves = False
        self._has_failed = False

    @property
    def current(self) -> Directory | None:
        """Return the directory in which Nginx looks, or None if nothing is published."""
        name = _target(self._current_link)
        return Directory.parse(self.root / name) if name else None

    def outdated(self) -> list[Path]:
        """Return what is left of earlier generations. Higher numbers are of transactions that are still open."""
        current = self.current
        if current is None:
            return []
        directories = ((path, Directory.parse(path)) for path in self.root.iterdir())
        return [path for path, found in directories if found and found.number < current.number]

    def makes(self, directory: Directory) -> bool:
        """Return whether this process makes pages as those in a directory are made."""
        return directory.release.partition(".")[0] == own_release()

    def to_write_into(self) -> Directory | None:
        """Return the directory for answers that are made from now on by this process, if they can be published."""
        release = _target(self._release_link)
        if self._serves and not (release and release.endswith(boot())):
            self.start()
        current = self.current
        # While the site runs another release, what this process makes would not be looked at.
        if current is None or not self.makes(current):
            return None
        generation = Generation.load()
        return current._replace(generation=generation) if generation else None

    def write(self, directory: Directory, name: str, content: bytes) -> None:
        """Keep an answer, unless the directory is gone. On a full disk there is just no file."""
        try:
            directory.write(name, content)
            self._has_failed = False
        except FileNotFoundError:
            pass  # there is a newer generation
        except OSError:
            self._report()

    def advance(self) -> None:
        """
        Begin a new generation in the transaction that is open, and switch to it after the commit.

        Raises OSError if the switch would fail, and what is published cannot be removed, either: rather no change than
        old pages for good.
        """
        current = self.current
        # After a restore the database may be behind what browsers have seen.
        Generation.advance(beyond=current.number if current else 0)
        if wanted := self._wanted():
            # So that, on a full disk, there is only a rename to do after the commit.
            try:
                wanted.make()
            except OSError:
                self._take_down()
        transaction.on_commit(self.switch)

    def switch(self) -> None:
        """Make `current` lead to the committed generation, or to nothing: never to an older one."""
        try:
            with self._lock():
                wanted = self._wanted()
                if wanted is None:
                    self._take_down()
                elif wanted != self.current or not wanted.path.is_dir():
                    self._keep_for(wanted)
                    wanted.make()
                    wanted.next_link.replace(self._current_link)
        except (OSError, DatabaseError):
            self._fail()

    def start(self) -> None:
        """
        What a process that serves the site does first: publish what it makes, in a directory that nobody has used.

        Whatever differs from what this release left behind may come from a kill, a backup or another release. Files are
        not forced to the disk, so none from before the machine was started is used again: a power cut may have damaged
        it. If this fails, or somebody removes all that is published, `to_write_into()` tries again.
        """
        self._serves = not settings.DEBUG  # Templates change while that runs.
        release = f"{own_release()}.{boot()}" if self._serves else None
        try:
            if release is None or _target(self._release_link) != release:
                # Processes of the other release may still be at work.
                self._release_link.unlink(missing_ok=True)
                self._take_down()
            if release:
                self._begin(release)
        except OSError:
            self._fail()
        except DatabaseError:
            self._report()  # What this release has published stays: without the database, nobody can have changed it.

    def follow(self) -> None:
        """
        Repair what a killed process or a full disk left undone, and take up what another machine has changed.

        Raises DatabaseError; what is published stays, as nobody can have changed it through this database.
        """
        release = _target(self._release_link)
        if release and not release.endswith(boot()):
            return  # until a process that serves has begun a directory without files from before a power cut
        current, generation = self.current, Generation.load()
        if current and generation and current.generation != generation and current.number >= generation.number:
            # The database came back from a backup. Browsers have seen the higher number already.
            with transaction.atomic():
                self.advance()
        elif current is None or current.generation != generation or not current.path.is_dir():
            self.switch()

    def _begin(self, release: str) -> None:
        generation = Generation.load()
        self.root.mkdir(parents=True, exist_ok=True)
        # Not by the process's number, which another container can have as well.
        prepared = self.root / f"next-release-{secrets.token_hex(4)}"
        prepared.symlink_to(release)  # Before there is a new generation, as the disk may be full.
        if generation and self.current != Directory(self.root, generation, release):
            with transaction.atomic():
                self.advance()
        prepared.replace(self._release_link)
        self.switch()

    def _wanted(self) -> Directory | None:
        """Return where `current` has to lead in the state that this connection sees."""
        generation, release = Generation.load(), _target(self._release_link)
        return Directory(self.root, generation, release) if generation and release else None

    def _keep_for(self, wanted: Directory) -> None:
        """Have the directory in use become `wanted`, if what has changed since is known to be a few addresses."""
        current = self.current
        if current is None or current == wanted or current.release != wanted.release:
            return
        steps = Generation.load_steps()
        generations = [step.generation for step in steps]
        if generations[-1:] == [wanted.generation] and current.generation in generations:
            since = steps[generations.index(current.generation) + 1 :]
            with suppress(OSError):  # It is empty then.
                wanted.take_over(current, {address for step in since for address in step.addresses})

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with locked(self.root, fcntl.LOCK_EX):
            yield

    def _take_down(self) -> None:
        try:
            self._current_link.unlink(missing_ok=True)
        except IsADirectoryError:  # left by a copy that followed symbolic links
            shutil.rmtree(self._current_link)

    def _fail(self) -> None:
        """Leave it to Django to answer."""
        self._report()
        with suppress(OSError):
            self._take_down()

    def _report(self) -> None:
        """Say once what is wrong, until a file could be written."""
        if not self._has_failed:
            logger.exception("pages cannot be published, so they are slower; trying again")
        self._has_failed = True


def publisher() -> Publisher:
    """Return the one of this process."""
    return _publisher_in(Path(settings.PUBLISHED_ROOT))


@cache
def _publisher_in(root: Path) -> Publisher:
    return Publisher(root)


def _target(link: Path) -> str | None:
    try:
        return link.readlink().name
    except OSError:
        return None
