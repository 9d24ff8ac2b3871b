import re
from pathlib import Path
from string import Template
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from myweb.publishing import files, rendering

TEMPLATES = ["nginx.conf", "myweb_nginx.conf", "unavailable.html"]
# So that `include uwsgi_params;` means the same below var/ as in /etc/nginx/.
DISTRIBUTION_FILES = ["uwsgi_params", "mime.types"]

# What is well-formed in UTF-8, as a regular expression for bytes (Unicode, table 3-7)
UTF8 = (
    "(?:"
    + "|".join(
        [
            r"[\x00-\x7f]",
            r"[\xc2-\xdf][\x80-\xbf]",
            r"\xe0[\xa0-\xbf][\x80-\xbf]",
            r"[\xe1-\xec\xee\xef][\x80-\xbf]{2}",
            r"\xed[\x80-\x9f][\x80-\xbf]",
            r"\xf0[\x90-\xbf][\x80-\xbf]{2}",
            r"[\xf1-\xf3][\x80-\xbf]{3}",
            r"\xf4[\x80-\x8f][\x80-\xbf]{2}",
        ]
    )
    + ")*+"
)


class Command(BaseCommand):
    help = "Writes the Nginx configuration of this site to var/nginx/, from the templates in deploy/."
    # Runs on a machine that may lack everything else.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if re.search(r'["$\\\n]', str(settings.VAR)):
            raise CommandError(
                f"Nginx cannot use the path {settings.VAR}: set MYWEB_VAR to one without quotes, $ and \\."
            )
        directory = settings.VAR / "nginx"
        try:
            values = template_values()
            directory.mkdir(parents=True, exist_ok=True)
            for name in TEMPLATES:
                template = (settings.BASE_DIR / "deploy" / name).read_text()
                replace_if_changed(directory / name, Template(template).safe_substitute(values))
            for name in DISTRIBUTION_FILES:
                link_to(directory / name, Path("/etc/nginx") / name)
        except OSError as error:
            raise CommandError(f"The Nginx configuration cannot be written: {error}.") from error


def template_values() -> dict[str, str]:
    socket = settings.UWSGI_SOCKET
    # A name twice in one server is a warning of Nginx.
    names = dict.fromkeys([settings.SITE_HOST, "localhost", "127.0.0.1", "[::1]"])
    headers = [f'add_header {name} "{value}";' for name, value in rendering.headers().items()]
    return {
        "MYWEB_LISTEN": f"[{settings.LISTEN}]" if ":" in settings.LISTEN else settings.LISTEN,
        "MYWEB_PORT": str(settings.PORT),
        "MYWEB_PUBLISHED_HEADERS": "\n        ".join(headers),
        "MYWEB_PUBLISHED_TYPES": "\n            ".join(f"{kind} {end};" for end, kind in files.TYPES.items()),
        "MYWEB_SCHEME": urlsplit(settings.SITE_URL).scheme,
        "MYWEB_RESOLVER": resolver(socket),
        # Nameservers need not know localhost.
        "MYWEB_UWSGI_SOCKET": re.sub("^/", "unix:/", re.sub("^localhost:", "127.0.0.1:", socket)),
        "MYWEB_SERVER_NAMES": " ".join(names),
        "MYWEB_SET_REAL_IP_FROM": "\n    ".join(f"set_real_ip_from {network};" for network in settings.TRUSTED_PROXIES),
        "MYWEB_TRUSTED_GEO": "\n    ".join(f"{network} 1;" for network in settings.TRUSTED_PROXIES),
        "MYWEB_METRICS_GEO": "\n    ".join(f"{network} 0;" for network in settings.METRICS_ALLOW),
        "MYWEB_UTF8": UTF8,
        "MYWEB_VAR": str(settings.VAR),
    }


def resolver(socket: str) -> str:
    """Return where Nginx looks up the host of `socket`, if that is a name: the nameservers of this machine."""
    host = socket.rpartition(":")[0]
    if socket.startswith("/") or re.fullmatch(r"[0-9.]+|\[.*\]|localhost", host):
        return ""
    servers = re.findall(r"^nameserver\s+(\S+)", Path("/etc/resolv.conf").read_text(), re.MULTILINE)
    addresses = " ".join(f"[{server}]" if ":" in server else server for server in servers)
    # Docker's own nameserver lets its answers count for ten minutes, in which replicas are replaced.
    return f"resolver {addresses} valid=2s;\nresolver_timeout 5s;"


def replace_if_changed(path: Path, text: str) -> None:
    """Write `text` to `path` in one step, so that Nginx never reads half of it."""
    if path.exists() and path.read_text() == text:
        return
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(text)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def link_to(path: Path, target: Path) -> None:
    if not path.is_symlink():
        path.unlink(missing_ok=True)
        path.symlink_to(target)
