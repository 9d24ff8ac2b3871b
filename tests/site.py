"""A real site for tests: uWSGI and Nginx, run by deploy/up from this clone, with ports and a var/ of its own."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
READY = "Ctrl-C ends it."

# What is in the environment of pytest is not for the site.
FOREIGN = ("MYWEB_", "DJANGO_", "SECRET_KEY", "DATABASE_URL", "SITE_URL", "TRUSTED_PROXIES", "EMAIL_", "VIRTUAL_ENV")


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """Return the first true value of `condition`; fail if there is none after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} seconds: {what}")
        time.sleep(0.05)
    return value


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def own_address() -> str:
    """Return this machine's address towards others; no packet is sent."""
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        try:
            client.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but those of the loopback")
        return client.getsockname()[0]


def alive(process: int) -> bool:
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def descendants(process: int) -> set[int]:
    """Return the ids of all processes below `process`."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            children.setdefault(int(path.read_text().rpartition(")")[2].split()[1]), []).append(int(path.parent.name))
    found: set[int] = set()
    todo = [process]
    while todo:
        below = children.get(todo.pop(), [])
        found.update(below)
        todo += below
    return found


def give(path: Path, user: str | int, group: int | None = None) -> None:
    """Make a user, by name or number, the owner of `path`; a symbolic link is not followed."""
    if isinstance(user, str):
        entry = pwd.getpwnam(user)
        user, group = entry.pw_uid, entry.pw_gid
    os.chown(path, user, -1 if group is None else group, follow_symlinks=False)


def copy_directory(source: Path, target: Path, *ignored: str) -> None:
    """Copy what is in a directory, even while others are at work there, links as links."""

    def copied() -> bool:
        shutil.rmtree(target, ignore_errors=True)
        try:
            shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(*ignored))
        except shutil.Error:  # something has vanished meanwhile
            return False
        return True

    wait_for(copied, f"{source} is copied")


def copy_database(source: Path, target: Path) -> None:
    """Copy SQLite's file as it is at one moment, even while others write to it."""
    with contextlib.closing(sqlite3.connect(source)) as there, contextlib.closing(sqlite3.connect(target)) as here:
        there.backup(here)
    shutil.copymode(source, target)


