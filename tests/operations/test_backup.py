import json
import os
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import connection

from myweb.operations.backup import keeping, making
from tests.operations.places import Place, damage
from tests.operations.test_restore import TEXTS, WRITE, small_files
from tests.site import ROOT, wait_for

pytestmark = pytest.mark.slow("whole sites are backed up")

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def content(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_works(place):
    said = place.manage("backup")
    assert [str(path) for path in place.backups] == [said]
    [path] = place.backups
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    parts = content(path)
    media = {name.removeprefix("media/") for name in parts if name.startswith("media/")}
    assert media == set(place.files())
    manifest = json.loads(parts["manifest.json"])
    assert manifest["counts"]["contact_contactmessage"] == 3
    assert manifest["sequences"]["contact_contactmessage"] == 4
    assert place.leftovers() == []


def test_a_file_of_ones_own(place, tmp_path):
    assert place.backup(tmp_path / "mine.zip") == tmp_path / "mine.zip"
    assert (tmp_path / "mine.zip").stat().st_mode & 0o777 == 0o600
    before = (tmp_path / "mine.zip").read_bytes()
    assert place.refused("backup", tmp_path / "mine.zip") == f"{tmp_path}/mine.zip exists already."
    assert (tmp_path / "mine.zip").read_bytes() == before


def test_secrets_are_not_in_it(place, tmp_path):
    (tmp_path / "password").write_text("hunter2-in-a-file\n")
    place.env |= {
        "EMAIL_HOST_PASSWORD_FILE": str(tmp_path / "password"),
        "EMAIL_HOST_USER": "me",
        "SITE_URL": "https://example.org",
    }
    parts = content(place.backup())
    text = b"".join(parts.values())
    assert b"hunter2-in-a-file" not in text
    assert place.env["SECRET_KEY"].encode() not in text
    assert place.url.encode() not in text
    settings = parts["settings.env"].decode().splitlines()
    assert {"EMAIL_HOST_USER=me", "SITE_URL=https://example.org", "DEBUG=1"} <= set(settings)
    assert json.loads(parts["manifest.json"])["secrets"] == ["DATABASE_URL", "EMAIL_HOST_PASSWORD", "SECRET_KEY"]


def test_every_setting_is_either_secret_or_not():
    """Whoever adds one decides here which it is."""
    from myweb.settings import env

    secret = {name for name in env.dump() if making._SECRET.search(name)}
    assert secret == {"DATABASE_URL", "EMAIL_HOST_PASSWORD", "SECRET_KEY"}


def test_directory_that_cannot_be_written(place):
    assert "/nowhere/at/all" in place.refused("backup", "/nowhere/at/all/backup.zip")


def test_full_disk(place):
    assert "Nothing was changed." in place.refused("backup", preexec_fn=small_files)
    assert place.backups == []
    assert place.leftovers() == []


def test_killed(place):
    kill = "import os, signal; from myweb.operations.backup import making; "
    kill += "making.finish = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL); "
    kill += "from django.core.management import call_command; call_command('backup')"
    place.python("manage.py", "shell", "--no-imports", "-c", kill)
    assert place.backups == []
    assert place.leftovers() != []
    place.manage("backup")
    assert len(place.backups) == 1
    assert place.leftovers() == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="is about SQLite")
def test_damaged_database(place):
    """No backup is made of it, so that none pushes out a good one; and whoever asks is told."""
    backup = place.backup()
    damage(place.database, "pages_text")
    assert "The database is damaged (" in place.refused("backup")
    assert place.backups == [backup]
    assert json.loads((place.var / "backups/integrity.json").read_text())["words"]
    assert place.leftovers() == []


def test_nothing_to_back_up(elsewhere):
    assert "run ./manage.py prepare" in elsewhere.refused("backup")
    assert elsewhere.backups == []


@pytest.mark.parametrize("kind", [(), ("--portable",)], ids=["native", "portable"])
def test_while_others_write(place, elsewhere, tmp_path, kind):
    """A backup has all that was acknowledged before it began, and of what came since nothing by halves."""
    writer = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", WRITE],
        **{"cwd": ROOT, "env": place.env, "text": True, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE},
    )
    try:
        for _ in range(5):
            before = int(writer.stdout.readline())
        path = place.backup(*kind, tmp_path / "backup.zip")
    finally:
        rest, _ = writer.communicate("stop\n", timeout=60)
    assert writer.returncode == 0, "a writer could not write"
    assert len(rest.split()) > 3
    elsewhere.manage("restore", path)
    numbers = sorted(int(text.split()[1]) for text in elsewhere.shell(TEXTS).splitlines())[
        3:
    ]  # three are the fixture's
    assert numbers[before:] != []
    rows = elsewhere.rows()
    assert len(rows["contact_delivery"]) == len(rows["contact_contactmessage"])


