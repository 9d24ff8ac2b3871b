"""What is done with mail: it is mailed in turn, and what is kept no longer is deleted."""

from importlib import import_module
from itertools import chain
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from myweb.stopping import Stopping


def due() -> list[QuerySet[Any]]:
    """Return what has rows as long as there is something to mail now."""
    return list(chain.from_iterable(import_module(path).due() for path in settings.MAILERS))


def deliver_all() -> None:
    """Mail, of each mailer one mail in turn, until nothing is due. On SIGTERM, the mail in hand is finished."""
    mailers = [import_module(path) for path in settings.MAILERS]
    with Stopping() as stopping:
        found = True
        while found:
            tries = [not stopping.wait(0) and mailer.deliver_next() for mailer in mailers]
            found = any(tries)


def clean_up() -> None:
    """Delete everything that is kept no longer."""
    for path in settings.CLEANERS:
        import_string(path)()
