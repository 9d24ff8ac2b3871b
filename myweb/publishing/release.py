"""What a page is made with, beside the content."""

import hashlib
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from django.conf import settings

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@cache
def own_release() -> str:
    """
    Return a name that is another one whenever code, templates, translations, static files, installed packages or
    settings are, as this process found them when it started.
    """
    digest = hashlib.sha256()
    for path in [*sorted(_sources(settings.BASE_DIR / "myweb")), settings.STATIC_ROOT / "staticfiles.json"]:
        digest.update(f"{path}\0".encode())
        if path.exists():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    packages = sorted(f"{package.name} {package.version}" for package in metadata.distributions())
    digest.update(repr((sys.version, packages, settings.ENVIRONMENT_DIGEST)).encode())
    return digest.hexdigest()[:16]


@cache
def boot() -> str:
    """
    Return a name that is another one whenever the machine was started anew.

    Only the processes that serve the site agree on it. In a container such as those of LXC, a shell sees a boot_id of
    the container's own, but a unit of systemd that has its own /proc sees the kernel's.
    """
    return BOOT_ID.read_text().strip() if BOOT_ID.exists() else "unknown"


def _sources(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and path.suffix not in (".pyc", ".po", ".pot")]
