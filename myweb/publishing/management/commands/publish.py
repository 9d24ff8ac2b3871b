from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from tqdm import tqdm

from myweb.publishing import current, files, rendering
from myweb.publishing.decorators import publishable_paths
from myweb.publishing.models import Generation
from myweb.publishing.release import release

ATTEMPTS = 5


class Command(BaseCommand):
    help = "Publishes every page now, and switches publishing on if it was off."

    def handle(self, *args: Any, **options: Any) -> None:
        if Generation.load() is None:
            with transaction.atomic():
                Generation.objects.update(is_on=True)
                current.advance()
        for _attempt in range(ATTEMPTS):
            directory = published_directory()
            done, left_out = self.publish_all(directory)
            if current.read() == directory:
                break
            self.stdout.write("The content was changed meanwhile. Once more:")
        else:
            raise CommandError(
                "The content is being changed all the time; what is missing is published with its first visitor."
            )
        self.stdout.write(f"Published: {done} addresses.")
        for path in left_out:
            self.stdout.write(f"Not published, as its answer cannot be kept as a file: {path}")

    def publish_all(self, directory: current.Directory) -> tuple[int, list[str]]:
        """Publish what is missing; return how many addresses are published, and those that cannot be."""
        left_out = []
        paths = list(publishable_paths())
        for path in tqdm(paths, unit="page", disable=None):
            if current.read() != directory:
                break
            name = files.file_name(path)
            if name and not files.is_there(directory, name):
                rendering.render(path)
            if not name or not files.is_there(directory, name):
                left_out.append(path)
        return len(paths) - len(left_out), left_out


def published_directory() -> current.Directory:
    """Return where the site publishes now; raises CommandError if this process cannot do so for it."""
    directory = current.read()
    if directory is None:
        raise CommandError("Nothing is published, because the site was never started here, or the disk is full.")
    if directory.release != release():
        raise CommandError(
            "The site was started with other code or settings than this command: restart the site, or give the command"
            " the same environment."
        )
    return directory
