import pytest

from myweb import installation
from myweb.operations.doctor import services
from tests.operations.doctor import faults
from tests.operations.doctor.faults import fault, look

HEALTHY = {
    ("is-enabled", "myweb.socket"): "enabled",
    ("is-enabled", "myweb.service"): "enabled",
    ("is-enabled", "nginx.service"): "enabled",
    ("is-enabled", "myweb-nightly.timer"): "enabled",
    ("is-active", "myweb-nightly.timer"): "active",
    ("is-enabled", "certbot.timer"): "enabled",
    ("is-active", "certbot.timer"): "active",
}
NAMES = ["start with the machine", "nightly backup", "renewal of the certificate"]


@pytest.fixture
def installed(settings, monkeypatch, tmp_path):
    """A server with HTTPS; returns a function that says what systemctl then answers."""
    monkeypatch.delenv("MYWEB_PREPARED", raising=False)
    settings.BASE_DIR = installation.RELEASES / "0.1.0-7d2c03613cbf"
    settings.SITE_URL = "https://lake.example"
    systemctl = tmp_path / "systemctl"
    monkeypatch.setattr(services, "SYSTEMCTL", str(systemctl))

    def answer(answers: dict[tuple[str, str], str]) -> None:
        cases = "".join(f"'{' '.join(words)}') echo {state};;" for words, state in {**HEALTHY, **answers}.items())
        systemctl.write_text(f'#!/bin/sh\ncase "$*" in {cases} esac\n')
        systemctl.chmod(0o755)

    answer({})
    return answer


@pytest.fixture
def composed(monkeypatch, patience):
    monkeypatch.setenv("MYWEB_PREPARED", "true")


@fault("start with the machine", "myweb.service is disabled: .* not come back.*systemctl enable --now myweb.service")
def disabled_unit(installed):
    installed({("is-enabled", "myweb.service"): "disabled"})
    yield


@fault("start with the machine", "nginx.service is masked.*systemctl unmask nginx.service && systemctl enable --now")
def masked_nginx(installed):
    installed({("is-enabled", "nginx.service"): "masked"})
    yield


@fault("nightly backup", "myweb-nightly.timer is disabled: no backups are made.*enable --now myweb-nightly.timer")
def disabled_timer(installed):
    installed({("is-enabled", "myweb-nightly.timer"): "disabled"})
    yield


@fault("nightly backup", "myweb-nightly.timer is inactive: no backups are made")
def stopped_timer(installed):
    installed({("is-active", "myweb-nightly.timer"): "inactive"})
    yield


@fault("nightly backup", "The container nightly.invalid does not run: no backups.* Run docker compose up")
def stopped_container(composed, monkeypatch):
    monkeypatch.setattr(services, "NIGHTLY", "nightly.invalid")
    yield


@fault("renewal of the certificate", "certbot.timer is inactive: the certificate will not be renewed.*certbot.timer")
def stopped_certbot(installed):
    installed({("is-active", "certbot.timer"): "inactive"})
    yield


@pytest.mark.parametrize("row", faults.rows(__name__))
def test_fault_is_found(row, request):
    faults.check(row, request)


@pytest.mark.parametrize("name", NAMES)
def test_healthy_server(installed, name):
    assert look(name).state is faults.State.OK


def test_container_that_runs(composed, monkeypatch):
    monkeypatch.setattr(services, "NIGHTLY", "localhost")
    assert look("nightly backup").state is faults.State.OK


def test_certificate_of_somebody_else(installed):
    installed({("is-enabled", "certbot.timer"): "not-found"})
    assert look("renewal of the certificate").state is faults.State.NOT_CHECKED


@pytest.mark.parametrize("name", NAMES)
def test_without_systemd(installed, monkeypatch, tmp_path, name):
    monkeypatch.setattr(services, "SYSTEMCTL", str(tmp_path / "missing"))
    finding = look(name)
    assert finding.state is faults.State.NOT_CHECKED
    assert "systemd cannot be asked" in finding.sentence


@pytest.mark.parametrize("name", NAMES)
def test_clone(monkeypatch, name):
    """Who looks after it is its operator's choice."""
    monkeypatch.delenv("MYWEB_PREPARED", raising=False)
    assert look(name).state is faults.State.NOT_CHECKED
