"""What `manage.py deliver_mail` does: mail in turn what waits, and delete in time what is kept no longer."""

import logging
import time

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils.module_loading import import_string

from myweb.stopping import Stopping

logger = logging.getLogger(__name__)

PAUSE = 0.5  # seconds between looking for new messages


class Worker:
    """Knows what to call by settings.MAILERS and settings.CLEANERS; of each mailer one mail in turn."""

    def __init__(self) -> None:
        self.mailers = [import_string(path) for path in settings.MAILERS]
        self.cleaners = {import_string(path): seconds for path, seconds in settings.CLEANERS.items()}
        self.next_time = dict.fromkeys(self.cleaners, 0.0)  # in the seconds of time.monotonic()

    def run(self, *, once: bool) -> None:
        """Do what there is to do, and then, unless `once`, wait for more until SIGTERM. Mail in hand is finished."""
        with Stopping() as stopping:
            while True:
                try:
                    self.clean_up()
                    while self.deliver(stopping):
                        pass
                except DatabaseError:
                    if once:
                        raise
                    logger.exception("the database does not answer; trying again")
                    stopping.wait(5)
                finally:
                    connection.close_if_unusable_or_obsolete()
                if once or stopping.wait(PAUSE):
                    return

    def clean_up(self) -> None:
        for clean_up, seconds in self.cleaners.items():
            if time.monotonic() >= self.next_time[clean_up]:
                clean_up()
                self.next_time[clean_up] = time.monotonic() + seconds

    def deliver(self, stopping: Stopping) -> bool:
        """Try one mail of each kind; return whether there was any."""
        found = [not stopping.wait(0) and deliver_next() for deliver_next in self.mailers]
        return any(found)
