"""In which order a server is changed over, and what is left when that fails."""

import subprocess
import sys

import pytest

from myweb.running import install, releases
from myweb.running.install import Installer
from myweb.running.releases import Settings
from myweb.running.server import Server
from myweb.running.steps import Refusal, Steps
from tests.site import ROOT


class Machine:
    """Remembers what was done; what is in `broken` fails."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.broken: dict[str, Exception] = {}

    def do(self, what: str) -> None:
        self.done.append(what)
        if what in self.broken:
            raise self.broken[what]


@pytest.fixture
def machine(monkeypatch, tmp_path) -> Machine:
    machine = Machine()

    def step(_step: Steps, what: str, *_command: object, refusal: str = "it failed.") -> str:
        try:
            machine.do(what)
        except Refusal:
            raise Refusal(refusal) from None
        return "Backed up."

    monkeypatch.setattr(install, "BASE", tmp_path)
    monkeypatch.setattr(install, "succeeds", lambda *_command: True)
    monkeypatch.setattr(Steps, "__call__", step)
    monkeypatch.setattr(releases, "release_of", lambda _checkout, releases: releases / "new")
    monkeypatch.setattr(Server, "status_of", lambda _server, path: "404" if path == "/" else "200")
    monkeypatch.setattr(Server, "put_static_files", lambda _server, release: machine.do(f"files of {release.name}"))
    monkeypatch.setattr(Server, "activate", lambda _server, release: machine.do(f"start {release.name}"))
    monkeypatch.setattr(Server, "check_answers", lambda _server, release, _before: machine.do(f"ask {release.name}"))
    for name in ("old", "new"):
        (tmp_path / "releases" / name).mkdir(parents=True)
    (tmp_path / "releases" / "old" / ".verified").touch()
    return machine


@pytest.fixture
def installer(machine) -> Installer:
    installer = Installer(Steps(print))
    installer.server.settings = Settings("http://localhost", "::", 80, "sqlite3")
    return installer


UPGRADE = ["Backing up", "Preparing the database", "files of new", "Trying the new code", "start new", "ask new"]
BACK = ["start old", "ask old"]


def test_upgrade(installer, machine):
    installer.upgrade()
    assert machine.done == UPGRADE
    assert (installer.release / ".verified").exists()
    assert installer.before == {"/": "404"}


@pytest.mark.parametrize("failing", UPGRADE[:2])
def test_nothing_is_changed_before_there_are_backup_and_database(installer, machine, failing):
    machine.broken[failing] = Refusal("no")
    with pytest.raises(Refusal, match=r"nothing was changed\.|goes on with old\."):
        installer.upgrade()
    assert machine.done == UPGRADE[: UPGRADE.index(failing) + 1]


@pytest.mark.parametrize("error", [Refusal("no"), OSError("no room"), ValueError("a mistake in this program")])
@pytest.mark.parametrize("failing", UPGRADE[2:])
def test_going_back(installer, machine, capsys, failing, error):
    """Whatever goes wrong."""
    machine.broken[failing] = error
    with pytest.raises(Refusal, match=r"^the site goes on with old; "):
        installer.upgrade()
    assert machine.done == UPGRADE[: UPGRADE.index(failing) + 1] + BACK
    assert not (installer.release / ".verified").exists()
    assert capsys.readouterr().err.startswith("deploy/install: ")


def test_old_release_that_does_not_work_either(installer, machine):
    machine.broken = {"ask new": Refusal("no"), "start old": Refusal("it is full")}
    with pytest.raises(Refusal, match=r"^old does not work either: old cannot be started\. it is full\nsee "):
        installer.upgrade()


def test_first_release_that_does_not_work(installer, machine):
    (installer.release.parent / "old" / ".verified").unlink()
    machine.broken["ask new"] = Refusal("no")
    with pytest.raises(Refusal, match="there is none before it"):
        installer.upgrade()
    assert machine.done == UPGRADE[1:]


@pytest.mark.parametrize(("changed", "tried"), [(False, []), (True, ["Preparing the database", "Trying the settings"])])
def test_put_in_force(installer, machine, monkeypatch, changed, tried):
    monkeypatch.setattr(install, "is_newer", lambda *_arguments: changed)
    installer.put_in_force()
    assert machine.done == [*tried, "start new", "ask new"]


def test_settings_that_do_not_work_are_not_put_in_force(installer, machine, monkeypatch):
    monkeypatch.setattr(install, "is_newer", lambda *_arguments: True)
    machine.broken["Trying the settings"] = Refusal("no")
    with pytest.raises(Refusal, match=r"goes on with those that it had: correct "):
        installer.put_in_force()
    assert "start new" not in machine.done


def test_it_needs_nothing_but_python():
    """A release that is broken, or has no environment yet, is not needed to go back from it."""
    program = "import sys; sys.path[:0] = sys.argv[1:]; import myweb.running.install; print('django' in sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", program, ROOT]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")
