"""The configuration of Nginx, from the templates in deploy/ and the settings."""

import re
import subprocess
from itertools import product
from pathlib import Path
from string import Template
from tempfile import NamedTemporaryFile
from urllib.parse import urlsplit

from django.conf import settings

from myweb import nginx_pages
from myweb.accounts import devices
from myweb.publishing import files, rendering

TEMPLATES = ["nginx.conf", "myweb_nginx.conf"]
# So that `include uwsgi_params;` means the same below var/ as in /etc/nginx/.
DISTRIBUTION_FILES = ["uwsgi_params", "mime.types"]

# They say nothing of a visitor: this machine's, Docker's gateway's, or a proxy's in the same network (RFC 6890)
SHARED_NETWORKS = [
    *("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
    *("::1/128", "fc00::/7", "fe80::/10"),
]

# What is well-formed in UTF-8, as a regular expression for bytes (Unicode, table 3-7)
_BEYOND_ASCII = "|".join(
    [
        r"[\xc2-\xdf][\x80-\xbf]",
        r"\xe0[\xa0-\xbf][\x80-\xbf]",
        r"[\xe1-\xec\xee\xef][\x80-\xbf]{2}",
        r"\xed[\x80-\x9f][\x80-\xbf]",
        r"\xf0[\x90-\xbf][\x80-\xbf]{2}",
        r"[\xf1-\xf3][\x80-\xbf]{3}",
        r"\xf4[\x80-\x8f][\x80-\xbf]{2}",
    ]
)
UTF8 = rf"[\x00-\x7f]*+(?:(?:{_BEYOND_ASCII})[\x00-\x7f]*+)*+"

# The prefix of the logs of an Nginx that root starts: nobody else may write in their directory.
SYSTEM_LOG = Path("/var/log/nginx/myweb")
# Where certbot answers the authority's questions.
ACME = "location ^~ /.well-known/acme-challenge/ { root /var/www/letsencrypt; }"
TLS = [
    "ssl_protocols TLSv1.2 TLSv1.3;",
    "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;",
    "ssl_prefer_server_ciphers off;",
    "ssl_session_cache shared:myweb:10m;",
    "ssl_session_timeout 1d;",
    "ssl_session_tickets off;",
]


def write() -> None:
    """Write all that Nginx needs to var/nginx/; raise OSError if that cannot be."""
    directory = settings.VAR / "nginx"
    values = template_values() | listen_values(f"{settings.VAR}/log/")
    directory.mkdir(parents=True, exist_ok=True)
    for name in TEMPLATES:
        # A key is in the site's file.
        replace_if_changed(directory / name, filled_in(name, values), 0o640 if "myweb" in name else 0o644)
    for (code, _name), name in product(settings.LANGUAGES, nginx_pages.PAGES):
        replace_if_changed(directory / f"{name}.{code}.html", nginx_pages.render(name, code), 0o644)
    for name in DISTRIBUTION_FILES:
        link_to(directory / name, Path("/etc/nginx") / name)


def filled_in(name: str, values: dict[str, str]) -> str:
    return Template((settings.BASE_DIR / "deploy" / name).read_text()).safe_substitute(values)


def template_values() -> dict[str, str]:
    socket = settings.UWSGI_SOCKET
    # A name twice in one server is a warning of Nginx.
    names = dict.fromkeys([settings.SITE_HOST, "localhost", "127.0.0.1", "[::1]"])
    headers = [f"add_header {name} {quoted(value)};" for name, value in rendering.headers().items()]
    return {
        "MYWEB_PUBLISHED_HEADERS": "\n        ".join(headers),
        "MYWEB_PUBLISHED_TYPES": "\n            ".join(f"{kind} {end};" for end, kind in files.TYPES.items()),
        "MYWEB_HSTS": rendering.headers().get("Strict-Transport-Security", ""),
        "MYWEB_SCHEME": urlsplit(settings.SITE_URL).scheme,
        "MYWEB_RESOLVER": resolver(socket),
        # Nameservers need not know localhost.
        "MYWEB_UWSGI_SOCKET": re.sub("^/", "unix:/", re.sub("^localhost:", "127.0.0.1:", socket)),
        "MYWEB_SERVER_NAMES": " ".join(names),
        "MYWEB_SET_REAL_IP_FROM": "\n    ".join(f"set_real_ip_from {network};" for network in settings.TRUSTED_PROXIES),
        "MYWEB_TRUSTED_GEO": "\n    ".join(f"{network} 1;" for network in settings.TRUSTED_PROXIES),
        "MYWEB_METRICS_GEO": "\n    ".join(f"{network} 0;" for network in settings.METRICS_ALLOW),
        "MYWEB_DEVICE_COOKIE": devices.cookie_name(),
        "MYWEB_DEVICE_KEY": devices.nginx_key(),
        "MYWEB_SHARED_GEO": "\n    ".join(f"{network} 1;" for network in SHARED_NETWORKS),
        "MYWEB_UTF8": UTF8,
        "MYWEB_LANGUAGE": settings.LANGUAGE_CODE,
        "MYWEB_VAR": str(settings.VAR),
    }


def quoted(value: str) -> str:
    """Return `value` as a parameter of a directive."""
    return '"' + value.replace("\\", r"\\").replace('"', r"\"") + '"'


def resolver(socket: str) -> str:
    """Return where Nginx looks up the host of `socket`, if that is a name: the nameservers of this machine."""
    host = socket.rpartition(":")[0]
    if socket.startswith("/") or re.fullmatch(r"[0-9.]+|\[.*\]|localhost", host):
        return ""
    servers = re.findall(r"^nameserver\s+(\S+)", Path("/etc/resolv.conf").read_text(), re.MULTILINE)
    addresses = " ".join(f"[{server}]" if ":" in server else server for server in servers)
    # Docker's own nameserver lets its answers count for ten minutes, in which replicas are replaced.
    return f"resolver {addresses} valid=2s;\nresolver_timeout 5s;"


def listen_values(log: str, certificate: Path | None = None, acme: str = "") -> dict[str, str]:
    """Return what the servers listen on and log to (`log` is what the names of the files begin with)."""
    plain, default = plain_listen(""), plain_listen(" default_server")
    values = {"MYWEB_LOG": log, "MYWEB_ACME": acme, "MYWEB_LISTEN_HTTP": lines(default), "SITE_URL": settings.SITE_URL}
    has_http3 = certificate is not None and "http_v3_module" in nginx_build()
    if certificate:
        plain, default = tls_listen(certificate, has_http3)
    return values | {
        "MYWEB_LISTEN": lines(plain),
        "MYWEB_LISTEN_DEFAULT": lines(default),
        "MYWEB_ALT_SVC": """add_header Alt-Svc 'h3=":443"; ma=86400' always;""" if has_http3 else "",
    }


def nginx_build() -> str:
    """Return the version of this machine's Nginx and what it was built with."""
    return subprocess.run(["/usr/sbin/nginx", "-V"], capture_output=True, text=True, check=True).stderr


def lines(directives: list[str]) -> str:
    return "\n    ".join(directives)


def addresses() -> list[str]:
    """Return the addresses to listen on; :: is all of both kinds, which Nginx takes for those of IPv6 only."""
    if settings.LISTEN == "::":
        return ["0.0.0.0", "[::]"]  # noqa: S104
    return [f"[{settings.LISTEN}]" if ":" in settings.LISTEN else settings.LISTEN]


def plain_listen(suffix: str) -> list[str]:
    return [f"listen {address}:{settings.PORT}{suffix};" for address in addresses()]


def tls_listen(certificate: Path, has_http3: bool) -> tuple[list[str], list[str]]:
    """Return the directives of the site's server and of the one for other names, as this machine's Nginx knows them."""
    version = tuple(int(part) for part in re.findall(r"nginx/(\d+)\.(\d+)", nginx_build())[0])
    # `http2 on` came with 1.25.1; 1.25.0 was in no distribution.
    parameter, http2 = ("", ["http2 on;"]) if version >= (1, 25) else (" http2", [])
    site, default = list(http2), list(http2)
    for address in addresses():
        site.append(f"listen {address}:443 ssl{parameter};")
        default.append(f"listen {address}:443 ssl{parameter} default_server;")
        if has_http3:
            site.append(f"listen {address}:443 quic;")
            default.append(f"listen {address}:443 quic reuseport default_server;")
    site += [f'ssl_certificate "{certificate}/fullchain.pem";', f'ssl_certificate_key "{certificate}/privkey.pem";']
    # Other names end before a certificate is shown.
    return site + TLS, [*default, "ssl_reject_handshake on;", *TLS]


def system_site(certificate: Path | None) -> str:
    values = template_values() | listen_values(f"{SYSTEM_LOG}_", certificate, "" if certificate else ACME)
    site = filled_in("myweb_nginx.conf", values)
    if certificate:
        site += filled_in("myweb_nginx_http.conf", values | {"MYWEB_ACME": ACME})
    return site


def replace_if_changed(path: Path, text: str, mode: int) -> None:
    """Write `text` to `path` in one step, so that Nginx never reads half of it."""
    if path.exists() and path.read_text() == text and path.stat().st_mode & 0o777 == mode:
        return
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(text)
    Path(file.name).chmod(mode)
    Path(file.name).replace(path)


def link_to(path: Path, target: Path) -> None:
    if not path.is_symlink():
        path.unlink(missing_ok=True)
        path.symlink_to(target)
