"""The site as visitors reach it, through SITE_URL and whatever stands in front of it."""

import json
import re
import socket
import ssl
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.templatetags.static import static

from myweb.installation import DOCKER, here
from myweb.network import network_of

from . import network, uwsgi
from .faults import Fault, NotChecked, capitalize, quote
from .reflection import question

UPLOAD = 75 * 1024 * 1024  # bytes, as deploy/myweb_nginx.conf allows in the admin
CONTAINER = "web"  # of Nginx, in compose.yaml
NGINX = Path("/etc/nginx")
PROXY = "In the proxy that stands in front of Nginx"


class Answer(NamedTuple):
    status: int
    headers: HTTPMessage
    body: bytes
    own: str  # the address that was asked from

    @property
    def json(self) -> dict[str, Any]:
        try:
            told = json.loads(self.body)
        except ValueError:
            return {}
        return told if isinstance(told, dict) else {}


def service() -> network.Service:
    parts = urlsplit(settings.SITE_URL)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    ports = tuple(dict.fromkeys((443, 80, settings.PORT)))
    where = network.Service("web server", parts.hostname or "", port, "SITE_URL", "SITE_URL", ports)
    there = replace(where, host=CONTAINER, port=settings.PORT)
    # In a container of Compose, localhost is not the machine on which the site is at that address.
    if network.in_container() and network.is_this_machine(where) and not _listens(where):
        if _listens(there):
            return there
        if here() is DOCKER:
            sentence = f"Nginx does not run: no container {CONTAINER} answers on port {settings.PORT}."
            raise Fault(sentence, f"{here().start}; {here().nginx_log} says why it ended.")
    return where


def _listens(where: network.Service) -> bool:
    try:
        network.resolve(where)
        network.connect(where).close()
    except Fault:
        return False
    return True


def fetch(
    path: str, host: str | None = None, port: int | None = None, cookie: str = "", name: str = "", **headers: str
) -> Answer:
    """
    Ask SITE_URL for `path`, or whoever listens on `host` and `port`, which then speaks without TLS.

    A `name` is asked for instead of that of this site.
    """
    where = service()
    if host is None:
        connection = _open(where)
    else:
        connection = HTTPConnection(host, port, timeout=network.PATIENCE)
        connection.connect()
    with closing(connection):
        own = connection.sock.getsockname()[0]
        headers |= {"Host": name or urlsplit(settings.SITE_URL).netloc} | ({"Cookie": cookie} if cookie else {})
        connection.request("GET", path, headers=headers)
        return _read(connection.getresponse(), own)


def _open(where: network.Service) -> HTTPConnection:
    """Return a connection whose certificate nobody has looked at: that is another probe's."""
    connection: HTTPConnection
    if settings.SITE_URL.startswith("https:"):
        connection = HTTPSConnection(where.host, where.port, context=network.tls_with_anybody())
    else:
        connection = HTTPConnection(where.host, where.port)
    sock = network.connect(where)
    try:
        if settings.SITE_URL.startswith("https:"):
            # Without a name (SNI), an Nginx with more than one site refuses.
            sock = network.tls_with_anybody().wrap_socket(sock, server_hostname=where.host)
        connection.sock = sock
    except OSError:
        sock.close()
        raise
    return connection


def _read(response: HTTPResponse, own: str) -> Answer:
    return Answer(response.status, response.headers, response.read(10_000_000), own)


def name() -> str:
    where = service()
    return f"{where.host} is {', '.join(network.resolve(where))}"


def port() -> str:
    """Find out who else listens where Nginx should."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.LISTEN, settings.LISTEN)  # noqa: S104
    try:
        try:
            answer = fetch(question(), host, settings.PORT)
        except TimeoutError:
            # While Nginx waits for an uWSGI that hangs, it still knows which names are not this site's.
            answer = fetch("/", host, settings.PORT, name="doctor.invalid")
    except ConnectionRefusedError as error:
        raise NotChecked(f"Nothing listens on port {settings.PORT} here: Nginx is down, or runs elsewhere.") from error
    except (OSError, HTTPException):
        answer = None
    if answer and ("received" in answer.json or is_nginx_of_myweb(answer)):
        return f"Nginx has port {settings.PORT}"
    if answer and answer.status == 301 and answer.headers.get("Location", "").startswith(f"{settings.SITE_URL}/"):
        return f"port {settings.PORT} leads to {settings.SITE_URL}"
    address = f"[{settings.LISTEN}]" if ":" in settings.LISTEN else settings.LISTEN
    told = uwsgi.who_listens("MYWEB_PORT", f"{address}:{settings.PORT}") or "end that, or set MYWEB_PORT to another"
    who, _colon, fix = told.rpartition(": ")
    raise Fault(f"Somebody else listens: {who or f'port {settings.PORT} is not this Nginx'}.", f"{capitalize(fix)}.")


def is_nginx_of_myweb(answer: Answer) -> bool:
    """Return whether it is our Nginx, which cannot reach uWSGI or does not know the name."""
    return "X-Request-ID" in answer.headers and answer.status in (421, 503)


def answers() -> str:
    ask()
    through = f", asked for in the container {CONTAINER}," if service().host == CONTAINER else ""
    return f"{settings.SITE_URL}{through} leads to this site, through Nginx to uWSGI"


def ask() -> Answer:
    """Return what the site answers to the doctor's question at its public address."""
    where, address = service(), settings.SITE_URL
    try:
        answer = fetch(question())
    except ssl.SSLError as error:
        raise Fault(
            f"What listens on port {where.port} of {where.host} does not speak TLS, although SITE_URL is https.",
            f"Give Nginx a certificate (listen {where.port} ssl), or correct SITE_URL.",
        ) from error
    except TimeoutError as error:
        raise Fault(
            f"{address} takes the connection, but does not answer within {network.PATIENCE:.0f} seconds.",
            "Restart what listens there; if that is not this Nginx, set SITE_URL to the right address.",
        ) from error
    except (HTTPException, ConnectionError) as error:
        raise Fault(
            f"What listens on port {where.port} of {where.host} is no web server: {quote(repr(error))}.",
            "Correct SITE_URL, or end what listens there.",
        ) from error
    if "received" not in answer.json:
        raise _who_else(answer)
    return answer


