import re
from dataclasses import astuple

import pytest

from myweb.installation import CLONE, DOCKER, RELEASES, SERVER, here
from tests.site import ROOT


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    monkeypatch.delenv("MYWEB_PREPARED", raising=False)


def test_clone():
    assert here() is CLONE


def test_installed_server(settings):
    settings.BASE_DIR = RELEASES / "0.1.0-7d2c03613cbf"
    assert here() is SERVER


def test_compose(monkeypatch):
    """As compose.yaml sets it for every container that has manage.py."""
    assert "MYWEB_PREPARED:" in (ROOT / "compose.yaml").read_text()
    monkeypatch.setenv("MYWEB_PREPARED", "true")
    assert here() is DOCKER


def test_services_that_are_named_exist():
    services = re.findall(r"^  (\w+):$", (ROOT / "compose.yaml").read_text(), re.MULTILINE)
    assert set(re.findall(r"(?:logs|restart|exec) (\w+)", " ".join(astuple(DOCKER)))) <= set(services)
    for unit in re.findall(r"myweb[\w-]*\.(?:service|socket)", " ".join(astuple(SERVER))):
        assert (ROOT / "deploy" / "systemd" / unit).exists()
