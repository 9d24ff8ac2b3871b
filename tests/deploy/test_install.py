"""deploy/install on a real server, with systemd and the Nginx of the system."""

import errno
import re
import secrets
import socket
from collections.abc import Iterator

import pytest

from tests.contact.torture import open_forms
from tests.deploy.owner import Owner, assert_photo_is_shown
from tests.server import SETTINGS, Server
from tests.site import ROOT, wait_for

pytestmark = pytest.mark.server

# Everything that deploy/install may write, with the time of its last change, and the servers that run.
STATE = """
find /etc/{myweb,systemd/system,nginx} /srv/myweb /usr/local/sbin -not -name .verified -printf '%p %T@ %C@ %l\\n'
stat -c '%n %a %U %G' /var/lib/myweb/*
systemctl show --property MainPID myweb.service nginx.service
"""
CONNECT = 'import socket; socket.socket(socket.AF_UNIX).connect("/run/myweb/uwsgi.sock")'


def state(server: Server) -> str:
    return server.run("bash", "-c", STATE)


@pytest.fixture(scope="module")
def message(server) -> str:
    """The text of a message that a visitor was thanked for."""
    [visitor] = open_forms(server, 1)
    assert visitor.send(server) == 302
    return visitor.text


def test_it_works(server, message):
    assert server.get("/").status == 200
    assert server.get("/admin/login/").status == 200
    assert server.get("/healthz").status == 200
    stylesheet = re.search(r'href="(/static/[^"]+\.css)"', server.get("/").text)[1]
    # Several: once in some thousand times Nginx did not find the .br beside the file, and logged no error.
    answers = [server.get(stylesheet, Accept_Encoding="br") for _ in range(5)]
    assert "br" in [answer.headers["Content-Encoding"] for answer in answers], [answer.status for answer in answers]
    picture = re.search(r'src="(/media/[^"]+)"', server.get("/").text + server.get("/en/rooms/").text)
    assert picture is None or server.get(picture[1]).status == 200
    assert server.messages()[message] == 1


def test_everything_is_where_it_is_said_to_be(server):
    named = re.findall(r"^\| `(/[^`]+)` \|", (ROOT / "docs" / "operator.md").read_text(), re.MULTILINE)
    assert len(named) == 7
    server.run("ls", "--directory", *named)


def test_it_says_what_is_next(server):
    assert f"The site:  http://{server.address}/\n" in server.first_output
    assert f"http://{server.address}/admin/setup/" in server.first_output
    assert "ufw allow 80/tcp" in server.first_output


def test_owner_edits_a_page(server):
    """And the photo is made ready by processes that may do hardly anything else."""
    owner = Owner(server)
    assert "Log out" in owner.set_up(server.manage("setup_link").split(server.url)[1].strip()).text
    home = server.evaluate("Page.objects.get(path='/').pk")
    assert "is published." in owner.add_photo(home, "Mornings at the lake").text
    assert_photo_is_shown(server, "Mornings at the lake")


def test_again_changes_nothing(server):
    before = state(server)
    assert "Nothing had to be changed." in server.install()
    assert state(server) == before


@pytest.mark.parametrize("unit", ["myweb.service", "myweb-nightly.service"])
def test_it_is_hardened(server, unit):
    verdict = server.run("systemd-analyze", "security", "--no-pager", unit).splitlines()[-1]
    assert float(re.search(rf"exposure level for {unit}: ([\d.]+)", verdict)[1]) <= 1.5


def test_settings_stay_and_take_effect(server):
    server.set(LANGUAGE_CODE="zh-hans")
    changed = server.run("cat", SETTINGS)
    assert "Starting uWSGI" in server.install()
    assert server.run("cat", SETTINGS) == changed
    assert server.evaluate("__import__('django').conf.settings.LANGUAGE_CODE") == "zh-hans"
    server.set(LANGUAGE_CODE="en")
    server.install()


def test_setting_that_cannot_be_used_changes_nothing(server):
    before = server.run("cat", SETTINGS)
    server.set(TIME_ZONE="Mars/Olympus")
    status, output = server.try_to("/root/myweb/deploy/install")
    server.write(SETTINGS, before)
    assert status == 1
    assert "TIME_ZONE is “Mars/Olympus”" in output
    assert f"correct {SETTINGS}" in output
    assert server.get("/").status == 200
    server.install()


