"""A real site that can be changed in every way, and visitors who notice whatever is not as Django answers now."""

import contextlib
import gzip
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import brotli
import pytest

from tests.contact.torture import daemons
from tests.site import ROOT, Site, wait_for

UNPACK = {"": bytes, "gzip": gzip.decompress, "br": brotli.decompress}
# Whoever sends it is answered by Django, and the answer is not written.
LOGGED_IN = {"Cookie": "sessionid=somebody"}
ALWAYS = ["/robots.txt", "/sitemap.xml"]
FOLLOWING = 5  # seconds in which even a busy machine has followed

needs_postgres = [
    pytest.mark.postgres,
    pytest.mark.skipif("MYWEB_TEST_POSTGRES" not in os.environ, reason="MYWEB_TEST_POSTGRES names no cluster"),
]


# The site


def copy_code(site: Site) -> None:
    """Let a site that does not run yet have code of its own, which can be changed."""
    clone = site.directory / "clone"
    left_out = shutil.ignore_patterns("var", ".git", "__pycache__", ".*_cache", ".hypothesis", "benchmarks", "torture")
    shutil.copytree(ROOT, clone, symlinks=True, ignore=left_out)
    site.root = clone


def is_up(site: Site) -> bool:
    with contextlib.suppress(OSError):
        return site.get("/healthz").status == 200
    return False


def start_uwsgi(site: Site) -> "subprocess.Popen[bytes]":
    (site.var / "run" / "stats.sock").unlink(missing_ok=True)
    process = site.spawn_uwsgi()
    wait_for(lambda: is_up(site) or process.poll() is not None, "the site answers")
    assert process.poll() is None, (site.directory / "uwsgi.log").read_text()[-3000:]
    return process


def stop_uwsgi(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(90)


class Server:
    """uWSGI, which is started and stopped."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.start()

    def start(self) -> None:
        self.process = start_uwsgi(self.site)

    def stop(self) -> None:
        stop_uwsgi(self.process)

    @contextmanager
    def without_follower(self) -> Iterator[None]:
        """Hold the process that repairs."""
        [follower] = daemons(self.process.pid)
        os.kill(follower, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(follower, signal.SIGCONT)


class Writer:
    """A process that changes a site's content: tests/publishing/writer.py."""

    script = "tests/publishing/writer.py"

    def __init__(self, site: Site) -> None:
        self.log = site.directory / "writer.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    site.root / "deploy" / "as_site_user",
                    site.root / ".venv" / "bin" / "python",
                    site.root / self.script,
                ],
                cwd=site.root,
                env=site.env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def begin(self, name: str, **arguments: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"do": name, **arguments}).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Return all that was said to the command that was begun."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, f"the writer ended: {self.log.read_text()[-3000:]}"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> Any:
        """Return what the command that was begun has returned; None if it was refused."""
        answer = self.answer()
        assert "error" not in answer, answer["error"]
        return answer.get("value")

    def do(self, name: str, **arguments: Any) -> Any:
        self.begin(name, **arguments)
        return self.end()

    def die(self, name: str, **arguments: Any) -> None:
        """Give a command during which the process is killed."""
        self.begin(name, **arguments)
        assert self.process.wait(60) == -9, self.log.read_text()[-3000:]

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


# Visitors


@dataclass
class Answer:
    status: int
    body: bytes
    is_published: bool  # a file, and not from Django, which sends no ETag

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Answer) and (self.status, self.body) == (other.status, other.body)


