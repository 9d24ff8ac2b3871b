from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import OperationalError
from django.urls import reverse

from myweb.accounts.models import SetupToken, has_administrator
from myweb.installation import here


class Command(BaseCommand):
    help = "Prints a one-time link with which the administrator is made, as long as there is none."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if not has_administrator():
                path = reverse("setup", args=[SetupToken.renew()])
                self.stdout.write(f"Set up the administrator: {settings.SITE_URL}{path}")
        except OperationalError as error:
            # uWSGI asks at its start, and what is published can be served without a database.
            words = " ".join(str(error).split())
            self.stderr.write(f"myweb: the database does not answer: {words}; {here().manage} doctor says what to do.")
