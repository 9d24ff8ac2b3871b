"""What is done to pages without anybody asking: showing and hiding them in time, and making the files they show."""

from importlib import import_module
from itertools import chain
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from .blocks import kinds
from .models import Page
from .pointing import refer_all


def due() -> list[QuerySet[Any]]:
    """Return what has rows as long as do_due() has something to do."""
    return [*chain.from_iterable(import_module(path).due() for path in settings.PUBLISHERS), Page.objects.due()]


def do_due() -> None:
    """Publish, show and hide whatever has its time."""
    for path in settings.PUBLISHERS:
        import_module(path).publish_due()
    Page.update_due()


def unfinished() -> list[QuerySet[Any]]:
    """Return the blocks, of each kind, whose files are missing as far as is known."""
    return [kind.unfinished() for kind in kinds()]


def complete() -> None:
    """Add what other releases left out of pages, and files that are missing."""
    Page.add_keys()
    refer_all()
    make_missing_files()


def make_missing_files() -> None:
    """Make what blocks show and is missing, one at a time; each is looked for anew, since owners go on saving."""
    for kind in kinds():
        kind.ask_for_missing()
        while block := kind.unfinished().first():
            block.finish()
