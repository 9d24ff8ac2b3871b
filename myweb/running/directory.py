"""
Makes what has to be in var/, before anything of Django runs: as its owner, python -m myweb.running.directory DIRECTORY.
"""

import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile


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


if __name__ == "__main__":
    try:
        fill(Path(sys.argv[1]))
    except OSError as error:
        sys.exit(error.strerror)
