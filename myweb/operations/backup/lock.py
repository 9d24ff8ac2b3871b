import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings


@contextmanager
def exclusive() -> Iterator[None]:
    """Wait until no other backup, proof, restore or clean-up of uploads runs, and keep them from starting."""
    directory = settings.VAR / "run"
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    # Never removed: whoever waits for it would wait for a file that nobody else can see.
    with (directory / "backup.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another backup, restore or clean_media to end.", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
