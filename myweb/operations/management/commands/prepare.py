from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from myweb.operations.preparing import prepare


class Command(BaseCommand):
    help = "What every start needs, in one process: migrate, demo --if-empty, nginx_config."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--new", action="store_true", help="begin anew where the database of a site is lost")

    def handle(self, *args: Any, **options: Any) -> None:
        prepare(self.stdout, options["verbosity"], is_new=options["new"])
