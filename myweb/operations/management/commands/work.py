from typing import Any

from django.core.management.base import BaseCommand

from myweb.operations.work import Work


class Command(BaseCommand):
    help = (
        "Does until SIGTERM what has to be done without anybody asking: mails what waits, shows and hides pages in"
        " time, makes renditions, keeps what is published up to date, and deletes what is kept no longer."
    )
    # uWSGI's start is the check.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        Work().run()
