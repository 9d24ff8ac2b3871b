import atexit
import os
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.management.commands import runserver
from django.core.management.base import CommandError, CommandParser

from myweb.installation import CLONE, here


class Command(runserver.Command):
    help = (
        "Runs everything while you work on the code: pages, pictures, mail, which is printed here unless EMAIL_HOST is"
        " set, and again whatever you change. Without uWSGI and Nginx, and for nobody else: DEBUG is on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(addrport=f"127.0.0.1:{settings.PORT}")

    def handle(self, *args: Any, **options: Any) -> None:
        if here() is not CLONE:
            raise CommandError("This is for a clone: where people use the site, it shows them the program's inside.")
        if "MYWEB_DEV" not in os.environ:
            os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"DEBUG": "1", "MYWEB_DEV": "1"})
        super().handle(*args, **options)

    def inner_run(self, *args: Any, **options: Any) -> None:
        """Run the server in a process that the reloader replaces; manage.py work ends with it, however it ends."""
        command = ["setpriv", "--pdeathsig", "TERM", sys.executable, sys.argv[0], "work"]
        atexit.register(subprocess.Popen(command, stdin=subprocess.DEVNULL).terminate)
        super().inner_run(*args, **options)
