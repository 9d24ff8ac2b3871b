from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from myweb.installation import here
from myweb.publishing.models import Generation
from myweb.publishing.publisher import publisher


class Command(BaseCommand):
    help = "Switches publishing off, on all machines: Django answers every request. `manage.py publish` switches it on."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            publisher().advance()
            Generation.objects.update(is_on=False)
        self.stdout.write(f"Pages are not published any more. To publish them again: {here().manage} publish")
