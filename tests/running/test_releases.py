import os
from pathlib import Path

import pytest

from myweb.running import releases
from myweb.running.releases import build, release_of, remove_old, settings_of, sources, verified
from myweb.running.steps import Refusal, Steps

FILES = ["deploy/myweb", "docs/operator.md", "manage.py", "myweb/pages/views.py", "static/site.css"]
OTHERS = [".git/config", "myweb/__pycache__/a.pyc", "myweb/a.mo", "tests/a.py", "var/key", "static/.x", "docs/a.png"]


@pytest.fixture
def checkout(tmp_path) -> Path:
    """The files of a release, and some that are not in any."""
    checkout = tmp_path / "checkout"
    others = [
        ".git/config",
        "myweb/__pycache__/a.pyc",
        "myweb/a.mo",
        "tests/a.py",
        "var/key",
        "static/.x",
        "docs/a.png",
    ]
    for name in [*FILES, *others, *releases.FILES]:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(name)
    (checkout / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    (checkout / "deploy" / "myweb").chmod(0o700)
    (checkout / "manage.py").chmod(0o600)
    (checkout / "static" / "elsewhere").symlink_to("/etc")
    return checkout


@pytest.fixture
def made(monkeypatch) -> list[tuple[object, ...]]:
    """The steps that were taken."""
    made: list[tuple[object, ...]] = []
    monkeypatch.setattr(Steps, "__call__", lambda _step, *what, **_options: made.append(what))
    return made


@pytest.fixture
def step() -> Steps:
    return Steps(print)


def test_release_has_the_code_and_nothing_else(checkout):
    assert [str(path) for path in sources(checkout)] == sorted({*FILES, *releases.FILES})


def test_its_name_has_the_version_and_what_it_is_made_from(checkout, tmp_path):
    name = release_of(checkout, tmp_path).name
    assert name.startswith("1.2.3-")
    (checkout / "var" / "key").write_text("another")
    assert release_of(checkout, tmp_path).name == name
    (checkout / "static" / "site.css").write_text("another")
    another = release_of(checkout, tmp_path).name
    assert another != name
    (checkout / "static" / "site.css").rename(checkout / "static" / "page.css")
    assert release_of(checkout, tmp_path).name not in (name, another)


def test_everybody_can_read_it(checkout, tmp_path, step, made):
    release = tmp_path / "release"
    build(step, checkout, release)
    assert (release / "deploy" / "myweb").stat().st_mode & 0o777 == 0o755
    assert (release / "manage.py").stat().st_mode & 0o777 == 0o644
    assert [what for what, *_command in made] == [
        "Making its virtual environment",
        "Installing the Python packages (uWSGI is compiled, which takes a minute)",
        "Compiling, and collecting static files",
    ]
    made.clear()
    build(step, checkout, release)
    assert made == []


def test_release_that_was_interrupted_is_made_again(checkout, tmp_path, step, made):
    release = tmp_path / "release"
    (release / "left").mkdir(parents=True)
    build(step, checkout, release)
    assert not (release / "left").exists()
    assert (release / ".complete").exists()


def test_release_that_cannot_be_made(checkout, tmp_path, step, monkeypatch):
    def refuse(*_arguments: object, **_options: object) -> None:
        raise Refusal("no")

    monkeypatch.setattr(Steps, "__call__", refuse)
    with pytest.raises(Refusal, match="nothing was changed"):
        build(step, checkout, tmp_path / "release")
    assert not (tmp_path / "release" / ".complete").exists()


def test_those_that_never_worked_and_the_oldest_are_removed(tmp_path, step):
    for number, name in enumerate(["first", "second", "third", "fourth", "fifth"]):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".verified").touch()
        os.utime(tmp_path / name / ".verified", (number, number))
    (tmp_path / "broken").mkdir()
    assert [release.name for release in verified(tmp_path)] == ["fifth", "fourth", "third", "second", "first"]
    remove_old(step, tmp_path, tmp_path / "fifth")
    assert {path.name for path in tmp_path.iterdir()} == {"fifth", "fourth", "third"}


def test_settings_of(tmp_path):
    """Whatever else is printed before them."""
    (tmp_path / "deploy").mkdir()
    program = tmp_path / "deploy" / "myweb"
    program.write_text("""#!/bin/sh\necho hello\necho '["http://a", "::", 80, "postgresql"]'\n""")
    program.chmod(0o755)
    assert settings_of(tmp_path) == releases.Settings("http://a", "::", 80, "postgresql")