class Response:
    """A whole answer: status, headers, body."""

    def __init__(self, answer: HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()
        self.text = self.body.decode(errors="replace")


class Site:
    """
    A site in a directory of its own, which the site's user can reach.

    `user` runs it instead of whoever runs the tests (root only); other keywords go into its environment.
    """

    def __init__(self, root: Path = ROOT, user: str | None = None, **environment: str) -> None:
        self.root = root
        self.user = user
        self.directory = Path(tempfile.mkdtemp(prefix="myweb-site-"))
        self.directory.chmod(0o755)
        if user:
            give(self.directory, user)
        self.var = self.directory / "var"
        self.address = "127.0.0.1"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.uwsgi_address = str(self.var / "run" / "uwsgi.sock")
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)} | {
            "HOME": str(self.directory) if user else os.environ.get("HOME", "/"),
            "MYWEB_PORT": str(self.port),
            "MYWEB_VAR": str(self.var),
            **environment,
        }
        self._output = self.directory / "output"
        self.process: subprocess.Popen[bytes] | None = None
        self._others: list[subprocess.Popen[bytes]] = []

    def sibling(self, root: Path | None = None, user: str | None = None, **environment: str) -> "Site":
        """Return another site with a copy of this one's var/, which is ready more quickly than a new one."""
        site = Site(root or self.root, user, **environment)
        copy_directory(self.var, site.var, "db.sqlite3*", "log", "nginx", "published", "*.sock")
        if (self.var / "db.sqlite3").exists():
            copy_database(self.var / "db.sqlite3", site.var / "db.sqlite3")
        for name in ("run", "log"):
            (site.var / name).mkdir(exist_ok=True)
            shutil.copystat(self.var / name, site.var / name)
        owner = self.var.stat()
        if os.geteuid() == 0:
            for path in [site.var, *site.var.rglob("*")]:
                give(path, user) if user else give(path, owner.st_uid, owner.st_gid)
        return site

    def run(self, *command: object, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command in the root of the clone and return what it said."""
        options = {"timeout": 600, "cwd": self.root, **self._identity(), **options}
        return subprocess.run(
            [str(part) for part in command],
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **options,
        )

    def _identity(self) -> dict[str, Any]:
        if not self.user:
            return {}
        entry = pwd.getpwnam(self.user)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run deploy/up, which is expected to end by itself."""
        return self.run(self.root / "deploy" / "up", *arguments)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(self.root / ".venv" / "bin" / "python", self.root / "manage.py", *arguments)

    def start(self) -> "Site":
        """Start deploy/up and wait until the site answers."""
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [self.root / "deploy" / "up"],
                cwd=self.root,
                env=self.env,
                **self._identity(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = self.process
        wait_for(lambda: READY in self.output() or process.poll() is not None, "deploy/up is ready", 600)
        assert READY in self.output(), self.output()
        return self

    def spawn(self, *command: object, as_site_user: bool = True, **options: Any) -> subprocess.Popen[bytes]:
        """Start a server, which stop() ends."""
        parts = [self.root / "deploy" / "as_site_user", *command] if as_site_user else command
        process = subprocess.Popen(
            [str(part) for part in parts],
            **{"cwd": self.root, "env": self.env, "stdin": subprocess.DEVNULL, "start_new_session": True, **options},
        )
        self._others.append(process)
        return process

    def spawn_nginx(self) -> subprocess.Popen[bytes]:
        """Start only Nginx, with the configuration that is in var/."""
        nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin")
        process = self.spawn(nginx, "-e", self.var / "log/error.log", "-c", self.var / "nginx/nginx.conf")
        wait_for(lambda: self.listens(self.port), "Nginx listens")
        return process

    def active_environment(self) -> dict[str, str]:
        """Return what activating the virtual environment sets."""
        environment = self.root / ".venv"
        return {"VIRTUAL_ENV": str(environment), "PATH": f"{environment / 'bin'}:{self.env['PATH']}"}

    def spawn_uwsgi(self, *arguments: object, as_site_user: bool = True, **options: Any) -> subprocess.Popen[bytes]:
        """Start only uWSGI, as docs/operator.md says; its log is uwsgi.log beside var/."""
        arguments = arguments or ("--ini", "deploy/myweb_uwsgi.ini")
        with (self.directory / "uwsgi.log").open("wb") as log:
            options = {"env": self.env | self.active_environment(), "stdout": log, "stderr": log, **options}
            return self.spawn("uwsgi", *arguments, as_site_user=as_site_user, **options)

    def listens(self, port: int) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    def connect_to_uwsgi(self) -> socket.socket:
        """Return a connection to uWSGI, as Nginx makes it; raise OSError if nobody listens."""
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(60)
        try:
            client.connect(self.uwsgi_address)
        except OSError:
            client.close()
            raise
        return client

    def uwsgi_listens(self) -> bool:
        try:
            self.connect_to_uwsgi().close()
        except OSError:
            return False
        return True

    def output(self) -> str:
        """Return what deploy/up has printed so far."""
        return self._output.read_text()

    def log(self, name: str) -> str:
        path = self.var / "log" / name
        return path.read_text() if path.exists() else ""

    def stop(self) -> None:
        """End everything that runs and remove the directory."""
        for process in filter(None, [self.process, *self._others]):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in filter(None, [self.process, *self._others]):
            try:
                process.wait(90)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> "Site":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    # Asking it

    def request(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> Response:
        connection = HTTPConnection(self.address, self.port, timeout=90)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            return Response(connection.getresponse())

    def get(self, path: str, **headers: str) -> Response:
        """Ask for `path`; a header's name is written with underscores."""
        return self.request("GET", path, {name.replace("_", "-"): value for name, value in headers.items()})

    def send(self, data: bytes) -> bytes:
        """Send bytes as they are and return all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as client:
            client.sendall(data)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                while chunk := client.recv(65536):
                    answer += chunk
            return answer

    def workers(self) -> set[int]:
        """Return the processes that take requests."""
        return {worker["pid"] for worker in self.stats()["workers"] if worker["accepting"]}

    def reload(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Have uWSGI replace its workers one after the other, as documented; call `meanwhile` until all are new."""
        file, before = self.var / "run" / "reload", {worker["pid"] for worker in self.stats()["workers"]}

        def all_are_new() -> bool:
            meanwhile()
            return len(self.workers() - before) == len(before)

        # Touched again, since uWSGI compares whole seconds, and a start can be answering before it looks at the file.
        for attempt in range(6):
            modified = max(time.time(), file.stat().st_mtime + 2)
            os.utime(file, (modified, modified))
            try:
                wait_for(all_are_new, "all workers are new", 15)
            except AssertionError:
                if attempt == 5:
                    raise
            else:
                return

    def stats(self) -> dict[str, Any]:
        """Return what uWSGI's stats socket says."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.var / "run" / "stats.sock"))
            return json.loads(b"".join(iter(lambda: client.recv(65536), b"")))
