from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from myweb.publishing.checking import publish_all, until_unchanged
from myweb.publishing.models import Generation
from myweb.publishing.publisher import publisher


class Command(BaseCommand):
    help = "Publishes every page now, and switches publishing on if it was off."

    def handle(self, *args: Any, **options: Any) -> None:
        if Generation.load() is None:
            with transaction.atomic():
                Generation.objects.update(is_on=True)
                publisher().advance()
        failure = "The content is being changed all the time; what is missing is published with its first visitor."
        for directory in until_unchanged(self.stdout, failure):
            done, left_out = publish_all(directory)
        self.stdout.write(f"Published: {done} addresses.")
        for path in left_out:
            self.stdout.write(f"Not published, as its answer cannot be kept as a file: {path}")
