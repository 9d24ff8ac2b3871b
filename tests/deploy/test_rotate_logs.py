import os
import subprocess
from pathlib import Path

import pytest

from tests.site import ROOT

DAY = 24 * 3600


@pytest.fixture
def rotate(tmp_path):
    """Return a function that has the logs rotated when so many seconds have passed since the last time."""

    def run(seconds: float = DAY + 60) -> None:
        for path in tmp_path.iterdir():
            status = path.stat()
            os.utime(path, (status.st_atime - seconds, status.st_mtime - seconds))
        subprocess.run([ROOT / "deploy" / "rotate_logs", tmp_path], check=True)

    subprocess.run([ROOT / "deploy" / "rotate_logs", tmp_path], check=True)
    return run


def texts(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.glob("*.log*")}


def test_it_works(tmp_path, rotate):
    """The servers keep the file open, and go on writing to it."""
    with (tmp_path / "access.log").open("a") as log:
        for day in range(20):
            print(f"day {day}", file=log, flush=True)
            rotate()
        print("today", file=log, flush=True)
    found = texts(tmp_path)
    assert found.pop("access.log") == "today\n"
    assert found == {f"access.log.{number}": f"day {20 - number}\n" for number in range(1, 15)}


def test_once_a_day(tmp_path, rotate):
    (tmp_path / "uwsgi.log").write_text("one")
    rotate(DAY / 2)
    assert texts(tmp_path) == {"uwsgi.log": "one"}
    rotate(DAY / 2 + 60)
    assert texts(tmp_path) == {"uwsgi.log": "", "uwsgi.log.1": "one"}


def test_old_ones_go_also_where_nothing_new_comes(tmp_path, rotate):
    (tmp_path / "access.log").write_text("one")
    rotate()
    rotate(15 * DAY)
    assert texts(tmp_path) == {"access.log": ""}


def test_empty_directory(tmp_path, rotate):
    rotate()
    assert texts(tmp_path) == {}


def test_uwsgi_does_it_every_hour():
    ini = (ROOT / "deploy" / "myweb_uwsgi.ini").read_text()
    assert 'cron = 7 -1 -1 -1 -1 "%(root)/deploy/rotate_logs" "%(var)/log"' in ini
