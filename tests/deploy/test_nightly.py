"""deploy/docker/nightly, with programs that only write down that they were called."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.site import ROOT

WORK = ["manage.py backup", "manage.py backup --prove", "manage.py clean_media"]
# The first minute or hour is over at once, the second one ends it all.
STUB = """#!/bin/sh
echo "${0##*/} $*" >>"$CALLS"
[ "${0##*/}" != sleep ] || [ "$(grep -c sleep "$CALLS")" -lt 2 ] || kill "$PPID"
case "$*" in "$FAILING") exit 1 ;; esac
"""


@pytest.fixture
def nights(tmp_path):
    """Return a function that lets the script run for two rounds and returns what it called."""
    for name in ("manage.py", "sleep"):
        (tmp_path / name).write_text(STUB)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "backups").mkdir()

    def run(failing: str = "nothing", zone: str = "UTC") -> list[str]:
        calls = tmp_path / "calls"
        calls.unlink(missing_ok=True)
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(calls), "FAILING": failing}
        environment |= {"MYWEB_VAR": str(tmp_path), "TIME_ZONE": zone}
        done = subprocess.run([ROOT / "deploy/docker/nightly"], env=environment, timeout=60, capture_output=True)
        assert done.returncode == 0, done.stderr
        assert (b"tried again in an hour" in done.stderr) == (failing != "nothing")
        return calls.read_text().splitlines()

    return run


def test_once_at_the_first_start(nights):
    assert nights() == [*WORK, "sleep 60", "sleep 60"]
    assert nights() == ["sleep 60", "sleep 60"]


@pytest.mark.parametrize("failing", ["backup", "backup --prove", "clean_media"])
def test_what_fails_is_tried_again(nights, failing):
    tried = WORK[: WORK.index(f"manage.py {failing}") + 1]
    assert nights(failing) == [*tried, "sleep 3600", *tried, "sleep 3600"]
    assert nights() == [*WORK, "sleep 60", "sleep 60"]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/Los_Angeles"])
def test_at_three_in_the_time_zone_of_the_site(nights, tmp_path, zone):
    now = datetime.now(ZoneInfo(zone))
    three = now.replace(hour=3, minute=0, second=0, microsecond=0)
    if three > now:
        three -= timedelta(days=1)
    succeeded = tmp_path / "backups" / ".nightly"
    succeeded.touch()
    for second, calls in ((-1, WORK), (1, [])):
        moment = three.timestamp() + second
        os.utime(succeeded, (moment, moment))
        assert nights(zone=zone) == [*calls, "sleep 60", "sleep 60"]


def test_night_of_a_clock_that_was_ahead_is_none(nights, tmp_path):
    succeeded = tmp_path / "backups" / ".nightly"
    succeeded.touch()
    ahead = datetime.now(UTC).timestamp() + 365 * 24 * 3600
    os.utime(succeeded, (ahead, ahead))
    assert nights() == [*WORK, "sleep 60", "sleep 60"]
    assert nights() == ["sleep 60", "sleep 60"]
