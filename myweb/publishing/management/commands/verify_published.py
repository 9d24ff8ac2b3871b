from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from myweb.publishing.checking import is_right, until_unchanged
from myweb.publishing.files import address


class Command(BaseCommand):
    help = "Renders every published page again and compares it with what visitors get, byte by byte."

    def handle(self, *args: Any, **options: Any) -> None:
        failure = "The content is being changed all the time: nothing can be compared."
        for directory in until_unchanged(self.stdout, failure):
            names = sorted(directory.names())
            different = [name for name in tqdm(names, unit="page", disable=None) if not is_right(directory, name)]
        for name in different:
            self.stdout.write(f"differs: {address(name)}")
        if different:
            raise CommandError(f"{len(different)} of {len(names)} published addresses differ from the site's answer.")
        self.stdout.write(f"All {len(names)} published addresses are the site's answers.")
