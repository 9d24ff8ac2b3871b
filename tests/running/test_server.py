"""What a release changes, in directories of the test, with commands that are only written down."""

import os
import time
from pathlib import Path

import pytest

from myweb.running import asking, server
from myweb.running.releases import Settings
from myweb.running.server import Server
from myweb.running.steps import Refusal, Steps

NGINX_CONF = """\
user www-data;
include /etc/nginx/modules-enabled/*.conf;
events {
\tworker_connections 768;
\t# multi_accept on;
}
"""


class Machine:
    """What systemd and Nginx would do."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.refused: list[str] = []  # what commands that fail begin with
        self.since = ""  # when everything was started, as systemd says it
        self.config = "listen 80;"

    def run(self, *command: object) -> str:
        words = " ".join(map(str, command))
        if words.startswith("systemctl show"):
            return self.since if "Timestamp" in words else "no"
        if "nginx_config" in words:
            return self.config
        self.commands.append(words)
        if any(words.startswith(beginning) for beginning in self.refused):
            raise Refusal("no")
        return ""

    def succeeds(self, *command: object) -> bool:
        try:
            self.run(*command)
        except Refusal:
            return False
        return True

    def start(self) -> None:
        """Everything was started a second from now."""
        self.since = time.strftime("%a %Y-%m-%d %H:%M:%S.000000 UTC", time.gmtime(time.time() + 1))
        self.commands.clear()


@pytest.fixture
def machine(monkeypatch, tmp_path) -> Machine:
    machine = Machine()
    monkeypatch.setattr(server, "run", machine.run)
    monkeypatch.setattr(server, "succeeds", machine.succeeds)
    monkeypatch.setattr(server.shutil, "chown", lambda *_arguments, **_options: None)
    for name in ("VAR", "BASE", "UNITS", "NGINX", "CERTIFICATE", "CHALLENGES"):
        monkeypatch.setattr(server, name, tmp_path / name.lower())
    for name in ("sites-available", "sites-enabled", "modules-enabled"):
        (tmp_path / "nginx" / name).mkdir(parents=True)
    (tmp_path / "nginx" / "nginx.conf").write_text(NGINX_CONF)
    monkeypatch.setattr(server, "LOGS", [tmp_path / "access.log"])
    return machine


@pytest.fixture
def here(machine) -> Server:
    here = Server(Steps(print))
    here.settings = Settings("http://www.example.org", "::", 80, "sqlite3")
    return here


def release(tmp_path: Path, **units: str) -> Path:
    """Make a release that has these units, whose names are written with underscores."""
    directory = tmp_path / "release" / "deploy" / "systemd"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "hardening.conf").write_text("[Service]\n")
    for name, text in units.items():
        (directory / name.replace("_", ".")).write_text(text)
    return tmp_path / "release"


# Files


def test_file_is_written_once(here, tmp_path, capsys):
    target = tmp_path / "new" / "file"
    assert here.put("text", target, 0o640)
    assert target.stat().st_mode & 0o777 == 0o640
    assert not here.put("text", target, 0o640)
    assert capsys.readouterr().out == f"==> Writing {target}\n"
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_link_is_replaced(tmp_path):
    link = tmp_path / "link"
    assert server.link(link, tmp_path / "a")
    assert not server.link(link, tmp_path / "a")
    assert server.link(link, tmp_path / "b")
    assert link.readlink() == tmp_path / "b"


def test_file_that_is_newer_than_what_runs(machine, tmp_path):
    file = tmp_path / "file"
    file.touch()
    assert server.is_newer(file, "myweb.service")  # which never ran
    machine.since = "Sat 2026-11-28 01:31:17.500000 UTC"
    for moment, expected in ((1795829477.4, False), (1795829477.6, True)):
        os.utime(file, (moment, moment))
        assert server.is_newer(file, "myweb.service") is expected


# Units


def test_units_are_installed_and_enabled_once(here, machine, tmp_path):
    new = release(tmp_path, myweb_service="[Install]\n", myweb_socket="")
    machine.refused = ["systemctl is-enabled"]
    here.install_units(new)
    assert machine.commands == [
        "systemctl daemon-reload",
        "systemctl is-enabled --quiet myweb.service",
        "systemctl enable --quiet myweb.service",
    ]
    machine.refused = []
    machine.commands.clear()
    here.install_units(new)
    assert machine.commands == ["systemctl is-enabled --quiet myweb.service"]


def test_units_of_another_release_are_removed(here, machine, tmp_path):
    (tmp_path / "units").mkdir()
    for name in ("myweb-old.timer", "mywebsite.service"):
        (tmp_path / "units" / name).touch()
    here.install_units(release(tmp_path))
    assert machine.commands[0] == "systemctl disable --now --quiet myweb-old.timer"
    assert not (tmp_path / "units" / "myweb-old.timer").exists()
    assert (tmp_path / "units" / "mywebsite.service").exists()


# Nginx


def test_limits_of_nginx_are_raised(here, tmp_path):
    assert here.raise_nginx_limits()
    assert not here.raise_nginx_limits()
    text = (tmp_path / "nginx" / "nginx.conf").read_text()
    assert "\tworker_connections 8192; # myweb, instead of: worker_connections 768;\n" in text
    assert (tmp_path / "nginx" / "nginx.conf.before-myweb").read_text() == NGINX_CONF
    assert "worker_rlimit_nofile 32768;" in (tmp_path / "nginx" / "modules-enabled" / "90-myweb.conf").read_text()


def test_limits_of_the_operator_stay(here, tmp_path):
    """And what is in no encoding that we know."""
    main = tmp_path / "nginx" / "nginx.conf"
    main.write_bytes(b"# \xe9\nworker_rlimit_nofile 100000;\n" + NGINX_CONF.replace("768", "9000").encode())
    before = main.read_bytes()
    assert not here.raise_nginx_limits()
    assert main.read_bytes() == before
    assert not (tmp_path / "nginx" / "modules-enabled" / "90-myweb.conf").exists()


def test_site_that_nginx_refuses_is_put_back(here, machine, tmp_path):
    site = tmp_path / "nginx" / "sites-available" / "myweb"
    here.install_nginx_site(release(tmp_path))
    machine.start()
    before = site.stat().st_mtime_ns
    machine.config = "no_such_directive;"
    machine.refused = ["nginx -t"]
    with pytest.raises(Refusal):
        here.install_nginx_site(release(tmp_path))
    assert site.read_text() == "listen 80;"
    assert site.stat().st_mtime_ns == before
    machine.commands.clear()
    here.start_nginx(release(tmp_path))
    assert machine.commands == ["systemctl is-active --quiet nginx.service"]


def test_first_site_that_nginx_refuses_is_not_enabled(here, machine, tmp_path):
    machine.refused = ["nginx -t"]
    with pytest.raises(Refusal):
        here.install_nginx_site(release(tmp_path))
    assert not (tmp_path / "nginx" / "sites-enabled" / "myweb").is_symlink()


def test_site_that_was_written_by_one_who_was_killed_is_loaded(here, machine, tmp_path, monkeypatch):
    steps = []
    monkeypatch.setattr(Steps, "__call__", lambda _step, what, *_command: steps.append(what))
    here.install_nginx_site(release(tmp_path))
    machine.since = "Sat 2026-11-28 01:31:17.500000 UTC"
    os.utime(tmp_path / "nginx" / "sites-available" / "myweb", (2e9, 2e9))
    here.install_nginx_site(release(tmp_path))
    here.start_nginx(release(tmp_path))
    assert steps == ["Reloading Nginx"]


# Asking


@pytest.fixture
def answers(monkeypatch) -> dict[str, list[str]]:
    """What is answered to each path, the last one for ever; without an entry, 200."""
    answers: dict[str, list[str]] = {}

    def answer(_server: Server, path: str) -> str:
        left = answers.get(path, ["200"])
        return left.pop(0) if len(left) > 1 else left[0]

    monkeypatch.setattr(Server, "status_of", answer)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    return answers


def test_stylesheet_of_the_release_is_asked_for(here, tmp_path):
    assert here.paths(tmp_path) == ["/", "/healthz", "/admin/login/"]
    (tmp_path / "collected").mkdir()
    (tmp_path / "collected" / "staticfiles.json").write_text('{"paths": {"admin/css/base.css": "admin/base.1.css"}}')
    assert here.paths(tmp_path)[2] == "/static/admin/base.1.css"


@pytest.mark.parametrize("home", [["200"], ["404"], ["503", "503", "200"], [asking.REFUSED] * 29 + ["200"]])
def test_site_that_answers(here, answers, tmp_path, home):
    answers["/"] = home
    here.check_answers(tmp_path, {"/": "404"})


@pytest.mark.parametrize(
    ("health", "said"),
    [
        (["503"], "answers 503"),
        (["503"] * 3 + ["200"], "answers 503"),
        (["404"], "answers 404"),
        ([asking.SILENCE, "200"], "does not answer"),
        ([asking.REFUSED] * 30 + ["200"], "does not answer"),
    ],
)
def test_site_that_does_not_answer(here, answers, tmp_path, health, said):
    answers["/healthz"] = health
    with pytest.raises(Refusal, match=f"asked for http://www.example.org/healthz, the site {said}.$"):
        here.check_answers(tmp_path, {"/": "404"})
