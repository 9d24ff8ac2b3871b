import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from myweb.running.user import name_of


class Command(BaseCommand):
    help = "Prints what deploy/myweb_uwsgi.ini has to know of the settings."
    # uWSGI's start is the check.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        owner = settings.VAR.stat()
        values = {
            "root": settings.BASE_DIR,
            "var": settings.VAR,
            "environment": sys.prefix,
            "address": settings.UWSGI_SOCKET,
        }
        placeholders = [f"set-ph = {name}={value}".replace("%", "%%") for name, value in values.items()]
        # Started by root, uWSGI goes on as the owner of var/; without effect for everybody else.
        try:
            group = settings.VAR.group()
        except KeyError:
            group = str(owner.st_gid)
        # Names have an effect on root only; with a number that is not its own, uWSGI does not start for anybody else.
        ids = [f"uid = {name_of(owner.st_uid)}", f"gid = {group}"]
        self.stdout.write("\n".join(["[uwsgi]", *placeholders, *ids]))
