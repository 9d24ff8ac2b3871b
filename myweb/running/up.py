"""
Prepares the site of this clone, and runs uWSGI and Nginx until Ctrl-C or SIGTERM. deploy/up starts it, when there are
packages and an environment.
"""

import compileall
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError

from . import asking, building, directory, user
from .reading import read_settings
from .steps import LOCK, Refusal, Steps, end, end_with

START_LIMIT = 60  # seconds
STOP_LIMIT = 75  # seconds; no request lasts longer than uWSGI's harakiri
STATUSES = {signal.SIGHUP: 129, signal.SIGINT: 130, signal.SIGTERM: 0}  # what each of these signals ends this with


class Site:
    """The site of this clone, started by whoever runs this."""

    def __init__(self) -> None:
        self.root: Path = settings.BASE_DIR
        self.var: Path = settings.VAR
        self.prefix: list[str] = []
        self.step = Steps(self.keep)
        self.uwsgi: subprocess.Popen[bytes] | None = None
        self.nginx: subprocess.Popen[bytes] | None = None
        self.log_sizes: dict[str, int] = {}
        self.stop_limit: float = STOP_LIMIT

    # What is the site's is done by its user

    def as_site(self, *command: object, **options: Any) -> subprocess.CompletedProcess[str]:
        parts = [*self.prefix, *map(str, command)]
        return subprocess.run(parts, capture_output=True, text=True, check=False, **options)

    def make_var(self) -> None:
        try:
            self.var.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(f"cannot make {self.var}: {error.strerror}.") from error
        if os.geteuid() == 0:
            if self.var.stat().st_uid == 0 and not any(self.var.iterdir()):
                shutil.chown(self.var, "www-data", "www-data")
            owner = user.name_of(self.var.stat().st_uid)
            if owner == "root":
                to_do = f"chown -R www-data: {self.var}"
                raise CommandError(f"{self.var} belongs to root, and the site does not run as root: {to_do}")
            if owner != "www-data":
                raise CommandError(f"{self.var} belongs to {owner}: start deploy/up as {owner}, or set MYWEB_VAR.")
        self.prefix = user.prefix()
        done = self.as_site(sys.executable, "-m", directory.__name__, self.var)
        if done.returncode:
            raise CommandError(f"cannot write in {self.var}: {done.stderr.strip()}.")

    def check_lengths(self) -> None:
        path = self.var / "run" / "stats.sock"
        if len(bytes(path)) > 100:
            raise CommandError(f"the path of a Unix socket may have 100 bytes, and {path} has more: set MYWEB_VAR.")

    def check_addresses(self) -> None:
        host = f"[{settings.LISTEN}]" if ":" in settings.LISTEN else settings.LISTEN
        free = [f"MYWEB_PORT or MYWEB_LISTEN={host}:{settings.PORT}", f"MYWEB_UWSGI_SOCKET={settings.UWSGI_SOCKET}"]
        command = [sys.executable, str(self.root / "deploy" / "check_listen"), *free]
        # By whoever started this, who may know more of who listens; then by the site's user, who may be allowed less.
        for prefix in ([], self.prefix):
            done = subprocess.run([*prefix, *command], capture_output=True, text=True, check=False)
            if done.returncode:
                raise CommandError(done.stderr.strip())

    # Preparing

    def keep(self, said: str) -> None:
        self.as_site("bash", "-c", 'umask 027; cat >>"$1"', "bash", self.var / "log" / "up.log", input=said)

    def manage(self, what: str, *command: str) -> None:
        self.step(what, *self.prefix, sys.executable, "manage.py", *command)

    def collect_static_files(self) -> None:
        collected = self.var / "run" / "static-collected"
        sources = [Path(sys.prefix, "made-from"), self.root / "myweb" / "settings.py"]
        for static in [self.root / "static", *(self.root / "myweb").glob("*/static")]:
            sources += [static, *static.glob("**/*")]
        newest = max(path.stat().st_mtime for path in sources)
        is_current = collected.exists() and collected.stat().st_mtime >= newest
        if not is_current or not (self.var / "static" / "staticfiles.json").exists():
            # The manifest does not tell: it is written before the compressed files are.
            self.as_site("touch", f"{collected}.new")
            self.manage("Collecting static files", "collectstatic", "--no-input")
            self.as_site("mv", f"{collected}.new", collected)

    def prepare(self, will_run: bool) -> None:
        self.check_lengths()
        self.make_var()
        if will_run:
            self.check_addresses()
        building.compile_translations(self.root)
        # Bytecode next to the code, which www-data cannot write there and would make anew at every start.
        compileall.compile_dir(self.root / "myweb", quiet=2)
        self.collect_static_files()
        self.manage("Preparing the database, the pages and the configuration", "prepare")
        with suppress(OSError):
            os.close(LOCK)

    # The servers

    def launch(self, log: str, *command: object) -> subprocess.Popen[bytes]:
        """Start a server, which the kernel tells to end if this process is killed."""
        script = 'exec setpriv --pdeathsig TERM -- "${@:2}" >>"$1" 2>&1'
        parts = [*self.prefix, "bash", "-euc", script, "bash", *map(str, (self.var / "log" / log, *command))]
        # In a session of its own, since a terminal's Ctrl-C must not reach uWSGI's workers.
        return subprocess.Popen(parts, stdin=subprocess.DEVNULL, start_new_session=True)

    def tail(self, log: str) -> list[str]:
        """Return the lines that a log got since the servers were started."""
        start = f"+{self.log_sizes[log] + 1}"
        return self.as_site("tail", "-c", start, self.var / "log" / log, errors="replace").stdout.splitlines()

    def tidy(self) -> None:
        self.as_site(self.root / "deploy" / "rotate_logs", self.var / "log")
        script = 'cd "$1/log"; umask 027; touch up.log uwsgi.log error.log access.log; rm -f ../run/stats.sock'
        self.as_site("bash", "-euc", script, "bash", self.var)
        for log in ("uwsgi.log", "error.log"):
            self.log_sizes[log] = (self.var / "log" / log).stat().st_size

    def give_up(self, sentence: str, log: str) -> NoReturn:
        self.stop()
        print("\n".join(self.tail(log)[-20:]), file=sys.stderr)
        raise CommandError(f"{sentence} ({self.var}/log/{log} may say why).")

    def check(self) -> None:
        if self.uwsgi and self.uwsgi.poll() is not None:
            self.give_up("uWSGI ended", "uwsgi.log")
        if self.nginx and self.nginx.poll() is not None:
            self.give_up("Nginx ended", "error.log")

    def wait_until(self, condition: Callable[[], bool]) -> None:
        limit = time.monotonic() + START_LIMIT
        while not condition():
            self.check()
            if time.monotonic() > limit:
                self.give_up(f"the site does not answer after {START_LIMIT} seconds", "uwsgi.log")
            time.sleep(0.1)

    def is_healthy(self) -> bool:
        address = asking.reachable(settings.LISTEN), settings.PORT
        return asking.status_of("http://localhost/healthz", address, patience=10) == "200"

    def start(self) -> None:
        began = time.monotonic()
        self.tidy()
        print("==> Starting uWSGI and Nginx", end="", flush=True)
        self.uwsgi = self.launch("uwsgi.log", Path(sys.prefix, "bin", "uwsgi"), "--ini", "deploy/myweb_uwsgi.ini")
        # The first thing that uWSGI makes after its sockets. Started earlier, Nginx would log that nobody is there.
        self.wait_until((self.var / "run" / "stats.sock").exists)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        wanted = 32768 if hard == resource.RLIM_INFINITY else min(32768, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))  # for Nginx's worker_connections
        log, nginx = self.var / "log" / "error.log", self.var / "nginx"
        self.nginx = self.launch("error.log", "nginx", "-e", log, "-p", nginx, "-c", nginx / "nginx.conf")
        self.wait_until(self.is_healthy)
        self.check()  # somebody else might have answered
        print(f" ({int(time.monotonic() - began)} s)")
        print(f"The site:  {settings.SITE_URL}/\nThe admin: {settings.SITE_URL}/admin/")
        links = [line for line in self.tail("uwsgi.log") if line.startswith("Set up the administrator: ")]
        print("\n".join([*links, "Ctrl-C ends it."]), flush=True)

    def wait(self) -> NoReturn:
        while True:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            self.check()

    # Ending

    def stop(self) -> None:
        """End first Nginx, which brings its requests to an end, then uWSGI, which has none left."""
        for server, number in ((self.nginx, signal.SIGQUIT), (self.uwsgi, signal.SIGTERM)):
            if server:
                server.send_signal(number)
                end(server, lambda: self.stop_limit)
        self.uwsgi = self.nginx = None

    def clean_up(self) -> None:
        for number in STATUSES:
            signal.signal(number, self.hurry)
        self.step.end()
        if self.uwsgi:
            print("==> Stopping", flush=True)
        self.stop()

    def hurry(self, *_signal: object) -> None:
        self.stop_limit = 0  # asked twice: without waiting


def main() -> None:
    end_with(STATUSES)
    will_run = sys.argv[1:] != ["--prepare"]
    try:
        read_settings()
        os.chdir(settings.BASE_DIR)
        site = Site()
        try:
            site.prepare(will_run)
            if will_run:
                site.start()
                site.wait()
        finally:
            site.clean_up()
    except ImproperlyConfigured as error:
        sys.exit(f"deploy/up: this step failed: Reading the settings. myweb: {error}")
    except (CommandError, Refusal) as error:
        sys.exit(f"deploy/up: {error}")
    print("Ready for: uwsgi --ini deploy/myweb_uwsgi.ini")


if __name__ == "__main__":
    main()