def test_one_at_a_time(place, tmp_path):
    (place.var / "run").mkdir(exist_ok=True)
    holder = (
        "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, place.var / "backup.lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holding:
        holding.stdout.readline()
        waiting = {}
        for command in ("backup", "clean_media"):
            errors = (tmp_path / command).open("w+")
            waiting[command] = subprocess.Popen(
                [sys.executable, "manage.py", command], cwd=ROOT, env=place.env, stdout=subprocess.PIPE, stderr=errors
            )
        for command, process in waiting.items():
            said = tmp_path / command
            wait_for(lambda said=said: "Waiting for another backup" in said.read_text(), f"{command} waits")
            assert process.poll() is None
        assert place.backups == []
        holding.communicate(b"\n")
    for process in waiting.values():
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert len(place.backups) == 1


class TestWhatIsKept:
    def kept(self, moments: list[datetime], now: datetime = NOW) -> list[datetime]:
        return sorted(keeping.to_keep(moments, now))

    def test_seven_daily_and_four_weekly(self):
        nights = [NOW - timedelta(days=number, hours=9) for number in range(100)]
        kept = self.kept(nights)
        # 2026-11-21 is a Saturday: the last four weeks ended on Sundays.
        assert kept == [nights[number] for number in (27, 20, 13, 6, 5, 4, 3, 2, 1, 0)]

    def test_many_nights_in_a_row(self):
        there: list[datetime] = []
        for number in range(60):
            now = NOW + timedelta(days=number)
            there = self.kept([*there, now], now)
            assert len(there) <= 12  # with the one of a day ago
        assert len(there) >= 10
        assert max(there) - min(there) >= timedelta(days=21)

    def test_all_of_the_last_day(self):
        moments = [NOW - timedelta(hours=number) for number in range(20)]
        assert self.kept(moments) == sorted(moments)

    def test_a_site_that_is_seldom_backed_up_loses_nothing(self):
        moments = [NOW - timedelta(days=100 * number) for number in range(4)]
        assert self.kept(moments) == sorted(moments)

    def test_only_ones_own_files_go(self, settings, tmp_path):
        settings.VAR = tmp_path
        directory = keeping.backups_directory()
        names = [f"myweb-{NOW - timedelta(days=number):%Y%m%dT%H%M%SZ}.zip" for number in range(40)]
        others = ["before-restore-20200101T000000Z.zip", "portable-20200101T000000Z.zip", "notes.txt", "myweb-old.zip"]
        for name in [*names, *others, ".myweb-20260101T000000Z.zip.part"]:
            (directory / name).touch()
        keeping.remove_old(NOW)
        left = {path.name for path in directory.iterdir()}
        assert set(others) <= left
        assert set(names[:7]) <= left
        assert len(left) == len(others) + 10

    def test_proven_ones_are_not_pushed_out(self, settings, tmp_path):
        settings.VAR = tmp_path
        proven = keeping.backups_directory() / f"myweb-{NOW - timedelta(days=90):%Y%m%dT%H%M%SZ}.zip"
        proven.touch()
        keeping.mark_of(proven).touch()
        for number in range(60):
            (proven.parent / f"myweb-{NOW - timedelta(days=number):%Y%m%dT%H%M%SZ}.zip").touch()
        keeping.remove_old(NOW)
        assert proven.exists()
        assert keeping.newest_proven() == proven
        assert len(list(proven.parent.glob("*.zip"))) == 11


def test_newest(settings, tmp_path):
    settings.VAR = tmp_path
    with pytest.raises(making.CommandError, match="There is no backup"):
        keeping.newest()
    for name in ("myweb-20251231T000000Z.zip", "myweb-20260101T000000Z.zip", "portable-20260102T000000Z.zip"):
        (keeping.backups_directory() / name).touch()
    os.utime(keeping.newest(), (0, time.time() - 10**6))
    assert keeping.newest().name == "myweb-20260101T000000Z.zip"


def test_backups_of_a_clock_that_was_ahead_are_none(settings, tmp_path):
    """They are the newest only if there is no other, and no other goes for them."""
    settings.VAR = tmp_path
    ahead = [NOW + timedelta(days=number) for number in range(365, 380)]
    nights = [NOW - timedelta(days=number) for number in range(40)]
    for moment in ahead:
        (keeping.backups_directory() / f"myweb-{moment:%Y%m%dT%H%M%SZ}.zip").touch()
    with time_machine.travel(NOW, tick=False):
        assert keeping.time_in_name(keeping.newest()) == ahead[-1]
        for moment in nights:
            (keeping.backups_directory() / f"myweb-{moment:%Y%m%dT%H%M%SZ}.zip").touch()
        assert keeping.time_in_name(keeping.newest()) == nights[0]
        keeping.remove_old(NOW)
    left = {keeping.time_in_name(path) for path in keeping.backups_directory().iterdir()}
    assert left == {*ahead, *keeping.to_keep(nights, NOW)}


def test_help_says_what_is_written(original: Place):
    assert "settings without secrets" in original.manage("backup", "--help")


def test_prove_and_portable_exclude_each_other(original):
    assert "not for --prove" in original.refused("backup", "--prove", "--portable")
