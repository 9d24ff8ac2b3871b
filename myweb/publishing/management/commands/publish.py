from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from tqdm import tqdm

from myweb.publishing import rendering
from myweb.publishing.checking import until_unchanged
from myweb.publishing.decorators import publishable_paths
from myweb.publishing.files import Directory
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
            done, left_out = self.publish_all(directory)
        self.stdout.write(f"Published: {done} addresses.")
        for path in left_out:
            self.stdout.write(f"Not published, as its answer cannot be kept as a file: {path}")

    def publish_all(self, directory: Directory) -> tuple[int, list[str]]:
        """Publish what is missing; return how many addresses are published, and those that cannot be."""
        left_out = []
        paths = list(publishable_paths())
        for path in tqdm(paths, unit="page", disable=None):
            if publisher().current != directory:
                break
            if not directory.has(path):
                rendering.render(path)
            if not directory.has(path):
                left_out.append(path)
        return len(paths) - len(left_out), left_out
