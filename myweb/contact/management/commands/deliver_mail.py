import logging
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection
from django.utils.module_loading import import_string

from myweb.stopping import Stopping

logger = logging.getLogger(__name__)

PAUSE = 0.5  # seconds between looking for new messages


class Command(BaseCommand):
    help = "Mails what waits to be mailed, and removes messages, sessions and the like whose time is up."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--loop", action="store_true", help="go on until SIGTERM; the mail in hand is finished")

    def handle(self, *args: Any, **options: Any) -> None:
        mailers = [import_string(path) for path in settings.MAILERS]
        cleaners = {import_string(path): seconds for path, seconds in settings.CLEANERS.items()}
        with Stopping() as stopping:
            left = dict.fromkeys(cleaners, 0.0)  # seconds
            while True:
                try:
                    for clean_up in cleaners:
                        if left[clean_up] <= 0:
                            clean_up()
                            left[clean_up] = cleaners[clean_up]
                    is_busy = True
                    while is_busy:
                        # One of each in turn
                        found = [not stopping.wait(0) and deliver_next() for deliver_next in mailers]
                        is_busy = any(found)
                except DatabaseError:
                    if not options["loop"]:
                        raise
                    logger.exception("the database does not answer; trying again")
                    stopping.wait(5)
                finally:
                    connection.close_if_unusable_or_obsolete()
                if not options["loop"] or stopping.wait(PAUSE):
                    return
                left = {clean_up: seconds - PAUSE for clean_up, seconds in left.items()}
