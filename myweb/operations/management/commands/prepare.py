from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection


class Command(BaseCommand):
    help = "What every start needs, in one process: migrate, demo --if-empty, nginx_config."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            connection.ensure_connection()
        except OperationalError as error:
            words = " ".join(str(error).split())
            raise CommandError(f"The database of DATABASE_URL cannot be reached: {words}") from error
        call_command("migrate", interactive=False, verbosity=options["verbosity"])
        call_command("demo", if_empty=True)
        call_command("nginx_config")
