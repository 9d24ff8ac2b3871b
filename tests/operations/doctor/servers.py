"""Servers for the doctor to find: those that should not be there, and those that do what they should not."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import trustme


@contextlib.contextmanager
def talking(first: bytes | None, context: ssl.SSLContext | None = None, answer: bytes = b"") -> Iterator[int]:
    """Listen, say `first` to everybody and `answer` to all that they say; with None, keep silent."""
    server = socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                client, _address = server.accept()
            except OSError:
                return
            if first is None:
                kept.append(client)
                continue
            with contextlib.suppress(OSError), client:
                if context:
                    client = context.wrap_socket(client, server_side=True)
                client.sendall(first)
                client.settimeout(5)
                if not answer:
                    # Closing with something unread would be a reset, which may overtake what was said.
                    client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    client.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        for client in kept:
            client.close()
        thread.join(10)


@contextlib.contextmanager
def dropping() -> Iterator[int]:
    """Do with connections what a firewall does that drops them: a full queue, in which nobody is answered."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _number in range(3):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield server.getsockname()[1]


class Proxy:
    """
    A proxy in front of a site, that passes everything on as it should, until told otherwise.

    `headers` go to the site instead of the visitor's own, None leaves one out; `answers` are given instead of the
    site's, by path and query; it connects from the address `source`.
    """

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self.headers: dict[str, str | None] = {}
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.source = "127.0.0.1"
        proxy = self
        if context:  # as Nginx does with ssl_reject_handshake
            context.sni_callback = lambda sock, name, context: None if name else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                answer = proxy.answers.get(self.path) or self.pass_on()
                status, headers, body = answer
                self.send_response_only(status)
                for name, value in ({"Date": self.date_time_string()} | headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def handle_expect_100(self) -> bool:
                return True  # whoever answers first

            def pass_on(self) -> tuple[int, dict[str, str], bytes]:
                forwarded: dict[str, str | None] = {
                    "Host": self.headers["Host"],
                    "X-Forwarded-For": self.client_address[0],
                    "X-Forwarded-Proto": "https" if context else "http",
                    "Origin": self.headers["Origin"],
                    "Referer": self.headers["Referer"],
                } | proxy.headers
                connection = HTTPConnection("127.0.0.1", port, timeout=10, source_address=(proxy.source, 0))
                with contextlib.closing(connection):
                    connection.putrequest(self.command, self.path, skip_host=True)
                    for name, value in forwarded.items():
                        if value is not None:
                            connection.putheader(name, value)
                    connection.endheaders()
                    response = connection.getresponse()
                    kept = ("Content-Type", "Date", "Location", "Server", "X-Request-ID")
                    headers = {name: response.headers[name] for name in kept if name in response.headers}
                    return response.status, headers, response.read()

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if context:
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self.server.server_address[1]
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(10)


class Authority:
    """Who signs certificates; `file` is what has to be believed for that."""

    def __init__(self, directory: Path) -> None:
        self.authority = trustme.CA()
        self.file = directory / "authority.pem"
        self.authority.cert_pem.write_to_path(str(self.file))

    def context(self, *names: str, begin: float = -1, end: float = 89) -> ssl.SSLContext:
        """Return what serves a certificate for `names`, valid between so many days from now."""
        now = datetime.now(UTC)
        certificate = self.authority.issue_cert(
            *(names or ("localhost", "127.0.0.1")),
            not_before=now + timedelta(days=begin),
            not_after=now + timedelta(days=end),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context


@contextlib.contextmanager
def name_server(records: dict[str, list[str]]) -> Iterator[int]:
    """A DNS server that knows the TXT `records` and nothing else; a name without any is there if one below it is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        stopped = threading.Event()

        def serve() -> None:
            while True:
                data, client = server.recvfrom(4096)
                if stopped.is_set():
                    return
                server.sendto(_answer(data, records), client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stopped.set()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.sendto(b"", server.getsockname())
            thread.join(10)


def _answer(data: bytes, records: dict[str, list[str]]) -> bytes:
    question = dns.message.from_wire(data)
    response = dns.message.make_response(question)
    response.flags |= dns.flags.RA
    [asked] = question.question
    name = asked.name.to_text(omit_final_dot=True)
    if texts := records.get(name):
        quoted = [f'"{text}"' for text in texts]
        response.answer.append(dns.rrset.from_text(asked.name, 60, "IN", "TXT", *quoted))
    elif not any(known == name or known.endswith(f".{name}") for known in records):
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response.to_wire()