@pytest.mark.parametrize(
    ("user", "command"),
    [
        ("nobody", "ls /var/lib/myweb/static"),
        ("nobody", "cat /etc/myweb/myweb.env"),
        ("nobody", "cat /var/log/nginx/myweb_access.log"),
        ("nobody", f"python3 -c '{CONNECT}'"),
        ("www-data", "cat /var/lib/myweb/db.sqlite3"),
        ("www-data", "cat /var/lib/myweb/secret_key"),
        ("www-data", "ls /var/lib/myweb/log"),
        ("myweb", "touch /srv/myweb/current/myweb/x"),
        ("myweb", "touch /var/log/nginx/x"),
        ("myweb", "touch /etc/nginx/sites-enabled/x"),
        ("myweb", "touch /etc/myweb/myweb.env"),
    ],
)
def test_nobody_may_do_more_than_needed(server, user, command):
    status, output = server.try_to("runuser", "-u", user, "--", "sh", "-c", command)
    assert status != 0
    assert "Permission denied" in output


def test_nightly_timer_proves_a_backup(server):
    assert "myweb-nightly.timer" in server.run("systemctl", "list-timers", "--no-legend", "myweb*")
    server.run("systemctl", "start", "myweb-nightly.service")
    assert "myweb-" in server.run("ls", "/var/lib/myweb/backups")
    assert server.evaluate("BackupProof.objects.count()") == 1


def test_rules_of_nftables_are_in_force_or_skipped(server):
    """In a container, which shares its kernel, they are; the tests of nftables_config try them."""
    status, _ = server.try_to(
        "systemd-run", "--collect", "--wait", "--pipe", "nft", "--check", "-f", "/etc/myweb/nftables.conf"
    )
    state = server.run("systemctl", "show", "--property", "ActiveState", "--value", "myweb_nftables.service").strip()
    assert state == ("inactive" if status else "active")


def test_doctor_finds_nothing_wrong(server):
    said = server.manage("doctor")
    assert "Nothing is wrong." in said, said
    for name in ("socket of uWSGI", "daemon", "public address", "fresh pages", "backup"):
        assert f"ok      {name}: " in said
    for name in ("published pages and backups", "origin of forms", "nightly backup", "start with the machine"):
        assert f"ok      {name}: " in said


def test_doctor_finds_what_would_not_happen_by_itself(server):
    """Nor what root has made where the site's user writes."""
    server.run("systemctl", "disable", "--now", "myweb-nightly.timer")
    server.run("systemctl", "disable", "nginx.service")
    server.run("chown", "-R", "root:", "/var/lib/myweb/backups", "/var/lib/myweb/published")
    try:
        status, said = server.try_to("myweb", "doctor")
    finally:
        server.run("chown", "-R", "myweb:", "/var/lib/myweb/backups", "/var/lib/myweb/published")
        server.run("systemctl", "enable", "nginx.service")
        server.run("systemctl", "enable", "--now", "myweb-nightly.timer")
    assert status == 1
    assert "FAILED  nightly backup: myweb-nightly.timer is disabled: no backups are made." in said
    assert "FAILED  start with the machine: nginx.service is disabled" in said
    assert "FAILED  published pages and backups: /var/lib/myweb/published" in said
    assert "is not for the site's user myweb." in said


@pytest.fixture
def without_uwsgi(server) -> Iterator[None]:
    """It cannot be started; the socket that systemd holds open for it takes requests all the same."""
    program = server.run("realpath", "/srv/myweb/current/.venv/bin/uwsgi").strip()
    server.run("mv", program, f"{program}.away")
    server.run("systemctl", "kill", "--signal", "KILL", "--kill-whom", "main", "myweb.service")
    yield
    server.run("mv", f"{program}.away", program)
    wait_for(lambda: server.get("/healthz").status == 200, "the site answers")


def test_doctor_finds_an_uwsgi_that_does_not_start(server, without_uwsgi):
    status, said = server.try_to("myweb", "doctor")
    assert status == 1
    assert "ok      port of Nginx: Nginx has port 80." in said
    assert "FAILED  uWSGI: uWSGI does not run: systemd holds /run/myweb/uwsgi.sock open for it" in said
    assert "Read why it does not start: journalctl --unit myweb.service." in said


