from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from myweb.contact.worker import Worker


class Command(BaseCommand):
    help = "Mails what waits to be mailed, and removes messages, sessions and the like whose time is up."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--loop", action="store_true", help="go on until SIGTERM; the mail in hand is finished")

    def handle(self, *args: Any, **options: Any) -> None:
        Worker().run(once=not options["loop"])
