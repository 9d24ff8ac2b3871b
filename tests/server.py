"""
A server for tests, on which deploy/install runs for real.

MYWEB_TEST_SERVER is the beginning of a command that runs the rest of it as root on a newly installed machine, whose
first address the tests can reach. Everything on that machine is theirs to change.
"""

import contextlib
import io
import json
import os
import random
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import tarfile
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

from tests.contact.torture import Visitor
from tests.site import ROOT, Response

PREFIX = shlex.split(os.environ.get("MYWEB_TEST_SERVER", ""))
SETTINGS = "/etc/myweb/myweb.env"


class Server:
    """What tests ask of the server; `domain` is the name it is asked by, over HTTPS, once it has a certificate."""

    def __init__(self) -> None:
        self.address = self.run("hostname", "-I").split()[0]
        self.domain = ""
        self.first_output = ""  # of deploy/install

    @property
    def url(self) -> str:
        return f"https://{self.domain}" if self.domain else f"http://{self.address}"

    def start(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command; what it prints, errors too, can be read from its stdout."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen([*PREFIX, *command], text=True, **(pipes | options))

    def try_to(self, *command: str, seconds: float = 600) -> tuple[int, str]:
        """Run a command; return its status and what it printed."""
        with self.start(*command) as process:
            output, _ = process.communicate(timeout=seconds)
        return process.returncode, output

    def run(self, *command: str, **options: Any) -> str:
        """Run a command that has to succeed, and return what it printed."""
        status, output = self.try_to(*command, **options)
        assert status == 0, output
        return output

    def push(self, source: Path, target: str) -> None:
        """Make `target` on the server a copy of the files below `source`."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(source, ".")
        self.run("rm", "-rf", target)
        self.run("mkdir", "-p", target)
        command = [*PREFIX, "tar", "--extract", "--no-same-owner", "--directory", target]
        subprocess.run(command, input=archive.getvalue(), check=True, capture_output=True)

    def write(self, path: str, text: str) -> None:
        subprocess.run([*PREFIX, "tee", path], input=text, text=True, check=True, capture_output=True)

    def set(self, **settings: str) -> None:
        """Change settings as an operator does, with an editor."""
        lines = [line for line in self.run("cat", SETTINGS).splitlines() if line.partition("=")[0] not in settings]
        lines += [f"{name}={value}" for name, value in settings.items()]
        self.write(SETTINGS, "\n".join(lines) + "\n")

    def install(self, checkout: str = "/root/myweb", *arguments: str) -> str:
        return self.run(f"{checkout}/deploy/install", *arguments)

    def manage(self, *arguments: str) -> str:
        return self.run("myweb", *arguments)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in Django's shell, which has all models."""
        printed = self.manage("shell", "-v", "0", "-c", f"import json; print(json.dumps({expression}, default=str))")
        return json.loads(printed.splitlines()[-1])

    def messages(self) -> Counter[str]:
        """Return the texts of all messages, and how often each was stored."""
        return Counter(self.evaluate("[*ContactMessage.objects.values_list('text', flat=True)]"))

    def release(self) -> str:
        return self.run("readlink", "/srv/myweb/current").strip().rpartition("/")[2]

    # Asking it

    def connect(self) -> HTTPConnection:
        if not self.domain:
            return HTTPConnection(self.address, timeout=90)
        connection = HTTPSConnection(self.domain, timeout=90, context=ssl._create_unverified_context())
        connection._create_connection = lambda address, *rest: socket.create_connection((self.address, 443), *rest)  # type: ignore[attr-defined]
        return connection

    def request(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> Response:
        with contextlib.closing(self.connect()) as connection:
            return ask(connection, method, path, headers or {}, body)

    def get(self, path: str, **headers: str) -> Response:
        """Ask for `path`; a header's name is written with underscores."""
        return self.request("GET", path, {name.replace("_", "-"): value for name, value in headers.items()})


def ask(
    connection: HTTPConnection, method: str, path: str, headers: dict[str, str], body: bytes | None = None
) -> Response:
    # A visitor from somewhere else each time: the form takes only so many messages from one network.
    sender = f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}"
    connection.request(method, path, body, {"X-Forwarded-For": sender} | headers)
    return Response(connection.getresponse())


def checkout(directory: Path) -> Path:
    """Copy the files of this clone that git knows or would add, as a clone elsewhere has them."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).exists():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, directory / name)
    return directory


MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("contact", "{before}")]
    operations = [
        migrations.AddField("contactmessage", "{column}", models.CharField(max_length=9, db_default="new")),
    ]
"""


def next_release(directory: Path, version: str) -> Path:
    """Make a checkout of what might come next: with a column, named after the version, that the code before lacks."""
    checkout(directory)
    for name in ("pyproject.toml", "myweb/__init__.py"):
        path = directory / name
        path.write_text(re.sub(r'(?m)^(version|__version__) = ".*"', rf'\1 = "{version}"', path.read_text()))
    column = f"since_{version.replace('.', '_')}"
    with (directory / "myweb/contact/models.py").open("a") as models:
        models.write(f'\n\nContactMessage.add_to_class("{column}", models.CharField(max_length=9, db_default="new"))\n')
    migrations = directory / "myweb/contact/migrations"
    before = max(path.stem for path in migrations.glob("0*.py"))
    (migrations / f"0999_{column}.py").write_text(MIGRATION.format(before=before, column=column))
    return directory


class Load:
    """
    Visitors who go on reading, over connections that are kept and over fresh ones, and people who write.

    `failures` has a line for everything but the page or the thanks that was asked for.
    """

    PATHS = ("/", "/contact/", "/admin/login/", "/healthz", "/favicon.ico")
    PAUSE = 0.05  # seconds of each visitor between two requests

    def __init__(self, server: Server, visitors: list[Visitor]) -> None:
        self.server, self.visitors = server, iter(visitors)
        self.answered: Counter[str] = Counter()
        self.failures: list[str] = []
        self.longest = 0.0
        self._end = threading.Event()
        jobs = [self._keep, self._keep, self._renew, self._renew, self._write, self._write]
        self._threads = [threading.Thread(target=job, daemon=True) for job in jobs]

    def _keep(self) -> None:
        connection = self.server.connect()
        while not self._end.wait(self.PAUSE):
            self._read("kept", connection)

    def _renew(self) -> None:
        while not self._end.wait(self.PAUSE):
            with contextlib.closing(self.server.connect()) as connection:
                self._read("fresh", connection)

    def _read(self, kind: str, connection: HTTPConnection) -> None:
        path, began = random.choice(self.PATHS), time.monotonic()
        try:
            status: object = ask(connection, "GET", path, {}).status
        except (OSError, HTTPException) as error:
            status = repr(error)
            connection.close()
        self._count(kind, path, status, 200, began)

    def _write(self) -> None:
        for visitor in self.visitors:
            if self._end.wait(8 * self.PAUSE):
                return
            began = time.monotonic()
            self._count("message", "/contact/", visitor.send(self.server), 302, began)  # type: ignore[arg-type]

    def _count(self, kind: str, path: str, status: object, expected: int, began: float) -> None:
        self.longest = max(self.longest, time.monotonic() - began)
        self.answered[kind] += status == expected
        if status != expected:
            self.failures.append(f"{time.strftime('%T')} {kind} {path}: {status}")

    def __enter__(self) -> "Load":
        self.began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def __exit__(self, *error: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def __str__(self) -> str:
        return (
            f"{self.seconds():.0f} s, {dict(self.answered)}, {len(self.failures)} failed, longest {self.longest:.1f} s"
        )
