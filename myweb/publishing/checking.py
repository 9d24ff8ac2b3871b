"""Publishes everything at once, and looks at what is published, for the commands and the doctor."""

import gzip
from collections.abc import Iterator

import brotli
from django.core.management import CommandError
from django.core.management.base import OutputWrapper
from django.http import HttpResponse
from tqdm import tqdm

from . import files, rendering
from .decorators import publishable_paths
from .files import Directory
from .publisher import publisher

ATTEMPTS = 5
UNPACK = {"": bytes, ".gz": gzip.decompress, ".br": brotli.decompress}


def published_directory() -> Directory:
    """Return where the site publishes now; raises CommandError if this process cannot do so for it."""
    directory = publisher().current
    if directory is None:
        raise CommandError("Nothing is published, because the site was never started here, or the disk is full.")
    if not publisher().makes(directory):
        raise CommandError(
            "The site was started with other code or settings than this command: restart the site, or give the command"
            " the same environment."
        )
    return directory


def until_unchanged(stdout: OutputWrapper, failure: str) -> Iterator[Directory]:
    """Give the directory in use until it still is when it was dealt with; raises CommandError if it never is."""
    for _attempt in range(ATTEMPTS):
        directory = published_directory()
        yield directory
        if publisher().current == directory:
            return
        stdout.write("The content was changed meanwhile. Once more:")
    raise CommandError(failure)


def publish_all(directory: Directory) -> tuple[int, list[str]]:
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


def is_right(directory: Directory, name: str) -> bool:
    """Return whether a published file, and its compressed forms, are what the site answers now."""
    response = rendering.render_unpublished(files.address(name))
    expected = response.content if isinstance(response, HttpResponse) and response.status_code == 200 else None
    forms = ((directory.path / f"{name}{end}", unpack) for end, unpack in UNPACK.items())
    try:
        return all(unpack(form.read_bytes()) == expected for form, unpack in forms if form.exists())
    except (OSError, EOFError, brotli.error):
        return False
