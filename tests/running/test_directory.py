import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from myweb.running import directory
from myweb.running.directory import fill, has_static_files, put_static_files


def test_it_works(tmp_path):
    fill(tmp_path)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes.pop("secret_key") == 0o600
    assert {name: mode for name, mode in modes.items() if mode & 0o007 == 0} == {"log": 0o750, "run": 0o750}
    assert set(modes) == {"log", "media", "nginx", "run", "static"}
    assert (tmp_path / "run" / "reload").exists()


def test_key_is_made_once_whoever_does_so_at_the_same_time(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fill, [tmp_path] * 8))
    key = (tmp_path / "secret_key").read_text()
    assert len(key) == 64
    fill(tmp_path)
    assert (tmp_path / "secret_key").read_text() == key
    assert not list(tmp_path.glob("secret_key.*"))


@pytest.fixture
def collected(tmp_path) -> Path:
    """Two files and the list of them, as a release has them."""
    (tmp_path / "collected" / "css").mkdir(parents=True)
    for name in ("css/site.1.css", "a.txt", "staticfiles.json", "zebra.txt"):
        (tmp_path / "collected" / name).write_text(f"new {name}")
    return tmp_path / "collected"


@pytest.fixture
def var(tmp_path) -> Path:
    """With a page's stylesheet from another release."""
    (tmp_path / "var" / "static" / "css").mkdir(parents=True)
    for name in ("css/site.0.css", "a.txt", "staticfiles.json"):
        (tmp_path / "var" / "static" / name).write_text(f"old {name}")
    return tmp_path / "var"


def contents(static: Path) -> dict[str, str]:
    return {str(path.relative_to(static)): path.read_text() for path in static.rglob("*") if path.is_file()}


def test_static_files_come_to_those_that_are_there(var, collected):
    assert not has_static_files(var, collected)
    put_static_files(var, collected)
    assert has_static_files(var, collected)
    assert contents(var / "static") == contents(collected) | {"css/site.0.css": "old css/site.0.css"}
    assert sorted(path.name for path in var.iterdir()) == ["static"]


def test_none_is_put_there_if_there_is_no_room(var, collected, monkeypatch):
    before = contents(var / "static")
    (collected / "zebra.txt").unlink()
    (collected / "zebra.txt").symlink_to("nowhere")
    with pytest.raises(directory.shutil.Error):
        put_static_files(var, collected)
    assert contents(var / "static") == before
    (collected / "zebra.txt").unlink()
    put_static_files(var, collected)
    assert has_static_files(var, collected)


def test_the_list_comes_last(var, collected, monkeypatch):
    replaced = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda path, target: replaced.append(path.name) or replace(path, target))
    put_static_files(var, collected)
    assert sorted(replaced[:-1]) == ["a.txt", "site.1.css", "zebra.txt"]
    assert replaced[-1] == "staticfiles.json"


def test_its_text_is_a_program_of_its_own(var, collected):
    """deploy/install has it run by the site's user, who cannot read the checkout."""
    text = Path(directory.__file__).read_text()
    for _time in range(2):
        subprocess.run([sys.executable, "-I", "-c", text, var, collected], cwd="/", check=True)
    assert has_static_files(var, collected)
    assert (var / "secret_key").exists()


def test_what_cannot_be_written_is_said(var):
    (var / "media").touch()
    text = Path(directory.__file__).read_text()
    done = subprocess.run([sys.executable, "-I", "-c", text, var], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "File exists\n")
