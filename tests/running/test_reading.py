"""What the shell asks of the settings."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.site import ROOT


def ask(name: str, var: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "myweb.running.reading", name],
        cwd=ROOT,
        env={"MYWEB_VAR": str(var), **environment},
        capture_output=True,
        text=True,
    )


def test_it_works_before_there_is_a_key(tmp_path):
    assert ask("SITE_URL", tmp_path, MYWEB_PORT="8100").stdout == "http://localhost:8100\n"


@pytest.mark.parametrize(
    ("variable", "value", "name"), [("TIME_ZONE", "Asia/Shanghai", "TIME_ZONE"), ("MYWEB_PORT", "81", "PORT")]
)
def test_value_in_a_file(tmp_path, variable, value, name):
    (tmp_path / "value").write_text(f"{value}\n")
    assert ask(name, tmp_path, **{f"{variable}_FILE": str(tmp_path / "value")}).stdout == f"{value}\n"


def test_malformed_one_is_a_sentence(tmp_path):
    done = ask("SITE_URL", tmp_path, TIME_ZONE="Mars/Olympus")
    assert done.returncode == 1
    assert done.stderr.startswith("myweb: TIME_ZONE is “Mars/Olympus”")
    assert done.stderr.count("\n") == 1
