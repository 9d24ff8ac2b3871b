"""What Nginx counts and refuses, and how large bodies come in. Strangers come through a trusted proxy here."""

import base64
import json
import os
import re
import socket
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.site import Response, Site, wait_for

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


def test_those_whose_address_says_nothing_are_counted_together(site):
    with site.sibling() as other:
        other.start()
        assert statuses(other, "/contact/", "10.0.0.1", 500) == {403: 500}
        assert statuses(other, "/contact/", "172.17.0.1", 900)[429] > 100
        assert statuses(other, "/contact/", "203.0.113.1", 3) == {403: 3}


def device_cookie(site: Site, name: str) -> str:
    code = f"from myweb.accounts import devices; print(devices.cookie_name(), devices.new_cookie('{name}'), sep='=')"
    return site.manage("shell", "--no-imports", "-c", code).stdout.strip()


def test_browser_that_has_logged_in_before_has_a_share_of_its_own(site):
    cookie = device_cookie(site, "owner")
    device, expires, mac, signature = cookie.split(".")
    later = f"{device}.{int(expires) + 1}.{mac}.{signature}"
    statuses(site, "/admin/login/", "203.0.113.60", 40)

    def status(cookie: str) -> int:
        headers = {"X-Forwarded-For": "203.0.113.60", "Cookie": cookie}
        return site.request("POST", "/admin/login/", headers, b"x").status

    assert [status(cookie), status(f"theme=dark; {cookie}")] == [403, 403]
    assert [status(later), status(cookie.replace(mac, "a" * 22)), status("device=")] == [429, 429, 429]
    # It is limited, too.
    assert 429 in {status(cookie) for _ in range(40)}


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-hans"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("de,zh-TW;q=0.9,en;q=0.8", "zh-hans"),
        ("de, en;q=0.9, zh;q=0.8", "en"),
        ("de,zh-CN,en,zh-TW", "zh-hans"),
        ("de", "en"),
        ("zhuang,enx", "en"),
        ("", "en"),
        (",,,zh", "zh-hans"),
        ("*," * 3000 + "zh", "zh-hans"),
    ],
)
def test_own_page_in_the_language_of_the_browser(site, accepted, language):
    answer = site.request("POST", "/", {"Accept-Language": accepted}, b"x" * (MB + 1))
    title = {"en": "Too large", "zh-hans": "内容过大"}[language]
    assert answer.status == 413
    assert f'<html lang="{language}">' in answer.text
    assert f"<h1>{title}</h1>" in answer.text
    assert answer.headers["Vary"] == "Accept-Language"
    assert "pcre" not in site.log("error.log")


def test_own_page_with_the_true_status_and_method(site):
    cases = {413: ("/", b"x" * (MB + 1)), 429: ("/admin/login/", b"x"), 403: (ADD, b"x" * 2 * MB)}
    statuses(site, "/admin/login/", "203.0.113.50", 25)
    for status, (path, body) in cases.items():
        headers = {"X-Forwarded-For": "203.0.113.50"}
        answer = site.request("POST", path, headers, body)
        assert answer.status == status
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert (answer.headers["Retry-After"] == "10") == (status == 429)
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


def test_browser_that_has_logged_in_before_carries_a_form(site):
    cookie = device_cookie(site, "owner")
    for path in (ADD, "/admin/login/"):
        assert announce(site, path, 9 * MB, cookie).startswith(b"HTTP/1.1 100 ")
        refused = {ADD: b"HTTP/1.1 403 ", "/admin/login/": b"HTTP/1.1 413 "}[path]
        assert announce(site, path, 11 * MB, cookie).startswith(refused)
        assert announce(site, path, 9 * MB, cookie.replace(".", ".1", 1)).startswith(refused)
        assert announce(site, path, 2 * MB).startswith(refused)


def test_browser_that_has_logged_in_before_carries_nothing_but_forms(site):
    cookie = device_cookie(site, "owner")
    for path in ("/admin/pages/page/upload/", "/admin/pages/redirect/import/"):
        assert announce(site, path, 9 * MB, cookie).startswith(b"HTTP/1.1 403 ")
    for path in ("/admin/pages/sitesettings/1/change/", "/contact/", "/"):
        assert announce(site, path, 9 * MB, cookie).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(("has_logged_in", "number"), [(True, 2), (False, 0)])