class Visitor:
    """Keeps a connection and, as a browser does, what it was answered, and asks whether that is still right."""

    def __init__(self, site: Site, encoding: str = "", headers: dict[str, str] | None = None) -> None:
        self.site, self.encoding = site, encoding
        self.headers = {"Accept-Encoding": encoding} if encoding else {}
        self.headers |= headers or {}
        self.kept: dict[str, tuple[str, Answer]] = {}
        self.connection = HTTPConnection("127.0.0.1", site.port, timeout=90)
        self.asked: Counter[str] = Counter()

    def ask(self, path: str) -> Answer:
        etag, kept = self.kept.get(path, ("", None))
        headers = self.headers | ({"If-None-Match": etag} if etag else {})
        self.connection.request("GET", quote(path), headers=headers)
        response = self.connection.getresponse()
        body = response.read()
        etag = response.headers["ETag"] or ""
        self.asked["requests"] += 1
        self.asked["published"] += bool(etag)
        self.asked["kept"] += is_older(etag, current_of(self.site))
        if response.status == 304 and kept:
            self.asked["not modified"] += 1
            return kept
        encoding = response.headers["Content-Encoding"] or ""
        answer = Answer(response.status, UNPACK[encoding](body), bool(etag))
        if etag:
            self.kept[path] = (etag, answer)
        return answer

    def ask_all(self, paths: list[str]) -> dict[str, Answer]:
        self.connection.close()  # Nginx may have done so when it was idle
        return {path: self.ask(path) for path in paths}


class Crowd:
    """Visitors who go on asking in threads of their own while things change; only failures count."""

    def __init__(self, truth: "Truth", number: int = 1) -> None:
        self.truth, self.statuses, self.asked = truth, Counter[int](), Counter[str]()
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(seed,), daemon=True) for seed in range(number)]

    def _run(self, seed: int) -> None:
        visitor = Visitor(self.truth.site, ["", "gzip", "br"][seed % 3])
        chance = random.Random(seed)
        while not self._end.is_set():
            visitor.kept.clear()
            self.statuses[visitor.ask(chance.choice(self.truth.paths)).status] += 1
        self.asked += visitor.asked

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()


class Stale(AssertionError):
    pass


@dataclass
class Truth:
    """What is asked after each step, and what came of it."""

    site: Site
    writer: Writer
    paths: list[str] = field(default_factory=lambda: list(ALWAYS))
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.django = [Visitor(self.site, headers=LOGGED_IN) for _ in range(2)]
        self.visitors = [Visitor(self.site, encoding) for encoding in ("", "gzip", "br", "")]
        self.pool = ThreadPoolExecutor(len(self.visitors))

    def learn_paths(self) -> None:
        """Ask for what is there, and for the last few addresses that were."""
        there = [*ALWAYS, *self.writer.do("pages")]
        gone = [path for path in self.paths if path not in there]
        self.paths = [*gone[-6:], *there]

    def check(self, seconds: float = 0, paths: list[str] | None = None) -> None:
        """
        Fail if any visitor is answered anything but what Django answers, for longer than so many seconds.

        0 is for what was saved: its own process has switched. Other seconds are for what others have to follow.
        """
        if paths:
            self.paths = paths
        else:
            self.learn_paths()
        began = time.monotonic()
        while wrong := self.find_stale():
            waited = time.monotonic() - began
            if waited > seconds:
                self.counts["stale"] += len(wrong)
                raise Stale(f"{len(wrong)} answers; {self.state()}\n" + "\n".join(wrong[:3]))
            self.counts["longest following (ms)"] = max(self.counts["longest following (ms)"], round(waited * 1000))
        self.counts["steps"] += 1

    def find_stale(self) -> list[str]:
        halves = [self.paths[0::2], self.paths[1::2]]
        expected: dict[str, Answer] = {}
        for answers in self.pool.map(Visitor.ask_all, self.django, halves):
            expected |= answers
        wrong = []
        found = list(self.pool.map(Visitor.ask_all, self.visitors, [random.sample(self.paths, len(self.paths))] * 4))
        for visitor, answers in zip(self.visitors, found, strict=True):
            for path, answer in answers.items():
                # Renditions and pages that are due change the content between two questions.
                if answer not in (expected[path], self.django[0].ask(path) if answer != expected[path] else None):
                    wrong.append(describe(path, visitor, answer, expected[path]))
        return wrong

    def state(self) -> str:
        return f"database: {self.writer.do('generation')}, current: {current_of(self.site)}"

    def total(self) -> Counter[str]:
        return sum((visitor.asked for visitor in self.visitors), Counter()) + self.counts