def test_doctor_finds_a_stranger_on_the_port_of_nginx(server):
    """Who may not listen on that port sees who does."""
    server.run("systemctl", "stop", "nginx.service")
    server.run("systemd-run", "--unit=stranger", "python3", "-m", "http.server", "80")
    try:
        wait_for(lambda: server.try_to("curl", "--silent", "http://127.0.0.1/")[0] == 0, "the stranger listens")
        status, said = server.try_to("myweb", "doctor")
    finally:
        server.run("systemctl", "stop", "stranger.service")
        server.run("systemctl", "start", "nginx.service")
    assert status == 1
    assert "FAILED  port of Nginx: Somebody else listens: port 80 is in use" in said


def test_doctor_finds_that_nginx_is_down(server):
    server.run("systemctl", "stop", "nginx.service")
    status, said = server.try_to("myweb", "doctor")
    server.run("systemctl", "start", "nginx.service")
    assert status == 1
    assert "nothing listens there on this machine, so the web server is down. " in said.replace("\n", " ")


def test_logs_are_rotated(server):
    server.get("/")
    server.run("logrotate", "--force", "/etc/logrotate.d/nginx")
    path = f"/contact/?{secrets.token_hex(4)}"
    server.get(path)
    wait_for(lambda: path in server.run("cat", "/var/log/nginx/myweb_access.log"), "the new log has the request")
    assert path not in server.run("cat", "/var/log/nginx/myweb_access.log.1")


def test_crash_is_repaired(server):
    server.run("systemctl", "kill", "--signal", "KILL", "--kill-whom", "main", "myweb.service")
    assert server.get("/").status == 200


def test_two_at_once(server):
    with server.start("flock", "/run/lock/myweb-install", "cat") as first:
        first.stdin.write("held\n")
        first.stdin.flush()
        assert first.stdout.readline() == "held\n"
        with server.start("/root/myweb/deploy/install") as second:
            assert second.stdout.readline() == "==> Waiting for another deploy/install\n"
            first.stdin.close()
            assert "The site:" in second.stdout.read()
        assert second.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["--help"], "Usage: deploy/install"),
        (["--domain", "example.org"], "--email"),
        (["--domain", "nonsense", "--email", "a@example.org"], "nonsense is not a domain"),
    ],
)
def test_it_is_called_wrongly(server, arguments, answer):
    status, output = server.try_to("/root/myweb/deploy/install", *arguments)
    assert status != 0
    assert answer in output


def test_somebody_else_starts_it(server):
    server.run("cp", "--recursive", "/root/myweb", "/tmp/myweb")
    server.run("chmod", "--recursive", "go+rX", "/tmp/myweb")
    for program in ("/tmp/myweb/deploy/install", "/tmp/myweb/deploy/uninstall", "myweb"):
        status, output = server.try_to("runuser", "-u", "nobody", "--", program)
        assert status == 1
        assert "only root may do this: sudo" in output


def test_reboot(server, message):
    """All of userspace ends and starts again; what the kernel does at a reboot is not what is tested here."""
    before = server.run("systemctl", "show", "--property", "MainPID", "myweb.service")
    if "soft-reboot" not in server.run("systemctl", "--help"):
        pytest.skip("the systemd of this server does not know soft-reboot, which came with 254")
    server.try_to("systemctl", "soft-reboot")
    running = "running\n"
    wait_for(lambda: server.try_to("systemctl", "is-system-running") == (0, running), "the server is up", 120)
    assert server.run("systemctl", "show", "--property", "MainPID", "myweb.service") != before
    assert server.get("/").status == 200
    assert server.messages()[message] == 1


def refused(server: Server) -> bool:
    with socket.socket() as client:
        return client.connect_ex((server.address, 80)) == errno.ECONNREFUSED


def test_uninstall_leaves_the_data(server, message):
    settings = server.run("cat", SETTINGS)
    output = server.run("/root/myweb/deploy/uninstall")
    try:
        for path in ("/var/lib/myweb", SETTINGS):
            assert path in output
        assert server.try_to("ls", "/srv/myweb")[0] != 0
        assert server.run("systemctl", "list-units", "--no-legend", "myweb*") == ""
        assert server.try_to("systemctl", "list-unit-files", "--no-legend", "myweb*")[1] == ""
        wait_for(lambda: refused(server), "Nginx has closed the port")
    finally:
        server.install()
    assert server.run("cat", SETTINGS) == settings
    assert server.get("/").status == 200
    assert server.messages()[message] == 1