def _who_else(answer: Answer) -> Fault:
    address, status = settings.SITE_URL, answer.status
    if status == 421:
        return Fault(
            f"Nginx is asked for another name than {urlsplit(address).netloc}: a proxy in front does not pass the"
            " Host on, or Nginx has an older SITE_URL.",
            f"{here().apply}. {PROXY}: proxy_set_header Host $http_host.",
        )
    if is_nginx_of_myweb(answer):
        return Fault(
            "Nginx is there, but does not reach uWSGI.",
            f"{here().apply}, so that both have the same MYWEB_UWSGI_SOCKET; {here().nginx_log} says why.",
        )
    if network.is_this_machine(service()) and (other := namesake()):
        return Fault(
            f"Another site of this machine's Nginx has the name {urlsplit(address).hostname}, too, in {other}; Nginx"
            " passes everything to the one that it reads first.",
            "Take the name out of that file, or give this site another SITE_URL; then reload Nginx.",
        )
    if "status" in answer.json:
        return Fault(
            f"At {address} is a site of this kind, but not this one, or it has another SECRET_KEY, an older program, or"
            " a wrong clock.",
            f"{here().restart}; if there are two sites, give each its own SITE_URL and MYWEB_PORT.",
        )
    server = quote(answer.headers.get("Server", "no name"))
    if 300 <= status < 400:
        target = quote(answer.headers.get("Location", "nowhere"))
        return Fault(
            f"{address} leads elsewhere: {status} to {target}, says {server}.",
            "Set SITE_URL to the address at the end of that, or end the redirect.",
        )
    return Fault(
        f"Something else answers at {address}: status {status}, from {server}.",
        "Correct SITE_URL or its DNS record; or in the web server there, pass this name on to Nginx.",
    )


def namesake() -> Path | None:
    """Return the file of another site of this machine's Nginx that has the name of this one, too."""
    host = (urlsplit(settings.SITE_URL).hostname or "").lower()
    for path in [*NGINX.glob("sites-enabled/*"), *NGINX.glob("conf.d/*.conf")]:
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        names = " ".join(re.findall(r"^\s*server_name\s+([^;]*);", text, re.MULTILINE)).lower().split()
        if host in names and f"{settings.VAR}/published/" not in text:
            return path
    return None


def received() -> dict[str, str]:
    told: dict[str, str] = ask().json["received"]
    return told


def host() -> str:
    seen, right = received()["host"], urlsplit(settings.SITE_URL).netloc
    if seen != right:
        raise Fault(
            f"A request for {right} arrives as one for {quote(seen)}: a proxy in front changes the Host.",
            f"{PROXY}: proxy_set_header Host $http_host.",
        )
    return f"requests arrive for {seen}"


def scheme() -> str:
    seen, right = received(), urlsplit(settings.SITE_URL).scheme
    if seen["scheme"] == right:
        return f"requests arrive as {right}"
    sentence = f"A request over {right} arrives as {seen['scheme']}"
    if right == "http":
        raise Fault(f"{sentence}.", "Set SITE_URL to the address with https.")
    if _is_trusted(seen["peer"]):
        raise Fault(
            f"{sentence}: the proxy at {seen['peer']} does not say so, and every page redirects to itself.",
            f"{PROXY}: proxy_set_header X-Forwarded-Proto $scheme.",
        )
    raise _untrusted(seen["peer"], sentence)