def describe(path: str, visitor: Visitor, answer: Answer, expected: Answer) -> str:
    here = next((n for n, (a, b) in enumerate(zip(answer.body, expected.body, strict=False)) if a != b), 0)
    around = slice(max(0, here - 60), here + 60)
    kind = "a file" if answer.is_published else "Django"
    return (
        f"{path} ({visitor.encoding or 'identity'}, from {kind}): {answer.status} instead of {expected.status},"
        f" {answer.body[around]!r} instead of {expected.body[around]!r}"
    )


def is_older(etag: str, current: str | None) -> bool:
    """Return whether a file was made in an earlier generation: Nginx makes the ETag of its time."""
    made = etag.strip('W/"').partition("-")[0]
    return bool(made and current) and int(made, 16) < int(str(current).partition("-")[0])


def current_of(site: Site) -> str | None:
    try:
        return str((site.var / "published" / "current").readlink())
    except OSError:
        return None


def is_publishing(site: Site) -> bool:
    """Return whether the second answer is a file."""
    path = "/robots.txt"
    return Visitor(site).ask(path).status == 200 and Visitor(site).ask(path).is_published


@contextmanager
def living(site: Site, *, clone: bool = False, **environment: str) -> Iterator[tuple[Site, Truth]]:
    """Give a site like `site`, which runs with a var/ of its own, and what asks it; `clone` for its own code, too."""
    with site.sibling(**environment) as other:
        if clone:
            copy_code(other)
        shutil.rmtree(other.var / "published", ignore_errors=True)
        for command in (["migrate"], ["nginx_config"]):
            prepared = other.manage(*command)
            assert prepared.returncode == 0, prepared.stdout + prepared.stderr
        other.spawn_nginx()
        with Writer(other) as writer:
            writer.do("reset")
            yield other, Truth(other, writer)


# The admin, as a browser uses it


class Form(HTMLParser):
    """What a browser would send if the form of a page were submitted as it is."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._textarea = self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        name = values.get("name") or ""
        if tag == "input" and name and values.get("type") not in ("submit", "button", "file", "image"):
            if values.get("type") not in ("checkbox", "radio") or "checked" in values:
                self.fields[name] = values.get("value") or ("on" if values.get("type") == "checkbox" else "")
        elif tag == "textarea":
            self._textarea = name
            self.fields[name] = ""
        elif tag == "select":
            self._select = name
            self.fields.setdefault(name, "")
        elif tag == "option" and self._select and "selected" in values:
            self.fields[self._select] = values.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._textarea = ""
        elif tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.fields[self._textarea] += data


class Admin:
    def __init__(self, truth: Truth) -> None:
        self.site = truth.site
        self.cookies = f"sessionid={truth.writer.do('session')}"

    def submit(self, path: str, **changes: str) -> int:
        """Open a form of the admin, send it with changes, and return the status."""
        shown = self.site.get(path, Cookie=self.cookies)
        assert shown.status == 200, (path, shown.status)
        fields = Form(shown.text).fields | changes
        cookies = f"{self.cookies}; csrftoken={(shown.headers['Set-Cookie'] or '').partition('=')[2].partition(';')[0]}"
        headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
        return self.site.request("POST", path, headers, urlencode(fields).encode()).status


# The database as a file


def database(site: Site) -> Path:
    return site.var / "db.sqlite3"


def copy_database(site: Site, target: Path) -> None:
    """Copy the database in one step, as a backup does."""
    with closing(sqlite3.connect(database(site))) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def put_back(site: Site, copy: Path, *, in_place: bool) -> None:
    """Make the database what the copy is: in place, or by another file of that name."""
    if in_place:
        with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(database(site), timeout=20)) as target:
            source.backup(target)
        return
    owner = database(site).stat()
    new = database(site).with_name("restored.sqlite3")
    shutil.copyfile(copy, new)
    shutil.copystat(database(site), new)
    os.chown(new, owner.st_uid, owner.st_gid)
    new.replace(database(site))
