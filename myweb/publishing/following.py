import subprocess
from collections.abc import Iterator
from itertools import islice

from . import rendering
from .decorators import publishable_paths
from .files import Directory
from .publisher import publisher

# Pages; the others are rendered for their first visitor.
AHEAD = 200


class Follower:
    """What a process that runs beside the site does for what is published, in small steps. Raises DatabaseError."""

    def __init__(self) -> None:
        self._directory: Directory | None = None
        self._paths: Iterator[str] = iter(())
        self._removal: subprocess.Popen[bytes] | None = None

    def step(self) -> bool:
        """Follow, remove what is outdated, and render one page; return whether there are more of them."""
        publisher().follow()
        self._remove_outdated()
        directory = publisher().current
        if directory != self._directory:
            # What is left of the generation before is dropped.
            self._directory = directory
            pages = (path for path in publishable_paths(AHEAD) if path.endswith("/"))
            self._paths = islice(pages, AHEAD) if directory and publisher().makes(directory) else iter(())
        for path in self._paths:
            if directory and not directory.has(path):
                rendering.render(path)
                return True
        return False

    def _remove_outdated(self) -> None:
        if self._removal and self._removal.poll() is None:
            return
        # Thousands of files: another process, so that following goes on; and not too many for its arguments.
        if outdated := publisher().outdated()[:1000]:
            self._removal = subprocess.Popen(["rm", "-rf", "--", *outdated])  # noqa: S607
