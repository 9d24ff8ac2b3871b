from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from myweb.pages.models import Page
from myweb.pages.upkeep import Upkeep, do_due, make_missing_files


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
            Upkeep().run()
        else:
            Page.add_keys()
            do_due()
            make_missing_files()
