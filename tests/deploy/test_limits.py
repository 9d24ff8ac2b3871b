"""What Nginx counts and refuses, and how large bodies come in. Strangers come through a trusted proxy here."""

import json
import re
import socket
import time
from collections import Counter

import pytest

from tests.site import Site, wait_for

pytestmark = pytest.mark.nginx

MB = 1024 * 1024
ADD = "/admin/pages/page/add/"


def statuses(site: Site, path: str, address: str, number: int) -> Counter[int]:
    return Counter(site.request("POST", path, {"X-Forwarded-For": address}, b"x").status for _ in range(number))


@pytest.mark.parametrize(
    ("address", "neighbour", "stranger"),
    [
        ("203.0.113.1", "203.0.113.1", "203.0.113.2"),
        ("2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6", "2001:db8:2::1"),
        ("2001:db8:3::1", "2001:db8:3:0:1:1:1:1", "2001:db8:4::1"),
        ("2001:db9::1", "2001:db9:0:0:1::", "2001:db8:5::1"),
        ("2001::9:1:1:1:1", "2001:0:0:9::", "2001:db8:6::1"),
    ],
)
def test_sign_in_is_counted_by_address(site, address, neighbour, stranger):
    assert statuses(site, "/admin/login/", address, 40)[429] >= 10
    assert statuses(site, "/admin/password_reset/", neighbour, 3) == {429: 3}
    assert statuses(site, "/admin/login/", stranger, 3) == {403: 3}


def test_sign_in_is_counted_by_48(site):
    for network in range(8):
        statuses(site, "/admin/login/", f"2001:db8:aa:{network}::1", 12)
    assert statuses(site, "/admin/login/", "2001:db8:aa:ff::1", 3)[429]


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "172.17.0.1", "192.168.1.1", "fd00::1"])
def test_address_of_many_is_not_counted(site, address):
    assert statuses(site, "/admin/login/", address, 45)[429] == 0


def test_a_hundred_people_behind_one_address(site):
    assert statuses(site, "/contact/", "203.0.113.100", 100) == {403: 100}
    for _ in range(300):
        assert site.request("GET", "/", {"X-Forwarded-For": "203.0.113.100"}).status == 200


def test_own_page_with_the_true_status_and_method(site):
    cases = {413: ("/", b"x" * (MB + 1)), 429: ("/admin/login/", b"x"), 403: (ADD, b"x" * 2 * MB)}
    statuses(site, "/admin/login/", "203.0.113.50", 25)
    for status, (path, body) in cases.items():
        headers = {"X-Forwarded-For": "203.0.113.50"}
        answer = site.request("POST", path, headers, body)
        assert answer.status == status
        assert '<section lang="zh-Hans">' in answer.text
        request_id = answer.headers["X-Request-ID"]
        line = wait_for(lambda wanted=request_id: re.search(f".*{wanted}.*", site.log("access.log")), "it is logged")
        assert {**json.loads(line[0])} | {"method": "POST", "status": status, "uri": path} == json.loads(line[0])


def announce(site: Site, path: str, length: int, cookie: str = "") -> bytes:
    """Send only the head of a request with a large body, and return the first answer."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=30) as client:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nContent-Length: {length}\r\n"
        client.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        return client.recv(4096)


def test_large_body_needs_a_living_session(site):
    assert announce(site, ADD, 20 * MB).startswith(b"HTTP/1.1 403 ")
    assert announce(site, ADD, 20 * MB, "sessionid=" + "a" * 32).startswith(b"HTTP/1.1 403 ")
    assert announce(site, "/admin/login/", 20 * MB).startswith(b"HTTP/1.1 413 ")
    assert announce(site, "/admin/contact/contactmessage/", 20 * MB).startswith(b"HTTP/1.1 413 ")


def test_large_body_of_somebody_who_is_logged_in(site):
    code = (
        "from django.contrib.auth.models import User; from django.test import Client;"
        "u, _ = User.objects.get_or_create(username='uploader', is_staff=True);"
        "c = Client(); c.force_login(u); print(c.cookies['sessionid'].value)"
    )
    session = site.manage("shell", "--no-imports", "-c", code).stdout.strip()
    cookie = f"sessionid={session}"
    assert announce(site, ADD, 20 * MB, cookie).startswith(b"HTTP/1.1 100 ")
    assert announce(site, ADD, 76 * MB, cookie).startswith(b"HTTP/1.1 413 ")
    assert site.request("POST", ADD, {"Cookie": cookie}, bytes(20 * MB)).status == 403  # no CSRF token


def test_question_of_nginx_is_nobody_elses(site):
    assert site.get("/admin/may_upload/").status == 404


def test_slow_header_is_cut(site):
    with socket.create_connection(("127.0.0.1", site.port), timeout=30) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        client.recv(4096)


def test_enough_connections(site):
    text = (site.var / "nginx" / "nginx.conf").read_text()
    assert int(re.search(r"worker_connections (\d+);", text)[1]) >= 8192
    assert "worker_connections exceed" not in site.log("error.log")


def test_harakiri_holds_for_large_bodies(site):
    """uWSGI prolongs its own with each 64 KiB."""
    with site.sibling() as other:
        script = other.directory / "slow.py"
        script.write_text(
            "import time, myweb.wsgi\n"
            "def application(environ, start_response):\n"
            "    if environ['PATH_INFO'] == '/slow/':\n"
            "        time.sleep(45)\n"
            "    start_response('200 OK', [])\n"
            "    return [b'']\n"
            "myweb.wsgi.django = application\n"
            "application = myweb.wsgi.application\n"
        )
        script.chmod(0o644)
        assert other.manage("nginx_config").returncode == 0
        other.spawn_uwsgi(
            "--ini", "deploy/myweb_uwsgi.ini", "--module", "slow", "--pythonpath", other.directory, "--harakiri", "3"
        )
        wait_for(other.uwsgi_listens, "uWSGI listens")
        other.spawn_nginx()
        wait_for(lambda: other.get("/").status == 200, "it answers")
        began = time.monotonic()
        assert other.request("POST", "/slow/", body=bytes(900_000)).status == 503
        assert time.monotonic() - began < 40
