import os
import signal
import socket
import struct
from pathlib import Path

import pytest

from tests.deploy.conftest import needs_root, user_of
from tests.site import Site, alive, descendants, wait_for

pytestmark = pytest.mark.nginx


@pytest.fixture
def other(site):
    with site.sibling() as other:
        yield other


def start(site: Site, **options) -> int:
    """Start only uWSGI; return the process id of its master."""
    process = site.spawn_uwsgi(**options)

    def listens() -> bool:
        try:
            return site.uwsgi_listens() and bool(site.stats())
        except OSError:  # a file that nobody listens on yet
            return False

    wait_for(listens, "uWSGI listens")
    return process.pid


def connect(site: Site, length: int = 0) -> socket.socket:
    """Send the head of a request in the uwsgi protocol, as Nginx does."""
    variables = {
        "REQUEST_METHOD": "POST" if length else "GET",
        "REQUEST_URI": "/",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "CONTENT_LENGTH": str(length or ""),
    }
    body = b"".join(
        struct.pack("<H", len(part)) + part
        for pair in variables.items()
        for part in (pair[0].encode(), pair[1].encode())
    )
    client = site.connect_to_uwsgi()
    client.sendall(struct.pack("<BHB", 0, len(body), 0) + body)
    return client


def test_start_has_no_warnings(other):
    other.start()
    log = other.log("uwsgi.log").lower()
    assert "spawned uwsgi worker 2 " in log
    for warning in (
        "warning",
        "!!!",
        "no internal routing support",
        "python threads support is disabled",
        "running as root",
        "running uwsgi as root",
        "listen queue size",
        "backlog is limited to 100 ",
        "thunder lock: disabled",
        "no such file",
        "unable to",
        "error",
        "deprecated",
        "strict-mode",
    ):
        assert warning not in log, warning


def test_processes_by_the_number_of_cores(site):
    assert len(site.stats()["workers"]) == len(os.sched_getaffinity(0)) + 1


def test_backlog_is_what_the_kernel_allows(site):
    allowed = Path("/proc/sys/net/core/somaxconn").read_text().strip()
    assert f"backlog is limited to {allowed} connections" in site.log("uwsgi.log")


def test_as_readme_says(other):
    start(other)
    with connect(other) as client:
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_sigterm_finishes_the_running_request(other):
    master = start(other)
    below = descendants(master)
    with connect(other, length=4) as client:
        client.sendall(b"fi")
        wait_for(
            lambda: "busy" in [worker["status"] for worker in other.stats()["workers"]], "a worker reads the request"
        )
        os.kill(master, signal.SIGTERM)
        wait_for(lambda: "graceful shutdown" in (other.directory / "uwsgi.log").read_text(), "uWSGI is about to end")
        client.sendall(b"ve")
        assert client.recv(65536).startswith(b"HTTP/1.1 403 ")
    wait_for(lambda: not [process for process in {master, *below} if alive(process)], "everything has ended")
    assert not (other.var / "run" / "stats.sock").exists()


def test_sigterm_while_the_application_is_loaded(other):
    master = other.spawn_uwsgi().pid
    log = other.directory / "uwsgi.log"
    wait_for(
        lambda: log.read_text().count("uwsgi_block_signal") > len(os.sched_getaffinity(0)),
        "the workers begin to load it",
    )
    below = descendants(master)
    os.kill(master, signal.SIGTERM)
    wait_for(lambda: not [process for process in {master, *below} if alive(process)], "everything has ended", 30)
    assert "uwsgi_unblock_signal" not in log.read_text().partition("graceful shutdown triggered")[0]


def start_fully(site: Site) -> int:
    """Start only uWSGI, and wait until all workers have loaded the application."""
    master = start(site)
    wait_for(lambda: all(worker["accepting"] for worker in site.stats()["workers"]), "all workers wait")
    return master


def test_chain_reload_drops_no_request(other):
    start_fully(other)

    def ask() -> None:
        with connect(other) as client:
            assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")

    other.reload(meanwhile=ask)


def test_killed_master_leaves_nothing_behind(other):
    master = start_fully(other)
    below = descendants(master)
    os.kill(master, signal.SIGKILL)
    wait_for(lambda: not [process for process in below if alive(process)], "everything has ended")


def test_socket_of_systemd_is_used(other):
    """Then it binds none of its own, and requests can wait in that one while uWSGI restarts."""
    other.uwsgi_address = str(other.directory / "systemd.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(other.uwsgi_address)
        server.listen()
        client = connect(other)
        script = 'exec 3<&"$1"; export LISTEN_PID=$$ LISTEN_FDS=1; exec "${@:2}"'
        other.env |= other.active_environment()
        other.env["MYWEB_UWSGI_SOCKET"] = "192.0.2.1:1"  # would fail
        other.spawn(
            *("bash", "-c", script, "bash", server.fileno(), "uwsgi", "--ini", "deploy/myweb_uwsgi.ini"),
            pass_fds=[server.fileno()],
        )
        with client:
            assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(("name", "value"), [("SITE_URL", "nonsense"), ("DATABASE_URL", "mysql://localhost/myweb")])
def test_malformed_setting_stops_the_start(other, name, value):
    other.env[name] = value
    process = other.spawn_uwsgi()
    assert process.wait(60) != 0
    log = (other.directory / "uwsgi.log").read_text()
    assert f"myweb: {name} " in log
    assert "Traceback" not in log
    assert "spawned" not in log


@needs_root
def test_var_of_another_group(other):
    """As on a server, where it is of Nginx's, so that nobody else comes in."""
    os.chown(other.var, -1, 65534)
    start(other)


@needs_root
def test_root_does_not_stay_root(other):
    """Typed by root, without deploy/as_site_user, where the owner of var/ can see the clone."""
    if other.run("setpriv", "--reuid=www-data", "--clear-groups", "test", "-r", other.root / "manage.py").returncode:
        pytest.skip("this clone is where only root may look")
    process = other.spawn_uwsgi(as_site_user=False)
    wait_for(lambda: (other.var / "run" / "stats.sock").exists(), "uWSGI has started")
    with connect(other) as client:
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
    assert {user_of(pid) for pid in {process.pid, *descendants(process.pid)}} == {"www-data"}
    assert "running as root" not in (other.directory / "uwsgi.log").read_text()
