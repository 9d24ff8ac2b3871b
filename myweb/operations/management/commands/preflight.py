from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.test import Client


class Command(BaseCommand):
    help = (
        "Asks this code, in this process, for its health, the home page and the admin's login. deploy/install does so"
        " before it switches to a new release."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        client = Client(raise_request_exception=False, headers={"host": settings.SITE_HOST})
        for path in ("/healthz", "/", "/admin/login/"):
            status = client.get(path, secure=True).status_code
            # An empty site has no home page.
            if status >= 500:
                raise CommandError(f"Asked for {path}, this code answers {status}.")
