import logging
import subprocess
import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection

from myweb.pages.models import Page, Picture
from myweb.publishing.following import Follower
from myweb.stopping import Stopping

logger = logging.getLogger(__name__)

BETWEEN_LOOKS = 3600  # seconds, at which renditions that somebody has deleted are missed


class Command(BaseCommand):
    help = "Shows and hides the pages whose time has come, and makes the renditions of pictures that are missing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--loop",
            action="store_true",
            help="twice a second until SIGTERM, and keep what is published up to date",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["loop"]:
            self.loop()
        else:
            Page.add_keys()
            Page.update_due()
            Picture.objects.ask_for_missing()
            while self.finish_a_picture():
                pass

    def loop(self) -> None:
        """Keep the pages to the second; pictures take longer, so another process makes them."""
        painter: subprocess.Popen[bytes] | None = None
        follower, is_busy = Follower(), False
        next_update = next_look = 0.0  # in the seconds of time.monotonic()
        with Stopping() as stopping:
            while not stopping.wait(0 if is_busy else 0.5):
                # First, and by itself: a page that cannot be saved must not keep others from being followed.
                try:
                    is_busy = follower.step()
                except DatabaseError:
                    logger.exception("the database does not answer; trying again")
                    is_busy = False
                    stopping.wait(5)
                try:
                    if time.monotonic() >= next_update:
                        Page.update_due()
                        is_due = time.monotonic() >= next_look or Picture.objects.unfinished().exists()
                        if is_due and (painter is None or painter.poll() is not None):
                            painter = subprocess.Popen([sys.executable, sys.argv[0], "update_pages"])
                            next_look = time.monotonic() + BETWEEN_LOOKS
                except DatabaseError:
                    logger.exception("pages cannot be shown or hidden; trying again")
                    next_update = time.monotonic() + 5
                connection.close_if_unusable_or_obsolete()
            if painter:
                painter.terminate()
                painter.wait()

    def finish_a_picture(self) -> bool:
        """Make the renditions of one picture; return whether there was one."""
        picture = Picture.objects.unfinished().first()
        if picture is None:
            return False
        try:
            picture.make_renditions()
        except Exception:
            # The file is gone or broken: the page goes on showing what there is.
            logger.exception("no renditions of %s", picture.image.name)
            Picture.objects.filter(pk=picture.pk, image=picture.image.name).update(needs_renditions=False)
        return True