def client() -> str:
    answer = ask()
    seen = answer.json["received"]
    peer, told = seen["peer"], seen["client"]
    if told == answer.own or not peer:
        return f"a visitor's address arrives, like {told}{_what_it_says(told)}"
    if peer == told and _is_trusted(peer):
        raise Fault(
            f"All visitors seem to come from {peer}, the proxy in front, so that one of them can lock all out.",
            f"{PROXY}: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for.",
        )
    if peer == told and seen["names_visitor"]:
        raise _untrusted(peer, f"All visitors seem to come from {peer}")
    return f"a visitor's address arrives: this machine's is {told} there{_what_it_says(told)}"


def _what_it_says(address: str) -> str:
    """Docker and proxies can make all visitors come from one such address, which is no fault by itself."""
    if network_of(address):
        return ""
    return (
        "; if visitors from the internet arrive with a private one, too, failed logins and messages are not counted by"
        " address, but only by name and for all together"
    )


def origin() -> str:
    """Look whether it still shows that a form is this site's: Django refuses one of which it does not know."""
    sent = {"Origin": settings.SITE_URL, "Referer": f"{settings.SITE_URL}/contact/"}
    seen = fetch(question(), **sent).json.get("received", {})
    for header, value in sent.items():
        if seen.get(header.lower()) != value:
            raise Fault(
                f"The header {header} of a visitor arrives as {quote(seen.get(header.lower(), ''))}, so that forms are"
                " refused: a proxy in front changes it.",
                f"{PROXY}: proxy_set_header {header} $http_{header.lower()}.",
            )
    policies = ",".join(fetch("/contact/").headers.get_all("Referrer-Policy", [])).split(",")
    if policies[-1].strip().lower() == "no-referrer":
        raise Fault(
            "A proxy in front adds Referrer-Policy: no-referrer to pages: browsers then hide where a form comes from,"
            " and it is refused.",
            f"{PROXY}: remove the line that adds Referrer-Policy; this site sets its own.",
        )
    return "it shows that a form is this site's"


def _untrusted(peer: str, sentence: str) -> Fault:
    return Fault(
        f"{sentence}: a proxy stands in front, at {peer}, whose word is not believed.",
        f"Add {peer} to TRUSTED_PROXIES. {here().apply}.",
    )


def _is_trusted(peer: str) -> bool:
    return any(ip_address(peer) in ip_network(network) for network in settings.TRUSTED_PROXIES)


def upload() -> str:
    """Announce a large upload, and see whether it would be let in; it never comes."""
    where = service()
    with closing(_open(where)) as connection:
        connection.putrequest("POST", "/admin/pages/page/add/", skip_host=True)
        for header, value in {
            "Host": urlsplit(settings.SITE_URL).netloc,
            "Content-Type": "multipart/form-data; boundary=doctor",
            "Content-Length": str(UPLOAD),
            "Expect": "100-continue",
        }.items():
            connection.putheader(header, value)
        connection.endheaders()
        words = _first_line(connection.sock).split(" ", 2)
    if words[1:2] == ["413"]:
        raise Fault(
            f"Uploads of {UPLOAD // 1024 // 1024} MB, which the admin takes, are refused on the way as too large.",
            f"{here().apply}. {PROXY}: client_max_body_size 75m.",
        )
    # The size is looked at before the session, which the doctor does not have; a proxy may say to go on by itself.
    if words[1:2] not in (["403"], ["100"]):
        raise NotChecked(f"What stands in front of the site answers {quote(' '.join(words))} to a large upload.")
    return f"the admin's uploads may have {UPLOAD // 1024 // 1024} MB"


def _first_line(sock: socket.socket) -> str:
    try:
        return sock.recv(4096).split(b"\r\n", 1)[0].decode(errors="replace")
    except TimeoutError:
        return "nothing"


def static_files() -> str:
    """Fetch one, and one upload, since Nginx serves both by itself."""
    address = static("myweb/site.css")
    if not address.startswith("/"):
        raise NotChecked("Static files are served from another site.")
    expected = settings.STATIC_ROOT / address.removeprefix(settings.STATIC_URL)
    _compare(address, expected)
    return "the stylesheet arrives as it is on the disk"


def uploads() -> str:
    names = (path for path in settings.MEDIA_ROOT.rglob("*.*") if path.suffix in (".avif", ".jpg", ".png", ".webp"))
    path = next(names, None)
    if path is None:
        raise NotChecked("Nothing was uploaded yet.")
    _compare(f"{settings.MEDIA_URL}{path.relative_to(settings.MEDIA_ROOT)}", path)
    return "a picture arrives as it is on the disk"


def _compare(address: str, path: Any) -> None:
    answer = fetch(address)
    if answer.status != 200 or answer.body != path.read_bytes():
        what = "another content" if answer.status == 200 else f"status {answer.status}"
        raise Fault(
            f"{settings.SITE_URL}{address} is not served as it is in {path}: {what}.",
            f"{here().apply}; let the user of Nginx enter {settings.VAR} and read what is in there.",
        )
