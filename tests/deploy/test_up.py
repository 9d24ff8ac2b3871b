import contextlib
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.deploy.conftest import needs_root, user_of
from tests.site import READY, ROOT, Site, alive, descendants, give, wait_for

pytestmark = pytest.mark.nginx


@pytest.fixture
def other(site):
    """A site that has all it needs, and does not run."""
    with site.sibling() as other:
        yield other


def end(site: Site, number: signal.Signals = signal.SIGTERM) -> tuple[int, set[int]]:
    """Send a signal to deploy/up; return its status, and the processes that were below it."""
    assert site.process
    below = descendants(site.process.pid)
    assert len(below) >= 6  # two masters, their workers, a daemon
    site.process.send_signal(number)
    return site.process.wait(90), below


def assert_refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 1, result.stdout + result.stderr
    sentence = result.stderr.strip().splitlines()[-1]
    assert sentence.startswith(("deploy/up: ", "deploy/as_site_user: ")), result.stderr
    for word in words:
        assert word in sentence
    assert "Traceback" not in result.stderr


def copy_clone(directory: Path) -> Path:
    """Copy this clone and its virtual environment, which then counts as made for the new place."""
    clone = directory / "clone"
    shutil.copytree(
        ROOT, clone, symlinks=True, ignore=shutil.ignore_patterns("var", ".git", "__pycache__", ".*_cache", "tests")
    )
    stamp = clone / ".venv" / "made-from"
    stamp.write_text(stamp.read_text().replace(f" in {ROOT},", f" in {clone},"))
    return clone


# Starting


def test_it_says_where_the_site_is(site):
    output = site.output()
    assert f"http://localhost:{site.port}/\n" in output
    assert f"http://localhost:{site.port}/admin/\n" in output
    assert re.search(
        rf"^Set up the administrator: http://localhost:{site.port}/admin/setup/\S+/$", output, re.MULTILINE
    )


def test_start_has_nothing_to_install_or_build(other):
    other.env["PIP_INDEX_URL"] = "http://127.0.0.1:9/"  # nothing listens there
    other.start()
    steps = re.findall(r"^==> (.*) \(\d+ s\)$", other.output(), re.MULTILINE)
    assert steps == ["Preparing the database, the pages and the configuration", "Starting uWSGI and Nginx"]


def test_two_sites_side_by_side(site, other):
    other.start()
    assert other.get("/").status == site.get("/").status == 200


def test_settings_in_files(site):
    """Those that say where things are, too."""
    with site.sibling() as other:
        for name, value in [("MYWEB_PORT", other.port), ("MYWEB_VAR", other.var), ("SITE_URL", "http://localhost:81/")]:
            file = other.directory / name
            file.write_text(f"{value}\n")
            other.env.pop(name, None)
            other.env[f"{name}_FILE"] = str(file)
        socket = other.directory / "address"
        socket.write_text(f"{other.var}/run/other.sock\n")
        other.env["MYWEB_UWSGI_SOCKET_FILE"] = str(socket)
        other.start()
        assert "The admin: http://localhost:81/admin/\n" in other.output()
        assert other.get("/contact/").status == 200
        assert (other.var / "run" / "other.sock").is_socket()


def test_secret_key_is_made_once(site, other):
    key = other.var / "secret_key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(key.read_text()) == 64
    assert other.up("--prepare").returncode == 0
    assert key.read_text() == (site.var / "secret_key").read_text()


def test_database_is_for_the_site_only(site):
    assert (site.var / "db.sqlite3").stat().st_mode & 0o077 == 0


def test_prepare_starts_nothing(other):
    result = other.up("--prepare")
    assert result.returncode == 0
    assert READY not in result.stdout
    assert not other.listens(other.port)


@needs_root
def test_nothing_that_answers_is_root(site):
    servers = descendants(site.process.pid)
    assert {user_of(process) for process in servers} == {"www-data"}
    for process in servers:
        status = Path(f"/proc/{process}/status").read_text()
        assert re.search(r"^CapBnd:\s0+$", status, re.MULTILINE)
        assert re.search(r"^NoNewPrivs:\s1$", status, re.MULTILINE)


@needs_root
def test_clone_in_a_directory_that_only_root_may_enter(site):
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(temporary_directory(mode=0o700)))
        other = stack.enter_context(site.sibling(root=copy_clone(directory)))
        (directory / "secret").touch(0o644)
        other.start()
        assert other.get("/").status == 200
        servers = descendants(other.process.pid)
        assert {user_of(process) for process in servers} == {"www-data"}
        # The clone is all that they see of that directory.
        for process in servers:
            try:
                seen = [path.name for path in Path(f"/proc/{process}/root{directory}").iterdir()]
            except FileNotFoundError:
                assert not alive(process)  # what has looked for missing pictures
            else:
                assert seen == ["clone"]
        assert other.manage("check").returncode == 0
        status, below = end(other)
        assert status == 0
        assert not [process for process in below if alive(process)]


@needs_root
def test_ordinary_user(site):
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(temporary_directory(mode=0o755)))
        clone = copy_clone(directory)
        for path in [directory, clone, *clone.rglob("*")]:
            give(path, "nobody")
        other = stack.enter_context(site.sibling(root=clone, user="nobody"))
        give(other.var, "root")
        assert_refused(other.up(), f"{other.var} belongs to root")
        give(other.var, "nobody")
        other.start()
        assert other.get("/").status == 200
        assert {user_of(process) for process in descendants(other.process.pid)} == {"nobody"}
        assert end(other)[0] == 0


