import subprocess
from collections.abc import Iterator
from itertools import islice

from . import current, files, rendering
from .decorators import publishable_paths
from .release import release

# Pages; the others are rendered for their first visitor.
AHEAD = 200


class Follower:
    """What a process that runs beside the site does for what is published, in small steps. Raises DatabaseError."""

    def __init__(self) -> None:
        self._directory: current.Directory | None = None
        self._paths: Iterator[str] = iter(())
        self._removal: subprocess.Popen[bytes] | None = None

    def step(self) -> bool:
        """Follow, remove what is outdated, and render one page; return whether there are more of them."""
        current.follow()
        self._remove_outdated()
        directory = current.read()
        if directory != self._directory:
            # What is left of the generation before is dropped.
            self._directory = directory
            pages = (path for path in publishable_paths(AHEAD) if path.endswith("/"))
            self._paths = islice(pages, AHEAD) if directory and directory.release == release() else iter(())
        for path in self._paths:
            name = files.file_name(path)
            if directory and name and not files.is_there(directory, name):
                rendering.render(path)
                return True
        return False

    def _remove_outdated(self) -> None:
        if self._removal and self._removal.poll() is None:
            return
        # Thousands of files: another process, so that following goes on; and not too many for its arguments.
        if outdated := current.outdated()[:1000]:
            self._removal = subprocess.Popen(["rm", "-rf", "--", *outdated])  # noqa: S607