def test_bodies_that_never_end_hold_little(site, has_logged_in, number):
    """Of five, those of one browser that may send them at once; no stranger's."""
    cookie = device_cookie(site, "owner") if has_logged_in else ""
    head = f"POST {ADD} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nContent-Length: {9 * MB}\r\n\r\n"

    def held() -> int:
        """Return the size of Nginx's files of bodies, which have no name any more."""
        place, size = str(site.var / "run" / "nginx_client_body"), 0
        for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
            with suppress(OSError):
                size += descriptor.stat().st_size if str(descriptor.readlink()).startswith(place) else 0
        return size

    def send() -> socket.socket:
        client = socket.create_connection(("127.0.0.1", site.port), timeout=30)
        with suppress(OSError):  # what is refused is not read
            client.sendall(head.encode())
            client.sendall(bytes(8 * MB))
        return client

    wait_for(lambda: held() == 0, "bodies of other tests are gone")
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(send())
        wait_for(lambda: held() >= number * 7.9 * MB, "they are on the disk")
        assert held() <= number * 8 * MB


def test_form_whose_session_is_over_is_carried_by_the_login(site):
    code = (
        "from django.contrib.auth.models import User; from myweb.pages.models import Page;"
        "User.objects.create_superuser('carrier', password='a-morning-at-the-lake');"
        "page = Page(title='Carried', slug='carried'); page.save(); print(page.pk)"
    )
    key = site.manage("shell", "--no-imports", "-c", code).stdout.strip()
    path, device = f"/admin/pages/page/{key}/change/", device_cookie(site, "carrier")
    words = base64.b64encode(os.urandom(6 * MB)).decode()
    form = {"_form": "x", "_count": "1", "title": "Carried", "description": words, "_draft": "1"}
    for prefix in ("text", "picture"):
        names = {"TOTAL": "0", "INITIAL": "0", "MIN_NUM": "0", "MAX_NUM": "1000"}
        form |= {f"pages_{prefix}_set-{name}_FORMS": value for name, value in names.items()}

    def post(path: str, fields: dict[str, str], cookies: str) -> Response:
        headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded", "Origin": site.url}
        return site.request("POST", path, headers, urlencode(fields).encode())

    answer = post(path, form, f"{device}; sessionid={'a' * 32}")
    token = re.search(r'name="_unsent" value="([^"]+)"', answer.text)[1]
    assert len(token) > 5 * MB
    csrf = re.search(r"csrftoken=(\w+)", answer.headers["Set-Cookie"])[1]
    login = {"username": "carrier", "password": "a-morning-at-the-lake", "next": path, "_unsent": token}
    answer = post("/admin/login/", login | {"csrfmiddlewaretoken": csrf}, f"{device}; csrftoken={csrf}")
    assert answer.status == 302
    assert re.fullmatch(rf"{path}\?version=\d+", answer.headers["Location"])
    code = f"from myweb.desk.models import Version; v = Version.objects.get(key={key}); print(len(str(v.content)))"
    assert int(site.manage("shell", "--no-imports", "-c", code).stdout) > len(words)


def test_large_body_of_somebody_who_is_logged_in(site):
    code = (
        "from django.contrib.auth.models import User; from django.test import Client;"
        "u, _ = User.objects.get_or_create(username='uploader', is_staff=True);"
        "c = Client(); c.force_login(u); print(c.cookies['sessionid'].value)"
    )
    session = site.manage("shell", "--no-imports", "-c", code).stdout.strip()
    cookie = f"sessionid={session}"
    assert announce(site, ADD, 20 * MB, cookie).startswith(b"HTTP/1.1 100 ")
    for button in ("preview", "discard", "cancel"):  # each sends the whole form
        assert announce(site, f"/admin/pages/page/1/{button}/", 20 * MB, cookie).startswith(b"HTTP/1.1 100 ")
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
        assert other.request("POST", "/slow/", body=bytes(900_000)).status == 503
