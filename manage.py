#!/usr/bin/env python3
"""
Django's command line, in its environment.

Started by root, it acts as the owner of var/, so that the site can write what it leaves.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent

# These write into the source tree, which belongs to whoever works on it.
WRITES_CODE = {"compilemessages", "makemessages", "makemigrations", "squashmigrations", "startapp", "startproject"}


def enter_environment() -> None:
    """Go on in .venv, unless this runs in an environment already."""
    if sys.prefix != sys.base_prefix:
        return
    python = ROOT / ".venv" / "bin" / "python"
    if python.exists():
        os.execv(python, [str(python), str(ROOT / "manage.py"), *sys.argv[1:]])
    if find_spec("django") is None:
        sys.exit(
            "myweb: its Python packages are not installed here: run deploy/up --prepare once. On a server where"
            " deploy/install has run, the command is: myweb"
        )


def become_site_user() -> None:
    from django.conf import settings
    from django.core.management import CommandError

    from myweb.running import user

    var: Path = settings.VAR
    if os.geteuid() != 0 or not var.exists() or var.stat().st_uid == 0 or WRITES_CODE.intersection(sys.argv[1:2]):
        return
    try:
        command = [*user.prefix(), sys.executable, str(ROOT / "manage.py"), *sys.argv[1:]]
    except CommandError as error:
        sys.exit(f"myweb: {error}")
    os.execvp(command[0], command)


def main() -> None:
    enter_environment()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myweb.settings")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        settings.DEBUG  # noqa: B018  # Django would show some commands' help with broken settings
        become_site_user()
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"myweb: {error}")


if __name__ == "__main__":
    main()