@contextlib.contextmanager
def temporary_directory(mode: int):
    with tempfile.TemporaryDirectory(prefix="myweb-clone-") as name:
        Path(name).chmod(mode)
        yield name


# Ending


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signal_ends_everything(other, number, status):
    other.start()
    ended_with, below = end(other, number)
    assert ended_with == status
    assert not [process for process in below if alive(process)]
    assert not other.listens(other.port)


def test_kill_leaves_nothing_behind(other):
    other.start()
    _, below = end(other, signal.SIGKILL)
    wait_for(lambda: not [process for process in below if alive(process)], "everything has ended")


def test_ctrl_c_in_a_terminal(other):
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(other.root)
        os.execve("deploy/up", ["deploy/up"], other.env)
    seen = b""
    below: set[int] = set()
    with contextlib.suppress(OSError):  # the terminal's end is an error
        while select.select([terminal], [], [], 90)[0]:
            seen += os.read(terminal, 65536)
            if READY.encode() in seen and not below:
                below = descendants(pid)
                os.write(terminal, b"\x03")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130
    assert not [process for process in below if alive(process)]
    assert "graceful shutdown triggered" in other.log("uwsgi.log")


def test_request_that_runs_is_finished(other):
    other.start()
    with socket.create_connection(("127.0.0.1", other.port), timeout=60) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nfi")
        other.process.send_signal(signal.SIGTERM)
        wait_for(lambda: not other.listens(other.port), "Nginx takes no new visitors")
        client.sendall(b"ve")
        assert client.recv(65536).startswith(b"HTTP/1.1 403 ")
    assert other.process.wait(90) == 0


@pytest.mark.parametrize(("server", "name"), [("uwsgi", "uWSGI"), ("nginx", "Nginx")])
def test_server_that_dies_ends_the_other(other, server, name):
    other.start()
    below = descendants(other.process.pid)
    children = Path(f"/proc/{other.process.pid}/task/{other.process.pid}/children").read_text().split()
    [master] = [int(child) for child in children if Path(f"/proc/{child}/comm").read_text().strip() == server]
    os.kill(master, signal.SIGKILL)
    assert other.process.wait(90) == 1
    assert f"deploy/up: {name} ended" in other.output().splitlines()[-1]
    wait_for(lambda: not [process for process in below if alive(process)], "everything has ended")


# Refusing


def test_usage(other):
    result = other.up("--help-me")
    assert result.returncode == 2
    assert "Usage: deploy/up" in result.stderr


@pytest.mark.parametrize("variable", ["MYWEB_PORT", "MYWEB_UWSGI_SOCKET"])
def test_port_that_is_in_use(site, other, variable):
    other.env[variable] = {"MYWEB_PORT": str(site.port), "MYWEB_UWSGI_SOCKET": f"127.0.0.1:{site.port}"}[variable]
    assert_refused(other.up(), f"port {site.port} is in use by ", variable)


def test_socket_is_for_nobody_else(site):
    socket = site.var / "run" / "uwsgi.sock"
    assert socket.stat().st_mode & 0o777 == 0o660
    assert socket.owner() == site.var.owner()


def test_socket_that_is_in_use(site, other):
    other.env["MYWEB_UWSGI_SOCKET"] = site.uwsgi_address
    assert_refused(other.up(), f"{site.uwsgi_address} is in use", "MYWEB_UWSGI_SOCKET")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MYWEB_PORT", "none"),
        ("MYWEB_PORT", "70000"),
        ("MYWEB_LISTEN", "192.0.2.1"),
        ("MYWEB_UWSGI_SOCKET", "/tmp/" + "long" * 30),
        ("MYWEB_VAR", "/tmp/" + "long" * 30),
        ("MYWEB_VAR", "/proc/var"),
        ("MYWEB_VAR", "/dev/null"),
    ],
)
def test_value_that_cannot_be_used(other, variable, value):
    other.env[variable] = value
    assert_refused(other.up(), variable if variable != "MYWEB_VAR" else value)


def test_malformed_setting(other):
    other.env["SITE_URL"] = "example"
    result = other.up()
    assert_refused(result, "this step failed")
    assert "myweb: SITE_URL is " in result.stderr


@needs_root
def test_port_that_only_root_may_open(other):
    other.env["MYWEB_PORT"] = "81"
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 81:
        pytest.skip("this system lets everybody listen on port 81")
    assert_refused(other.up(), "may not listen on 127.0.0.1:81", "MYWEB_PORT")


@needs_root
def test_var_that_belongs_to_somebody_else(other):
    give(other.var, "nobody")
    assert_refused(other.up(), f"{other.var} belongs to nobody")
    give(other.var, "root")
    assert_refused(other.up(), f"{other.var} belongs to root")


@needs_root
def test_var_that_cannot_be_written(other):
    subprocess.run(["mount", "--bind", "-o", "ro", other.var, other.var], check=True)
    try:
        assert_refused(other.up(), f"cannot write in {other.var}: Read-only file system")
    finally:
        subprocess.run(["umount", other.var], check=True)


def test_interrupted_virtual_environment_is_made_again(site):
    """Without the stamp; the packages are then missing, and pip cannot get them here."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(temporary_directory(mode=0o755)))
        clone = copy_clone(directory)
        (clone / ".venv" / "made-from").unlink()
        other = stack.enter_context(site.sibling(root=clone))
        other.env |= {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null", "PIP_FIND_LINKS": ""}
        result = other.up("--prepare")
        assert_refused(result, "this step failed: Installing the Python packages")
        assert "==> Making the virtual environment" in result.stdout
        assert not (clone / ".venv" / "made-from").exists()
