import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings


@contextmanager
def exclusive() -> Iterator[None]:
    """Wait until no other backup, proof, restore or clean-up of uploads runs, and keep them from starting."""
    # Never removed: whoever waits for it would wait for a file that nobody else can see. Not in run/, of which each
    # container has its own.
    with (settings.VAR / "backup.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another backup, restore or clean_media to end.", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
