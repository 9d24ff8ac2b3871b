import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection

from myweb.contact.cleaning import clean_up
from myweb.contact.models import ContactMessage
from myweb.contact.outbox import deliver_next
from myweb.stopping import Stopping

logger = logging.getLogger(__name__)

PAUSE = 0.5  # seconds between looking for new messages
CLEAN_UP_EVERY = 3600  # seconds
FORGET_EVERY = 60  # seconds


class Command(BaseCommand):
    help = "Mails the messages of the contact form that wait, and removes those whose time is up."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--loop", action="store_true", help="go on until SIGTERM; the mail in hand is finished")

    def handle(self, *args: Any, **options: Any) -> None:
        with Stopping() as stopping:
            until_clean_up = until_forgetting = 0.0
            while True:
                try:
                    if until_clean_up <= 0:
                        clean_up()
                        until_clean_up = CLEAN_UP_EVERY
                    if until_forgetting <= 0:
                        ContactMessage.objects.forget_senders()
                        until_forgetting = FORGET_EVERY
                    while not stopping.wait(0) and deliver_next():
                        pass
                except DatabaseError:
                    if not options["loop"]:
                        raise
                    logger.exception("the database does not answer; trying again")
                    stopping.wait(5)
                finally:
                    connection.close_if_unusable_or_obsolete()
                if not options["loop"] or stopping.wait(PAUSE):
                    return
                until_clean_up -= PAUSE
                until_forgetting -= PAUSE
