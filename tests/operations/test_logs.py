import contextlib
import json
import logging
import re
import sqlite3
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import HttpRequest

from myweb.operations import logs
from tests.site import Site, wait_for
from tests.test_settings import read

NASTY = '"quoted" \\ {"level": "INFO"}\n2026 next line\r\t\0\x1b[31m \u2028\ud800 中文'


@pytest.fixture
def request_id():
    token = logs.request_id.set("0123456789abcdef")
    yield "0123456789abcdef"
    logs.request_id.reset(token)


def written(message: str, *args: object, **fields: Any) -> dict[str, Any]:
    """Return what one record becomes, which is one line that every machine can read."""
    fields = {"level": logging.ERROR, "pathname": __file__, "lineno": 1, "exc_info": None} | fields
    line = logs.JSONFormatter().format(logging.LogRecord("myweb.test", msg=message, args=args, **fields))
    assert line.isascii()
    assert line.isprintable()
    return json.loads(line)


def test_it_works(request_id):
    entry = written("%d of %s", 3, "five")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(entry.pop("time"))).total_seconds()) < 60
    assert entry.pop("process") > 0
    assert entry == {"request_id": request_id, "level": "ERROR", "logger": "myweb.test", "message": "3 of five"}


def test_without_a_request():
    assert written("hello")["request_id"] == ""


def test_nasty_text():
    assert written("%s", NASTY)["message"] == NASTY


def test_stack_trace_is_one_field():
    try:
        raise ValueError(NASTY)
    except ValueError:
        entry = written("failed", exc_info=sys.exc_info())
    assert entry["message"] == "failed"
    assert entry["traceback"].startswith("Traceback (most recent call last):\n")
    assert f'File "{__file__}"' in entry["traceback"]


def test_what_was_sent_is_left_out():
    record = logging.makeLogRecord({"msg": "failed", "request": HttpRequest(), "password": "secret"})
    assert "secret" not in logs.JSONFormatter().format(record)


def test_people_who_work_on_it_get_text():
    assert read("LOGGING")["LOGGING"]["handlers"]["stderr"]["formatter"] == "json"
    assert read("LOGGING", DEBUG="1")["LOGGING"]["handlers"]["stderr"]["formatter"] == "text"


# The real site


def entries(site: Site, name: str) -> list[dict[str, Any]]:
    """Return all objects in a log; in uwsgi.log, uWSGI's own lines are text."""
    lines = (site.var / "log" / name).read_bytes().split(b"\n")[:-1]
    return [json.loads(line) for line in lines if name == "access.log" or line.startswith(b"{")]


def of_request(site: Site, request_id: str) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """Return what Nginx, uWSGI and Django say of a request; uWSGI writes last."""

    def found() -> tuple[Any, Any, Any] | None:
        nginx = [entry for entry in entries(site, "access.log") if entry["request_id"] == request_id]
        both = [entry for entry in entries(site, "uwsgi.log") if entry["request_id"] == request_id]
        uwsgi = [entry for entry in both if entry.get("server") == "uwsgi"]
        if not (nginx and uwsgi):
            return None
        assert len(nginx) == len(uwsgi) == 1
        return nginx[0], uwsgi[0], [entry for entry in both if "logger" in entry]

    return wait_for(found, "the request is in the logs", 5)


@pytest.mark.nginx
def test_one_request_in_three_logs(site):
    response = site.request(
        "POST",
        "/contact/",
        {"User-Agent": 'A "browser" \\ with ümlauts'.encode().decode("latin-1")},
        b"text=only-for-your-eyes",
    )
    assert response.status == 403
    nginx, uwsgi, [django] = of_request(site, response.headers["X-Request-ID"])
    assert (nginx["status"], nginx["method"], nginx["uri"], nginx["remote_addr"]) == (
        403,
        "POST",
        "/contact/",
        "127.0.0.0",
    )
    assert nginx["user_agent"] == 'A "browser" \\ with ümlauts'
    assert (uwsgi["status"], uwsgi["method"]) == (403, "POST")
    assert uwsgi["bytes"] > 100
    assert uwsgi["milliseconds"] < 60_000
    assert uwsgi["worker"] in [worker["id"] for worker in site.stats()["workers"]]
    assert (django["level"], django["logger"]) == ("WARNING", "django.security.csrf")
    for entry in nginx, uwsgi, django:
        assert abs((datetime.now(UTC) - datetime.fromisoformat(entry["time"])).total_seconds()) < 60
    for name in "access.log", "uwsgi.log":
        assert "only-for-your-eyes" not in site.log(name)


@pytest.mark.nginx
@pytest.mark.parametrize(
    "text",
    [
        b'"',
        b"\\",
        b'","status":200,"x":"',
        b"%0a{}",
        b"%ff",
        b"\xff",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        "é\u2028𠮷".encode(),
    ],
)
def test_hostile_text_stays_in_its_field(site, text):
    answer = site.send(
        b"POST /%s/?%s HTTP/1.1\r\nHost: localhost\r\nReferer: %s\r\nUser-Agent: %s\r\nX-Request-ID: %s\r\n"
        b"Content-Length: 0\r\nConnection: close\r\n\r\n" % ((text,) * 5)
    )
    request_id = answer.partition(b"X-Request-ID: ")[2].partition(b"\r\n")[0].decode()
    nginx, uwsgi, django = of_request(site, request_id)
    try:
        expected = text.decode()
    except UnicodeDecodeError:
        expected = ""  # and whatever follows
        assert nginx["uri"] == "/"
    else:
        assert nginx["uri"] == f"/{expected}/?{expected}"
    assert nginx["referer"] == nginx["user_agent"] == expected
    assert nginx["status"] == uwsgi["status"] == int(answer.split()[1])
    assert len(django) == (uwsgi["status"] == 403)  # the other refusals are not worth a line


