from typing import Any

from django.core.management.base import BaseCommand

from myweb.contact import worker


class Command(BaseCommand):
    help = "Mails what waits to be mailed, and removes messages, sessions and the like whose time is up."

    def handle(self, *args: Any, **options: Any) -> None:
        worker.clean_up()
        worker.deliver_all()
