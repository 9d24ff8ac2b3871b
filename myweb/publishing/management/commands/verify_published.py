import gzip
from typing import Any

import brotli
from django.core.management.base import BaseCommand, CommandError
from django.http import HttpResponse
from tqdm import tqdm

from myweb.publishing import current, files, rendering

from .publish import ATTEMPTS, published_directory


class Command(BaseCommand):
    help = "Renders every published page again and compares it with what visitors get, byte by byte."

    def handle(self, *args: Any, **options: Any) -> None:
        for _attempt in range(ATTEMPTS):
            directory = published_directory()
            names = sorted(files.names(directory))
            different = [name for name in tqdm(names, unit="page", disable=None) if not is_right(directory, name)]
            if current.read() == directory:
                break
            self.stdout.write("The content was changed meanwhile. Once more:")
        else:
            raise CommandError("The content is being changed all the time: nothing can be compared.")
        for name in different:
            self.stdout.write(f"differs: {files.address(name)}")
        if different:
            raise CommandError(f"{len(different)} of {len(names)} published addresses differ from the site's answer.")
        self.stdout.write(f"All {len(names)} published addresses are the site's answers.")


def is_right(directory: current.Directory, name: str) -> bool:
    """Return whether a published file, and its compressed forms, are what the site answers now."""
    response = rendering.render_unpublished(files.address(name))
    expected = response.content if isinstance(response, HttpResponse) and response.status_code == 200 else None
    path = directory.path / name
    forms = {
        path: bytes,
        path.with_name(f"{path.name}.gz"): gzip.decompress,
        path.with_name(f"{path.name}.br"): brotli.decompress,
    }
    try:
        return all(unpack(form.read_bytes()) == expected for form, unpack in forms.items() if form.exists())
    except (OSError, EOFError, brotli.error):
        return False