SECRET = "only-for-the-one-who-was-sent-it"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (f"Not Found: /admin/setup/{SECRET}/", "Not Found: /admin/setup/…/"),
        (f"Forbidden: /admin/reset/MQ/{SECRET}/", "Forbidden: /admin/reset/MQ/…/"),
        (f"https://a.example/contact/thanks/{SECRET}?x", "https://a.example/contact/thanks/…?x"),
        ("/contact/thanks/", "/contact/thanks/"),
        ("a" * 3000, f"{'a' * 1000} … {'a' * 1000}"),
    ],
)
def test_message_without_secrets(text, written):
    record = logging.makeLogRecord({"msg": text})
    assert json.loads(logs.JSONFormatter().format(record))["message"] == written


@pytest.mark.nginx
@pytest.mark.parametrize(
    "path", ["/admin/setup/%s/", "/admin/shown/%s/", "/admin/reset/MQ/%s/", "/contact/thanks/%s/?%s"]
)
def test_secrets_in_addresses_are_cut_short(site, path):
    """In what is asked for, and in what led there, whoever writes it down."""
    address = path.replace("%s", SECRET)
    for headers in ({}, {"Referer": f"{site.url}{address}"}):
        for method, asked in (("GET", address), ("POST", address), ("GET", "/static/missing.css")):
            answer = site.request(method, asked, headers)
            wait_for(lambda answer=answer: answer.headers["X-Request-ID"] in site.log("access.log"), "it is logged", 5)
    last = site.get("/healthz?last", Cookie="sessionid=x")
    assert last.status == 200
    for name in ("access.log", "uwsgi.log", "error.log"):
        assert SECRET not in site.log(name)
    begin = path.partition("%s")[0]
    assert f"{begin}…" in [entry["uri"] for entry in entries(site, "access.log")]
    assert f"{site.url}{begin}…" in [entry["referer"] for entry in entries(site, "access.log")]


@pytest.mark.nginx
def test_a_request_writes_little(site):
    """However much is sent."""
    long = "a" * 7000
    answer = site.get(f"/{long}", Referer=long, User_Agent=long)
    wait_for(lambda: answer.headers["X-Request-ID"] in site.log("access.log"), "it is logged", 5)
    [line] = [line for line in site.log("access.log").splitlines() if answer.headers["X-Request-ID"] in line]
    assert len(line) < 4_000
    assert json.loads(line)["uri"] == f"/{long}"[:1_000]


@pytest.mark.nginx
def test_log_has_the_method_that_was_sent(site):
    """Also where Nginx answers with a page of its own."""
    with site.sibling() as other:
        other.manage("nginx_config")
        other.spawn_nginx()
        answer = other.request("POST", "/contact/", body=b"")
        assert answer.status == 503
        wait_for(lambda: entries(other, "access.log"), "it is logged", 5)
        [entry] = entries(other, "access.log")
        assert (entry["method"], entry["uri"], entry["status"]) == ("POST", "/contact/", 503)


@pytest.mark.nginx
def test_hostile_host(site):
    answer = site.send(b'GET / HTTP/1.1\r\nHost: a\xffb"\r\nConnection: close\r\n\r\n')
    request_id = answer.partition(b"X-Request-ID: ")[2].partition(b"\r\n")[0].decode()
    [entry] = wait_for(
        lambda: [entry for entry in entries(site, "access.log") if entry["request_id"] == request_id], "it is logged", 5
    )
    assert entry["host"] == "a"
    assert entry["status"] == 421


@pytest.mark.nginx
def test_stack_trace(site):
    """Of a request, and of a daemon, which belongs to none."""
    with site.sibling() as other:
        other.start()
        with contextlib.closing(sqlite3.connect(other.var / "db.sqlite3", timeout=30)) as database:
            database.execute("DROP TABLE pages_page")
        response = other.get("/", Cookie="sessionid=not-a-file")
        assert response.status == 500
        *_, [django] = of_request(other, response.headers["X-Request-ID"])
        assert (django["level"], django["message"]) == ("ERROR", "Internal Server Error: /")
        assert "OperationalError: no such table: pages_page" in django["traceback"]
        [daemon, *_] = wait_for(
            lambda: [entry for entry in entries(other, "uwsgi.log") if "operations.work" in entry.get("logger", "")],
            "the daemon complains",
        )
        assert daemon["request_id"] == ""
        assert "OperationalError: no such table: pages_page" in daemon["traceback"]


@pytest.mark.nginx
def test_what_uwsgi_says_itself_has_the_time(site):
    assert re.search(
        r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000 - spawned uWSGI worker 1 ", site.log("uwsgi.log"), re.MULTILINE
    )
