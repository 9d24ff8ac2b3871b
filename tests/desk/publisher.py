"""
Publishes a draft on a real site, by the form, from the list or as the daemon does, and dies on the way, or finds the
disk full, at one step: a statement of SQL, a commit, or a file that is made, written or renamed.

Reads one command in JSON a line, and answers each with a line. Started by faults.Publisher; what is done is done in a
process of its own, which is forked from this one when all code is loaded.
"""

import errno
import json
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ["DJANGO_SETTINGS_MODULE"] = "myweb.settings"

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.db import OperationalError, connection, connections, transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402
from django.utils import timezone  # noqa: E402

from myweb.desk.content import digest, live_content  # noqa: E402
from myweb.desk.line import Line  # noqa: E402
from myweb.desk.models import Version  # noqa: E402
from myweb.pages.models import Page  # noqa: E402
from myweb.pages.upkeep import do_due  # noqa: E402
from tests.admin_forms import add_block, form_data  # noqa: E402

LIST = "/admin/pages/page/"
WORD = re.compile(r"w[0-9]+x")
READS = re.compile(r"\s*\(*(?:SELECT|PRAGMA|SHOW|SET)\b(?!.*FOR UPDATE)", re.I | re.S)
GENERATION = re.compile(r"(next-)?[0-9]+-[0-9a-f]{16}.*")
NEEDS_ROOM = re.compile(r"\s*(?:INSERT|UPDATE|DELETE)\b", re.I)
FILES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.utime", "os.truncate"}


class Steps:
    """Counts what changes something on a disk, and lets the step with the number `at` be the last, or find no room."""

    def __init__(self, fault: str, at: int, answer: Callable[[dict[str, Any]], None]) -> None:
        self.fault, self.at, self.answer = fault, at, answer
        self.number = -1
        self.began = time.monotonic()
        self.names: list[str] = []

    def watch(self) -> None:
        connection.ensure_connection()
        connection.execute_wrappers.append(self.execute)
        commit = connection._commit
        connection._commit = lambda: (self.take("COMMIT", full()), commit(), self.take("after COMMIT"))
        sys.addaudithook(self.audit)
        self.began = time.monotonic()

    def take(self, name: str, error: Exception | None = None) -> None:
        self.number += 1
        self.names.append(name)
        if self.fault == "kill" and self.number == self.at:
            self.answer({"died": name})
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "full" and self.number >= self.at and error:
            raise error

    def execute(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not READS.match(str(sql)):
            self.take(str(sql)[:60], full() if NEEDS_ROOM.match(str(sql)) else None)
        return execute(sql, params, many, context)

    def audit(self, event: str, arguments: Any) -> None:
        is_opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if is_opened or event in FILES:
            frees_room = event in ("os.remove", "os.rmdir")
            name = GENERATION.sub(r"\1GENERATION", Path(os.fsdecode(arguments[0])).name)
            self.take(f"{event} {name}", None if frees_room else OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))


def full() -> OperationalError:
    return OperationalError("database or disk is full")


def fork(function: Callable[..., Any], *arguments: Any, fault: str = "", at: int = -1) -> dict[str, Any]:
    """Return what `function` has returned as "value", with the names of its steps, or at which it "died"."""
    reading, writing = os.pipe()
    connections.close_all()
    child = os.fork()
    if not child:

        def answer(said: dict[str, Any]) -> None:
            os.write(writing, json.dumps(said).encode())

        steps = Steps(fault, at, answer)
        try:
            value = function(steps, *arguments)
            connections.close_all()
            answer({"value": value, "steps": steps.names, "seconds": time.monotonic() - steps.began})
        except BaseException:
            answer({"error": traceback.format_exc()[-4000:]})
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    answered: dict[str, Any] = json.loads(said or b'{"died": "at some time"}')
    return answered


def client_of(session: str) -> Client:
    client = Client(raise_request_exception=False)
    client.cookies[settings.SESSION_COOKIE_NAME] = session
    return client


def the_page() -> Page:
    return Page.objects.get(slug="team").parent


# Commands


def reset() -> None:
    """Begin with a page that has been published once; another is below it."""
    User.objects.get_or_create(username="publisher", defaults={"is_staff": True, "is_superuser": True})
    publish(Steps("", -1, print), "form", prepare("form", "w0x"))
    connections.close_all()


def prepare(way: str, word: str) -> dict[str, Any]:
    """Open the form and change everything in it; keep that as a draft, unless it is to be published by the form."""
    client, page = Client(), the_page()
    client.force_login(User.objects.get(username="publisher"), "django.contrib.auth.backends.ModelBackend")
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    url = f"{LIST}{page.pk}/change/"
    data = form_data(client.get(url)) | {"title": word, "slug": word, "description": word}
    number = int(data["pages_text_set-TOTAL_FORMS"])
    if number:
        data["pages_text_set-0-text"] = f"<p>{word}</p>"
    for other in range(1, number):
        data[f"pages_text_set-{other}-DELETE"] = "on"
    add_block(data, "text", text=f"<p>{word}</p>", ordering=20)
    if way == "form":
        return {"session": session, "url": url, "data": data}
    del data["_publish"]
    later = timezone.localtime() + timedelta(days=1)
    plan = {"_plan": "1", "_plan_at_0": f"{later:%Y-%m-%d}", "_plan_at_1": f"{later:%H:%M}"}
    assert client.post(url, data | (plan if way == "daemon" else {"_draft": "1"})).status_code == 302
    Version.objects.exclude(publish_at=None).update(publish_at=timezone.now() - timedelta(minutes=1))
    data = {"action": "publish_pages", "_selected_action": page.pk, "post": "1"}
    return {"session": session, "url": LIST, "data": data}


def publish(steps: Steps, way: str, prepared: dict[str, Any], after: float = 0) -> int | None:
    """Return the status; None for the daemon. `after`: so many seconds later, the process is ended wherever it is."""
    client = client_of(prepared["session"])
    steps.watch()
    if after:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, after)
    if way != "daemon":
        return int(client.post(prepared["url"], prepared["data"]).status_code)
    with suppress(OperationalError):  # as the daemon, which tries again
        do_due()
    return None


@transaction.atomic
def state() -> dict[str, Any]:
    """Return the words that are live, whether that is the version published last, and all words that can be found."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # as others may publish meanwhile
    page = the_page()
    below = Page.objects.get(slug="team")
    live = live_content(page)
    published = Line(Page, page.pk).versions.line().exclude(published_at=None).first()
    written = json.dumps([live["fields"], live["blocks"], page.path, below.path])
    found = json.dumps(list(Version.objects.values_list("content", flat=True)))
    return {
        "live": sorted(set(WORD.findall(written))),
        "number of blocks": len(live["blocks"]),
        "is a version": bool(published and published.digest == digest(live)),
        "found": sorted(set(WORD.findall(found))),
    }


COMMANDS: dict[str, Callable[..., Any]] = {
    "prepare": lambda steps, **arguments: prepare(**arguments),
    "publish": publish,
    "state": lambda steps: state(),
}


if __name__ == "__main__":
    setup_test_environment()
    reset()
    for line in sys.stdin:
        said = json.loads(line)
        command, fault, at = COMMANDS[said.pop("do")], said.pop("fault", ""), said.pop("at", -1)
        print(json.dumps(fork(lambda steps: command(steps, **said), fault=fault, at=at)), flush=True)  # noqa: B023
