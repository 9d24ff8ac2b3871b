from typing import Any

from django.core.management.base import BaseCommand

from myweb.pages import upkeep


class Command(BaseCommand):
    help = "Shows and hides the pages whose time has come, and makes the renditions of pictures that are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        upkeep.do_due()
        upkeep.complete()
