"""What the tools say of the code."""

import difflib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.code

ROOT = Path(__file__).parent.parent
CATALOGUE = Path("myweb", "locale", "zh_Hans", "LC_MESSAGES", "django.po")


def run(*command: str, cwd: Path = ROOT, **environment: str) -> str:
    """Return the output of `command`, which has to succeed."""
    result = subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def manage(*arguments: str, cwd: Path = ROOT, **environment: str) -> str:
    command = [sys.executable, "-m", "django", *arguments]
    return run(*command, cwd=cwd, DJANGO_SETTINGS_MODULE="myweb.settings", **environment)


@pytest.fixture
def copy(tmp_path) -> Path:
    """A directory with a copy of the code: other tests copy the clone meanwhile."""
    shutil.copytree(ROOT / "myweb", tmp_path / "myweb")
    return tmp_path


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff(arguments):
    run(sys.executable, "-m", "ruff", *arguments, ".")


def test_mypy():
    run(sys.executable, "-m", "mypy")


def test_nobody_imports_from_commands():
    """What they do is in a module of their app, for others to call."""
    paths = [path for directory in ("myweb", "tests") for path in (ROOT / directory).rglob("*.py")]
    wanting = re.compile(r"^\s*(?:from|import) myweb\.\w+\.management", re.MULTILINE)
    assert [path for path in paths if wanting.search(path.read_text())] == []


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


def test_catalogues_are_complete(copy):
    """Every text of ours is in the catalogue, translated, and nothing else is."""
    manage("makemessages", cwd=copy)
    assert (copy / CATALOGUE).read_text() == (ROOT / CATALOGUE).read_text()
    statistics = run("msgfmt", "--statistics", "-o", str(copy / "messages.mo"), str(copy / CATALOGUE))
    assert "untranslated" not in statistics
    assert "fuzzy" not in statistics


def test_new_text_changes_two_lines(copy):
    (copy / "myweb" / "new.py").write_text('from django.utils.translation import gettext\n\ngettext("A new text")\n')
    manage("makemessages", cwd=copy)
    before, after = ((place / CATALOGUE).read_text().splitlines() for place in (ROOT, copy))
    changes = [line for line in difflib.ndiff(before, after) if line[0] in "+-" and line[2:]]
    assert changes == ['+ msgid "A new text"', '+ msgstr ""']


def locked(name: str) -> dict[str, str]:
    """Return the versions in a file that pip takes, each of which has hashes."""
    text = (ROOT / name).read_text()
    found = re.findall(r"^([\w.-]+)==(\S+)(?: ; [^\\]+)? \\\n    --hash=sha256:", text, re.MULTILINE)
    assert len(found) == text.count("==") - text.count(" == ")
    return dict(found)


def test_requirements_are_pinned():
    """Those that pyproject.toml names, and what these need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    product, tests = locked("requirements.txt"), locked("tests/requirements.txt")
    assert product.items() <= tests.items()
    for names, versions in ((project["dependencies"], product), (project["optional-dependencies"]["tests"], tests)):
        for name in names:
            [(package, version)] = re.findall(r"^([\w-]+)(?:\[\w+\])?==([\d.]+)$", name)
            assert versions[package.lower().replace("_", "-")] == version
