"""What the tools say of the code."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.code

ROOT = Path(__file__).parent.parent


def run(*command: str, **environment: str) -> str:
    """Return the output of `command`, which has to succeed, in the repository's root."""
    result = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def manage(*arguments: str, **environment: str) -> str:
    return run(sys.executable, "-m", "django", *arguments, DJANGO_SETTINGS_MODULE="myweb.settings", **environment)


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff(arguments):
    run(sys.executable, "-m", "ruff", *arguments, ".")


def test_mypy():
    run(sys.executable, "-m", "mypy")


def test_shellcheck():
    scripts = [
        path for path in [*ROOT.glob("deploy/**/*"), ROOT / "tests" / "run", ROOT / ".ci" / "run"] if is_shell(path)
    ]
    assert {"up", "as_site_user", "run"} <= {path.name for path in scripts}
    run("shellcheck", "-x", *map(str, scripts))


def is_shell(path: Path) -> bool:
    return path.is_file() and re.match(rb"#!.*\b(ba)?sh\n", path.read_bytes()[:50]) is not None


def test_migrations_are_complete():
    manage("makemigrations", "--check", "--dry-run")


def test_django_finds_nothing_to_warn_of():
    manage("check", "--deploy", "--fail-level", "WARNING", SITE_URL="https://www.example.org")


def test_catalogues_are_complete(tmp_path):
    """Every text of ours is in the catalogue, and translated."""
    # In a copy: other tests copy the clone meanwhile.
    shutil.copytree(ROOT / "myweb", tmp_path / "myweb")
    subprocess.run(
        [sys.executable, "-m", "django", "makemessages", "-l", "zh_Hans", "--no-obsolete", "--no-wrap"],
        cwd=tmp_path / "myweb",
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "myweb.settings", "PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
    )
    catalogue = tmp_path / "myweb" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
    statistics = run("msgfmt", "--statistics", "-o", str(tmp_path / "messages.mo"), str(catalogue))
    assert "untranslated" not in statistics
    assert "fuzzy" not in statistics


def test_requirements_are_pinned():
    for name in ("requirements.txt", "tests/requirements.txt"):
        for line in (ROOT / name).read_text().splitlines():
            assert re.fullmatch(r"-r \S+|[\w\-]+(\[\w+\])?==[\d.]+", line), line
