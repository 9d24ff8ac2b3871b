"""What is done to pages without anybody asking: showing and hiding them in time, and making the files they show."""

import logging
import subprocess
import sys
import time

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils.module_loading import import_string

from myweb.publishing.following import Follower
from myweb.stopping import Stopping

from .blocks import kinds
from .models import Page

logger = logging.getLogger(__name__)

BETWEEN_LOOKS = 3600  # seconds, at which files that somebody has deleted are missed


def do_due() -> None:
    """Do everything whose time has come."""
    for path in settings.DUE:
        import_string(path)()
    Page.update_due()


def make_missing_files() -> None:
    """Make what blocks show and is missing, one at a time; each is looked for anew, since owners go on saving."""
    for kind in kinds():
        kind.ask_for_missing()
        while block := kind.unfinished().first():
            block.finish()


class Upkeep:
    """Keeps published files and pages to the second; files for blocks take longer, so another process makes them."""

    def __init__(self) -> None:
        self.follower = Follower()
        self.maker: subprocess.Popen[bytes] | None = None
        self.next_update = self.next_look = 0.0  # in the seconds of time.monotonic()

    def run(self) -> None:
        """Go on until SIGTERM."""
        is_busy = False
        with Stopping() as stopping:
            while not stopping.wait(0 if is_busy else 0.5):
                # First, and by itself: a page that cannot be saved must not keep others from being followed.
                try:
                    is_busy = self.follower.step()
                except DatabaseError:
                    logger.exception("the database does not answer; trying again")
                    is_busy = False
                    stopping.wait(5)
                try:
                    self.update_pages()
                except DatabaseError:
                    logger.exception("pages cannot be shown or hidden; trying again")
                    self.next_update = time.monotonic() + 5
                connection.close_if_unusable_or_obsolete()
            if self.maker:
                self.maker.terminate()
                self.maker.wait()

    def update_pages(self) -> None:
        if time.monotonic() < self.next_update:
            return
        do_due()
        is_due = time.monotonic() >= self.next_look or any(kind.unfinished().exists() for kind in kinds())
        if is_due and (self.maker is None or self.maker.poll() is not None):
            Page.add_keys()
            self.maker = subprocess.Popen([sys.executable, sys.argv[0], "make_renditions"])
            self.next_look = time.monotonic() + BETWEEN_LOOKS
