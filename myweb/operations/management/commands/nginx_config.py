from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from myweb.operations.checks import NGINX
from myweb.running import nginx


class Command(BaseCommand):
    help = "Writes the Nginx configuration of this site to var/nginx/, from the templates in deploy/."
    # Runs on a machine that may lack everything else.
    requires_system_checks = (NGINX,)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--system",
            action="store_true",
            help="print the site's file for the Nginx of the system instead, which root starts, and which logs to"
            f" {nginx.SYSTEM_LOG.parent}",
        )
        parser.add_argument(
            "--certificate", metavar="DIRECTORY", type=Path, help="with --system: serve HTTPS with this certificate"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["system"]:
            self.stdout.write(nginx.system_site(options["certificate"]), ending="")
            return
        try:
            nginx.write()
        except OSError as error:
            raise CommandError(f"The Nginx configuration cannot be written: {error}.") from error
