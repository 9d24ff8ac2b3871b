from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from myweb.operations.backup import keeping, making
from myweb.operations.backup.errors import told
from myweb.operations.backup.lock import exclusive
from myweb.operations.backup.proving import prove
from myweb.operations.backup.scratch import Scratch


class Command(BaseCommand):
    help = "Writes database, uploads and settings without secrets to one file, while the site runs; prints its name."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file",
            nargs="?",
            type=Path,
            help="where to write it, or what to prove; otherwise var/backups, which keeps seven daily and four weekly",
        )
        parser.add_argument(
            "--prove",
            action="store_true",
            help="restore the backup, the newest one unless FILE is given, beside the site and show all its pages",
        )
        parser.add_argument(
            "--portable", action="store_true", help="make one that both SQLite and PostgreSQL can restore"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["prove"] and options["portable"]:
            raise CommandError("--portable is for making a backup, not for --prove.")
        path = options["file"].absolute() if options["file"] else None
        with told(), exclusive():
            if options["prove"]:
                self.stdout.write(prove(path or keeping.newest()))
            else:
                with Scratch() as scratch:
                    made = making.make(path, scratch.directory, options["portable"])
                keeping.remove_old(timezone.now())
                self.stdout.write(str(made))
