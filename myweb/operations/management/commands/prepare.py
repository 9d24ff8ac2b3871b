from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "What every start needs, in one process: migrate, demo --if-empty, nginx_config."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=options["verbosity"])
        call_command("demo", if_empty=True)
        call_command("nginx_config")
