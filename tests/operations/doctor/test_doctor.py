import importlib
import re
import time
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import call_command

from myweb.operations.doctor import examination
from myweb.operations.doctor.examination import PROBES, Probe, State, examine
from myweb.operations.doctor.faults import Fault, NotChecked
from tests.operations.doctor import faults
from tests.operations.doctor.conftest import MAIL_PASSWORD

for path in Path(__file__).parent.glob("test_*.py"):
    importlib.import_module(f"tests.operations.doctor.{path.stem}")

# What a healthy site may lack: with TCP and http there are no rights and no certificate.
LACKING = {"socket of uWSGI", "certificate", "certificate's end", "renewal of the certificate", "backup"}
# And a clone with SQLite
LACKING |= {"rights in the database", "nightly backup", "start with the machine"}

pytestmark = pytest.mark.django_db(transaction=True)


# Of PostgreSQL, see test_database.py
ELSEWHERE = {"rights in the database"}


def test_every_probe_finds_some_fault():
    assert {row.probe for row in faults.FAULTS} | ELSEWHERE == {probe.name for probe in PROBES}


def test_what_a_probe_needs_comes_before_it():
    names = [probe.name for probe in PROBES]
    assert max(Counter(names).values()) == 1
    for probe in PROBES:
        assert set(probe.needs) <= set(names[: names.index(probe.name)])


@pytest.mark.nginx
def test_nothing_is_wrong_with_a_healthy_site(real, dns_records, post_office, capsys):
    before = len(post_office.received)
    call_command("doctor", send=True)
    said = capsys.readouterr().out
    assert "FAILED" not in said
    assert said.splitlines()[-2:] == ["Nothing is wrong.", "1 were left out, because they rest on others."]
    unchecked = set(re.findall("^–       (.*?):", said, re.MULTILINE))
    assert unchecked <= LACKING
    assert len(post_office.received) == before + 1


@pytest.mark.nginx
def test_as_the_operator_types_it(serving):
    """With the mail server's certificate, which this machine does not know, as the only fault that is certain."""
    result = serving.manage("doctor")
    assert result.returncode == 1
    assert "\nFAILED  encryption of mail: The certificate of localhost is signed by itself" in result.stdout
    assert "FAILED  login to the mail server" in result.stdout
    for name in ("settings in force", "daemon", "public address", "Host", "fresh pages"):
        assert f"ok      {name}: " in result.stdout
    assert result.stdout.index("FAILED") > result.stdout.rindex("\nok ")
    assert result.stderr == ""
    secrets = (MAIL_PASSWORD, (serving.var / "secret_key").read_text().strip())
    assert [secret for secret in secrets if secret in result.stdout] == []


@pytest.fixture
def probes(monkeypatch):
    """Return a function that makes functions the only probes."""

    def use(*looks) -> None:
        found = [Probe(look.__name__, look, getattr(look, "needs", ())) for look in looks]
        monkeypatch.setattr(examination, "PROBES", found)

    return use


def test_probe_that_hangs(probes, monkeypatch):
    def hanging() -> str:
        time.sleep(5)
        return "too late"

    monkeypatch.setattr(examination, "LIMIT", 0.1)
    probes(hanging)
    [finding] = examine(send=False)
    assert finding.state is State.FAILED
    assert "does not come to an end" in finding.sentence


def test_probe_that_fails_in_a_way_that_nobody_thought_of(probes, settings):
    def stumbling() -> str:
        raise ValueError(f"not expected: {settings.SECRET_KEY}")

    probes(stumbling)
    [finding] = examine(send=False)
    assert finding.state is State.FAILED
    assert finding.sentence == "This could not be looked at: ValueError, “not expected: …”."


def test_timeout_of_a_step_is_not_one_of_the_probe(probes):
    def stumbling() -> str:
        raise TimeoutError("timed out")

    probes(stumbling)
    [finding] = examine(send=False)
    assert finding.sentence == "This could not be looked at: TimeoutError, “timed out”."


def test_list(probes, capsys):
    def good() -> str:
        return "it is there"

    def bad() -> str:
        raise Fault("It is not there.", "Bring it.")

    def absent() -> str:
        raise NotChecked("There is none.")

    def resting() -> str:
        raise AssertionError

    resting.needs = ("bad",)
    probes(bad, resting, absent, good)
    with pytest.raises(SystemExit) as ended:
        call_command("doctor")
    assert ended.value.code == 1
    assert capsys.readouterr().out == (
        "–       absent: There is none.\n"
        "ok      good: it is there.\n"
        "\n"
        "FAILED  bad: It is not there.\n"
        "        Bring it.\n"
        "\n"
        "1 of 4 failed.\n"
        "1 were left out, because they rest on others.\n"
    )
