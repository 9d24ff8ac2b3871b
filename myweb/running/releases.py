"""
Releases on a server: directories with the code of one version each, and a virtual environment of its own. One is
complete if it has the file .complete, and verified (.verified) if the site was seen to work with it.
"""

import hashlib
import json
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from .steps import Refusal, Steps, run

DIRECTORIES = ("deploy", "myweb", "static")
FILES = ("LICENSE", "README.md", "manage.py", "pyproject.toml", "requirements.txt")
MANAGE = "deploy/myweb"  # runs manage.py with the server's settings, as the site's user
KEPT = 3
ASKED = """
import json
from django.conf import settings
kind = settings.DATABASES["default"]["ENGINE"].rpartition(".")[2]
print(json.dumps([settings.SITE_URL, settings.LISTEN, settings.PORT, kind]))
"""


class Settings(NamedTuple):
    """All that an installation has to know of them."""

    site_url: str
    listen: str
    port: int
    database: str


def settings_of(release: Path) -> Settings:
    """Return the server's settings as this release understands them; raise Refusal if it cannot use them."""
    return Settings(*json.loads(run(release / MANAGE, "shell", "--no-imports", "-c", ASKED).splitlines()[-1]))


def sources(checkout: Path) -> list[Path]:
    """Return what a release is made from, as paths below the checkout."""
    found = [*checkout.glob("docs/*.md"), *(checkout / name for name in FILES)]
    for name in DIRECTORIES:
        found += (path for path in (checkout / name).rglob("*") if path.is_file() and not path.is_symlink())
    files = sorted(path.relative_to(checkout) for path in found if path.suffix not in (".pyc", ".pyo", ".mo"))
    return [path for path in files if not any(part.startswith(".") for part in path.parts)]


def release_of(checkout: Path, releases: Path) -> Path:
    """Return where a checkout's release is; its name has the version and a hash of all that it is made from."""
    [version] = re.findall(r'^version = "(.*)"$', (checkout / "pyproject.toml").read_text(), re.MULTILINE)
    digest = hashlib.sha256(repr(sys.version_info[:2]).encode())
    for path in sources(checkout):
        digest.update(f"{path}\0".encode() + hashlib.sha256((checkout / path).read_bytes()).digest())
    return releases / f"{version}-{digest.hexdigest()[:12]}"


def build(step: Steps, checkout: Path, release: Path) -> None:
    """Make a release beside those that are there; raise Refusal if that is not possible."""
    if (release / ".complete").exists():
        return
    shutil.rmtree(release, ignore_errors=True)
    step.say(f"Copying the code to {release}")
    for path in sources(checkout):
        (release / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(checkout / path, release / path)
        (release / path).chmod(0o755 if (release / path).stat().st_mode & 0o100 else 0o644)
    python = release / ".venv/bin/python"
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--requirement"]
    what = "Installing the Python packages (uWSGI is compiled, which takes a minute)"
    try:
        step("Making its virtual environment", sys.executable, "-m", "venv", release / ".venv")
        step(what, *pip, release / "requirements.txt")
        step("Compiling, and collecting static files", python, release / "deploy/module", "running.building")
    except Refusal as refusal:
        raise Refusal("this release cannot be made; nothing was changed.") from refusal
    (release / ".complete").touch()


def verified(releases: Path) -> list[Path]:
    """Return the releases that were seen to work, the last one first."""
    marks = sorted(releases.glob("*/.verified"), key=lambda mark: mark.stat().st_mtime, reverse=True)
    return [mark.parent for mark in marks]


def remove_old(step: Steps, releases: Path, running: Path) -> None:
    """Remove those that never worked, and the oldest of those that did."""
    for old in {*releases.iterdir()} - {running, *verified(releases)[:KEPT]}:
        step.say(f"Removing the old release {old}")
        shutil.rmtree(old)
