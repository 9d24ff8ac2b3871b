"""
Makes what has to be in var/, before anything of Django runs: as its owner, python -m myweb.running.directory DIRECTORY
[COLLECTED], where the latter has the static files that are to be served.
"""

import filecmp
import os
import secrets
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

LIST = "staticfiles.json"  # by which Django finds static files; put in place last


def fill(var: Path) -> None:
    """Make the directories, and the secret key, which is made once, whoever else does so at the same time."""
    for name in ("media", "nginx", "static"):
        (var / name).mkdir(exist_ok=True)
    for name in ("log", "run"):
        (var / name).mkdir(0o750, exist_ok=True)
    if not (var / "run" / "reload").exists():
        (var / "run" / "reload").touch()
    if not (var / "secret_key").exists():
        with NamedTemporaryFile("w", dir=var, prefix="secret_key.") as new:
            new.write(secrets.token_urlsafe(48))
            new.flush()
            # Whatever is signed with it must not outlive it in a power cut.
            os.fsync(new.fileno())
            with suppress(FileExistsError):
                (var / "secret_key").hardlink_to(new.name)


def has_static_files(var: Path, collected: Path) -> bool:
    """Return whether those are served, whatever else is."""
    there = var / "static" / LIST
    return there.exists() and filecmp.cmp(collected / LIST, there, shallow=False)


def put_static_files(var: Path, collected: Path) -> None:
    """
    Put them where Nginx serves them, or none if there is no room; nobody is served half a file. Those of other releases
    stay: pages that are open in browsers go on asking for them.
    """
    new = var / "static.new"
    shutil.rmtree(new, ignore_errors=True)
    # With the time of now: Nginx tells versions of a file apart by it.
    shutil.copytree(collected, new, copy_function=shutil.copy)
    for path in sorted(new.rglob("*"), key=lambda path: (path == new / LIST, path)):
        target = var / "static" / path.relative_to(new)
        if path.is_dir():
            target.mkdir(exist_ok=True)
        else:
            path.replace(target)
    shutil.rmtree(new)


if __name__ == "__main__":
    var, *collected = map(Path, sys.argv[1:])
    try:
        fill(var)
        if collected and not has_static_files(var, *collected):
            put_static_files(var, *collected)
    except (OSError, shutil.Error) as error:
        sys.exit(getattr(error, "strerror", None) or str(error))
