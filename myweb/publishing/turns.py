"""
Of many requests for a page that is not made yet, one makes it, and others wait until it is there.

Without this, every connection that is open when something is saved has the same page made once more.
"""

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from myweb.places import place, workers

LONGEST = 1.0  # seconds that anybody waits for who makes a page; it takes some milliseconds
STEP = 0.002  # seconds
TURNS = 64  # two pages may share one: the second is made after the first


@contextmanager
def turn(path: str, is_made: Callable[[], bool]) -> Iterator[None]:
    """
    Return when the answer for the address `path` is made, or it is for this request to make it while this lasts.

    The latter is so at once if nobody makes it, after LONGEST, and where others would find no worker. Raises OSError.
    """
    number = zlib.crc32(path.encode()) % TURNS
    with ExitStack() as stack:
        if not stack.enter_context(place("making", [number])):
            # Who makes the page, those who wait for it, and one for all others
            with place("waiting", range(workers() - 2)) as found:
                until = time.monotonic() + (LONGEST if found else 0)
                while time.monotonic() < until and not is_made() and not stack.enter_context(place("making", [number])):
                    time.sleep(STEP)
        yield
