import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from myweb.running.asking import REFUSED, SILENCE, reachable, status_of


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer with what was asked for, as the status."""
        self.server.asked.append((self.headers["Host"], self.headers["X-Forwarded-Proto"]))
        self.send_response(int(self.path.strip("/")))
        self.send_header("Location", "/200")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        listener.asked = []
        yield listener


@pytest.fixture
def server(listener) -> Iterator[ThreadingHTTPServer]:
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    yield listener
    listener.shutdown()
    thread.join()


@pytest.mark.parametrize("status", ["200", "302", "404", "503"])
def test_it_works(server, status):
    assert status_of(f"http://www.example.org:81/{status}", server.server_address) == status
    assert server.asked == [("www.example.org:81", None)]


def test_proxy_in_front_has_the_certificate(server):
    assert status_of("https://www.example.org/200", server.server_address) == "200"
    assert server.asked == [("www.example.org", "https")]


def test_any_certificate_will_do(listener, request):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    names: list[str] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    trustme.CA().issue_cert("other.example.org").configure_cert(context)
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    server = request.getfixturevalue("server")
    assert status_of("https://www.example.org/200", server.server_address, tls=True) == "200"
    assert (names, server.asked) == (["www.example.org"], [("www.example.org", None)])


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = closed.getsockname()
    assert status_of("http://localhost/", address) == REFUSED


def test_somebody_who_does_not_speak_http():
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: server.accept()[0].close()).start()
        assert status_of("http://localhost/", server.getsockname()) == REFUSED


def test_somebody_who_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert status_of("http://localhost/", server.getsockname(), patience=0.1) == SILENCE


@pytest.mark.parametrize(
    ("listen", "found"),
    [("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::1")],
)
def test_reachable(listen, found):
    assert reachable(listen) == found
