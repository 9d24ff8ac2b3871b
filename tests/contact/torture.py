"""Visitors who write through Nginx while things break; shared by the tests, tests/torture and tests/benchmarks."""

import os
import random
import re
import secrets
import signal
import sqlite3
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg

from tests.site import Site, alive, descendants, wait_for
from tests.smtp import OWNER, MailServer

SECONDS_OF_A_PERSON = 3.2  # a little more than the form asks for
PAST = "2000-01-01 00:00:00+00:00"


def mail_settings(server: MailServer) -> dict[str, str]:
    return {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(server.port), "CONTACT_RECIPIENTS": OWNER}


# The database of a site


def sql(site: Site, statement: str) -> list[tuple[Any, ...]]:
    if url := site.env.get("DATABASE_URL"):
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []
    with closing(sqlite3.connect(site.var / "db.sqlite3", timeout=60, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


def stored(site: Site) -> dict[str, str]:
    """Return the mail_id of every message in the inbox, by its text."""
    return dict(
        sql(
            site,
            "SELECT text, mail_id FROM contact_contactmessage m LEFT JOIN contact_delivery d ON d.message_id = m.id"
            " WHERE spam_reason = ''",
        )
    )


def waiting(site: Site) -> int:
    return int(sql(site, "SELECT count(*) FROM contact_delivery WHERE sent_at IS NULL")[0][0])


def let_all_time_pass(site: Site) -> None:
    """Make every back-off and every lease of a killed process run out."""
    past = PAST if "DATABASE_URL" in site.env else PAST.removesuffix("+00:00")  # as Django writes it
    sql(site, f"UPDATE contact_delivery SET next_attempt = '{past}' WHERE sent_at IS NULL")
    sql(site, f"UPDATE contact_mailserver SET next_probe = '{past}'")


def deliver_all(site: Site, server: MailServer, seconds: float = 120) -> None:
    """Wait until everything is mailed; time passes more quickly whenever nothing has arrived for some seconds."""
    seen, quiet_since = -1, time.monotonic()

    def done() -> bool:
        nonlocal seen, quiet_since
        if len(server.received) != seen:
            seen, quiet_since = len(server.received), time.monotonic()
        elif time.monotonic() - quiet_since > 2:
            if not waiting(site):
                return True
            let_all_time_pass(site)
            quiet_since = time.monotonic()
        return False

    wait_for(done, "everything is mailed", seconds)


@contextmanager
def postgres_database(cluster: str) -> Iterator[str]:
    """Make a database in the cluster of that URL, and drop it in the end."""
    name = f"myweb_torture_{secrets.token_hex(4)}"
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(cluster)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


# Visitors


@dataclass
class Visitor:
    """Somebody who has opened the form, and what they will write."""

    text: str
    fields: dict[str, str]
    cookie: str
    opened: float
    attempts: int = 0
    thanks: str = ""  # the address of the page with the reference

    def send(self, site: Site) -> int:
        """Send the form; return the status, or 0 if there was no answer."""
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": self.cookie,
            "X-Forwarded-For": f"198.18.{zlib.crc32(self.text.encode()) % 65_536 // 256}.1",
        }
        self.attempts += 1
        try:
            answer = site.request("POST", "/contact/", headers, urlencode(self.fields).encode())
        except OSError:
            return 0
        location = answer.headers["Location"] or ""
        if answer.status == 302 and location.startswith("/contact/thanks/"):
            self.thanks = location
        return answer.status


def open_forms(site: Site, number: int, threads: int = 6) -> list[Visitor]:
    """Open so many forms, and wait until people would have filled them in."""
    run = secrets.token_hex(4)

    def open_form(index: int) -> Visitor:
        answer = site.get("/contact/")
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', answer.text)
        fields = {name: unescape(value) for name, value in hidden} | {"leave_empty": ""}
        text = f"Message {index} of {run}: 湖 👩‍👩‍👧"
        fields |= {"name": f"Visitor {index}", "email": "visitor@example.com", "subject": "湖 👋", "text": text}
        return Visitor(text, fields, answer.headers["Set-Cookie"].partition(";")[0], time.monotonic())

    with ThreadPoolExecutor(threads) as pool:
        visitors = list(pool.map(open_form, range(number)))
    opened = max(visitor.opened for visitor in visitors)
    wait_for(lambda: time.monotonic() - opened > SECONDS_OF_A_PERSON, "people have typed")
    return visitors


def send_all(site: Site, visitors: list[Visitor], threads: int = 10) -> Counter[int]:
    """Let each visitor send once; return how often there was which status."""
    with ThreadPoolExecutor(threads) as pool:
        return Counter(pool.map(lambda visitor: visitor.send(site), visitors))


class PageReader(threading.Thread):
    """Reads the home page again and again, as other visitors do."""

    def __init__(self, site: Site) -> None:
        super().__init__(daemon=True)
        self.site, self.seconds, self.failures, self._end = site, [0.0], 0, threading.Event()

    def run(self) -> None:
        while not self._end.is_set():
            began = time.monotonic()
            try:
                self.failures += self.site.get("/").status != 200
            except OSError:
                self.failures += 1
            self.seconds.append(time.monotonic() - began)

    def __enter__(self) -> "PageReader":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self.join()


# The storm


@dataclass
class Storm:
    """
    Posts `number` messages, with a SIGKILL for every few of them: of a worker, a delivery process or uWSGI's master.

    A visitor who is not thanked sends the same form again. `deliverers` are delivery processes beside uWSGI's own.
    """

    site: Site  # prepared, not started
    server: MailServer
    number: int
    deliverers: int = 0
    messages_per_kill: int = 12
    seed: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)

    def run(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        self.random = random.Random(self.seed)
        self.done, self.thanked, self.lock = False, 0, threading.Lock()
        self.own = [self.start_deliverer() for _ in range(self.deliverers)]
        self.site.spawn_nginx()
        self.start_uwsgi()
        self.visitors = open_forms(self.site, self.number)
        with ThreadPoolExecutor(9) as pool:
            killing = pool.submit(self.kill_until_done)
            try:
                list(pool.map(self.send_until_thanked, self.visitors))
            finally:
                self.done = True
            killing.result()
        deliver_all(self.site, self.server, self.end - time.monotonic())

    def start_deliverer(self) -> Any:
        return self.site.spawn(self.site.root / ".venv/bin/python", "manage.py", "work")

    def start_uwsgi(self) -> None:
        self.uwsgi = self.site.spawn_uwsgi()
        wait_for(lambda: self.answers() or self.uwsgi.poll() is not None, "uWSGI answers")
        assert self.uwsgi.poll() is None, (self.site.directory / "uwsgi.log").read_text()[-3000:]

    def answers(self) -> bool:
        with suppress(OSError):
            return self.site.get("/healthz").status == 200
        return False

    def send_until_thanked(self, visitor: Visitor) -> None:
        while not visitor.thanks and time.monotonic() < self.end:
            status = visitor.send(self.site)
            if visitor.thanks:
                with self.lock:
                    self.thanked += 1
            else:
                self.refused[status] += 1
                wait_for(self.answers, "the site answers again")

    def kill_until_done(self) -> None:
        while not self.done:
            enough = self.thanked + self.messages_per_kill
            wait_for(lambda enough=enough: self.done or self.thanked >= enough, "visitors are thanked", 120)
            self.kill(self.random.choices(["worker", "delivery process", "master"], [5, 5, 2])[0])

    def kill(self, kind: str) -> None:
        below = descendants(self.uwsgi.pid)
        deliverers = [process for process in below if "manage.py work" in command_of(process)]
        for process in self.own:
            deliverers += [*([process.pid] if process.poll() is None else []), *descendants(process.pid)]
        workers = [process for process in below if command_of(process).startswith("uwsgi")]
        if kind == "master":
            self.uwsgi.kill()
            self.uwsgi.wait()
            wait_for(lambda: not any(map(alive, below)), "workers and daemons end without their master")
            self.start_uwsgi()
        elif victims := workers if kind == "worker" else deliverers:
            victim = self.random.choice(victims)
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
            self.own = [self.start_deliverer() if process.poll() is not None else process for process in self.own]
        else:
            return  # uWSGI has not started another one yet
        self.kills[kind] += 1

    def check(self) -> dict[str, int]:
        """Fail if a message that was thanked for is lost; return the numbers for the table."""
        in_database = stored(self.site)
        thanked = {visitor.text for visitor in self.visitors if visitor.thanks}
        assert thanked <= set(in_database), f"{len(thanked - set(in_database))} messages are lost"
        assert len(in_database) <= self.number, "a form was stored twice"
        assert waiting(self.site) == 0
        copies = Counter(mail.message_id for mail in self.server.received)
        assert set(copies) == set(in_database.values()), "what is stored and what was mailed differ"
        for mail in self.server.received:
            text = mail.message.get_content().splitlines()[0]
            assert in_database[text] == mail.message_id
        return {
            "messages": self.number,
            "thanked": len(thanked),
            "stored": len(in_database),
            "mailed": len(copies),
            "duplicates": copies.total() - len(copies),
            "sent again": self.refused.total(),
            **{f"{kind}s killed": self.kills[kind] for kind in ("worker", "master")},
            "delivery killed": self.kills["delivery process"],
        }


def daemons(uwsgi: int) -> list[int]:
    """Return the processes of `manage.py work` below that uWSGI, without what they have begun."""
    found = {process for process in descendants(uwsgi) if "manage.py work" in command_of(process)}
    begun: set[int] = set().union(*map(descendants, found))
    return list(found - begun)


def command_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def table(rows: list[dict[str, Any]]) -> str:
    """Return `rows` as a table whose columns are the keys of the first."""
    cells = [[str(name) for name in rows[0]], *([f"{row[name]}" for name in rows[0]] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)
