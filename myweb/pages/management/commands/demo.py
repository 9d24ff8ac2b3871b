from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from myweb.pages.demo import loading
from myweb.pages.models import Page, SiteSettings


class Command(BaseCommand):
    help = "Loads the demonstration site into a site that has no pages yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--if-empty", action="store_true", help="do nothing unless the site is new")

    def handle(self, *args: Any, **options: Any) -> None:
        # An owner who has deleted all pages does not want these back at the next start; the settings cannot be deleted.
        if options["if_empty"] and (Page.objects.exists() or SiteSettings.objects.exists()):
            return
        loading.load(self.stdout)
        self.stdout.write(self.style.SUCCESS(f"The demonstration site has {Page.objects.count()} pages."))
