"""Places that all processes of the site share."""

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from django.conf import settings

try:
    import uwsgi
except ImportError:  # tests and commands
    uwsgi = None


def workers() -> int:
    """Return how many workers uWSGI has, or 0 without it."""
    return uwsgi.numproc if uwsgi else 0


@contextmanager
def place(name: str, numbers: Iterable[int]) -> Iterator[bool]:
    """Take one of the places with these `numbers`, if there is one, for as long as this lasts."""
    with ExitStack() as stack:
        for number in numbers:
            # A lock ends with its process, however that ends.
            file = stack.enter_context((settings.VAR / "run" / f"{name}{number}").open("a"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield True
            return
        yield False
