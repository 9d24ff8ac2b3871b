import contextlib
import re
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.core.management.commands import makemessages


class Command(makemessages.Command):
    help = "Puts new texts into our catalogues and takes away those that are no longer there; nothing else changes."

    # Without guesses, which would have to be looked through
    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching"]

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(locale=["zh_Hans"], no_obsolete=True, no_wrap=True, no_location=True)

    def handle(self, *args: Any, **options: Any) -> None:
        # All below the working directory is searched.
        with contextlib.chdir(settings.BASE_DIR / "myweb"):
            super().handle(*args, **options)

    def write_po_file(self, potfile: str, locale: str) -> None:
        super().write_po_file(potfile, locale)
        for directory in settings.LOCALE_PATHS:
            catalogue = directory / locale / "LC_MESSAGES" / f"{self.domain}.po"
            # Times of the day would differ in every change.
            text = re.sub(r'^"(?:POT-Creation-Date|Report-Msgid-Bugs-To): .*\n', "", catalogue.read_text(), flags=re.M)
            catalogue.write_text(text)
