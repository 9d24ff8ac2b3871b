from typing import Any

from django.core.management.base import BaseCommand

from myweb.pages import upkeep


class Command(BaseCommand):
    help = "Makes the renditions of pictures that are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        upkeep.make_missing_files()
