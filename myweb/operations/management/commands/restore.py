from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from myweb.operations.backup.errors import told
from myweb.operations.backup.lock import exclusive
from myweb.operations.backup.restoring import restore


class Command(BaseCommand):
    help = "Makes a backup the site, which may be running."
    # A site with nothing in it yet
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="what manage.py backup has written")
        parser.add_argument(
            "--replace", action="store_true", help="also if this site is in use; it is saved to a backup first"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with told(), exclusive():
            for sentence in restore(options["file"].absolute(), options["replace"]):
                self.stdout.write(sentence)
