"""
The site's user, who is the owner of var/: whoever starts the site as root has everything done by that user.

A user that cannot enter a directory above the clone (www-data below /root) gets a private mount namespace, in which
that directory is empty but for the clone and var/. Their paths stay the same.
"""

import ctypes
import os
import pwd
import subprocess
import sys
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError

from .reading import read_settings

CLONE_NEWNS = 0x20000  # unshare(2); os.unshare came with Python 3.12


def name_of(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def prefix() -> list[str]:
    """Return what a command begins with to be run as the site's user; raise CommandError if that is not possible."""
    var: Path = settings.VAR
    if not var.exists():
        raise CommandError(f"there is no {var}: run deploy/up once.")
    status = var.stat()
    owner, name, me = status.st_uid, name_of(status.st_uid), os.geteuid()
    if me == owner:
        return []
    if me != 0:
        raise CommandError(f"{var} belongs to {name}, not to {name_of(me)}: run this as {name}, or set MYWEB_VAR.")
    os.environ |= {"HOME": str(var), "USER": name, "LOGNAME": name, "MYWEB_VAR": str(var)}
    os.environ.pop("MYWEB_VAR_FILE", None)
    groups = [f"--regid={status.st_gid}", "--clear-groups"]
    if not name.isdecimal():
        groups = [f"--regid={pwd.getpwuid(owner).pw_gid}", "--init-groups"]
    become = ["setpriv", f"--reuid={owner}", *groups, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--"]
    _show_clone(name, become)
    if not _can_enter(Path(), become):
        os.chdir(settings.BASE_DIR)
    return become


def _can_enter(directory: Path, become: list[str]) -> bool:
    return not subprocess.run([*become, "test", "-x", directory], check=False).returncode


def _show_clone(name: str, become: list[str]) -> None:
    hidden: dict[Path, Path] = {}
    for path in (settings.BASE_DIR, settings.VAR):
        closed = [directory for directory in reversed(path.parents) if not _can_enter(directory, become)]
        if closed and not any(path.is_relative_to(other) for other in hidden):
            hidden[path] = closed[0]
    try:
        if hidden:
            _cover(hidden)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CommandError(
            f"{name} cannot see {next(iter(hidden))}, and this system does not let it be shown: clone to a directory"
            " that everyone may enter, such as /srv."
        ) from error
    if not _can_enter(settings.BASE_DIR, become):
        raise CommandError(f"{name} may not enter {settings.BASE_DIR}: chmod go+rx {settings.BASE_DIR}")


def _cover(hidden: dict[Path, Path]) -> None:
    """Cover closed directories with empty ones that have nothing but the paths, which wait below /run meanwhile."""
    if ctypes.CDLL(None).unshare(CLONE_NEWNS):
        raise OSError("no private mount namespace")
    _run("mount", "--make-rprivate", "/")
    empty = ("-t", "tmpfs", "-o", "mode=0755", "tmpfs")
    _run("mount", *empty, "/run")
    for number, path in enumerate(hidden):
        place = Path("/run", str(number))
        place.mkdir()
        _run("mount", "--rbind", path, place)
    for closed in dict.fromkeys(hidden.values()):
        _run("mount", *empty, closed)
    for number, path in enumerate(hidden):
        path.mkdir(parents=True)
        _run("mount", "--move", f"/run/{number}", path)
    _run("umount", "/run")


def _run(*arguments: str | Path) -> None:
    subprocess.run(arguments, check=True, capture_output=True)


def main() -> None:
    """Run the command of deploy/as_site_user."""
    if len(sys.argv) < 2:
        print("Usage: deploy/as_site_user COMMAND [ARGUMENT …]", file=sys.stderr)
        sys.exit(2)
    try:
        read_settings()
        command = [*prefix(), *sys.argv[1:]]
    except ImproperlyConfigured as error:
        sys.exit(f"myweb: {error}")
    except CommandError as error:
        sys.exit(f"deploy/as_site_user: {error}")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
