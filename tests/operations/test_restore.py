import json
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection

from tests.operations.places import NEXT_NUMBER, copy_of, damage, empty_place
from tests.site import ROOT

pytestmark = pytest.mark.slow("whole sites are backed up and restored")

on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="is about SQLite")

CHANGE = """
from myweb.pages.models import Page
from myweb.contact.models import ContactMessage
Page.objects.filter(slug="湖").update(title="Changed")
ContactMessage.objects.create(name="N", email="v@example.org", text="Since", language="en", fingerprint="since")
"""


def change(place) -> None:
    """What happened after the backup."""
    place.shell(CHANGE)
    (place.var / "media" / "pictures" / "new.jpg").write_bytes(b"new")


def without_dates(rows):
    return {table: rows[table] for table in rows if table != "django_migrations"}


def test_it_works_where_nothing_is(original, backup, elsewhere):
    said = elsewhere.manage("restore", backup)
    assert "with 3 pages, 3 messages and " in said
    assert ("restart uWSGI there" in said) == (connection.vendor == "postgresql")
    assert elsewhere.rows() == original.rows()
    assert elsewhere.files() == original.files()
    assert elsewhere.leftovers() == []
    assert elsewhere.backups == []
    # Nginx can read the files, and nobody else the database.
    files = [path for path in (elsewhere.var / "media").rglob("*") if path.is_file()]
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o644"}
    assert {oct(path.stat().st_mode & 0o777) for path in elsewhere.var.glob("db.*")} <= {"0o600"}
    # The number of a deleted row is not given again.
    assert elsewhere.shell(NEXT_NUMBER) == "5"


def test_it_works_in_a_migrated_site(original, backup, elsewhere):
    elsewhere.migrate()
    elsewhere.shell("from myweb.accounts.models import SetupToken; SetupToken.renew()")
    elsewhere.manage("restore", backup)
    assert elsewhere.rows() == original.rows()


def test_site_in_use_is_not_replaced_unasked(place, backup):
    before = place.rows()
    assert "With --replace, what it has is saved to a backup" in place.refused("restore", backup)
    assert place.rows() == before


def test_replaced_site_is_saved_first(original, place, backup, elsewhere):
    change(place)
    (place.var / "run").mkdir(exist_ok=True)
    reload = place.var / "run" / "reload"
    reload.touch()
    before = reload.stat().st_mtime_ns
    rows, files = place.rows(), place.files()
    said = place.manage("restore", backup, "--replace")
    assert reload.stat().st_mtime_ns > before  # uWSGI's workers know the old numbers of content types
    assert place.rows() == original.rows()
    assert original.files().items() <= place.files().items()
    # Everybody is logged out, and nobody gets a mail that was asked for before.
    assert place.shell("from django.contrib.sessions.models import Session; print(Session.objects.count())") == "0"
    asked = "from myweb.accounts.models import *; print(PasswordReset.objects.count(), LoginFailures.objects.count())"
    assert place.shell(asked) == "0 0"
    [saved] = place.backups
    assert str(saved) in said
    elsewhere.manage("restore", saved)
    assert elsewhere.rows() == rows
    assert elsewhere.files() == files


def test_secrets_and_settings_are_named(original, tmp_path, elsewhere):
    original.env |= {"EMAIL_HOST_PASSWORD": "hunter2hunter2", "EMAIL_HOST": "mail.example.org"}
    try:
        path = original.backup(tmp_path / "b.zip")
    finally:
        del original.env["EMAIL_HOST_PASSWORD"], original.env["EMAIL_HOST"]
    said = elsewhere.manage("restore", path)
    assert "have to be set again: EMAIL_HOST_PASSWORD, SECRET_KEY" not in said
    assert "have to be set again: EMAIL_HOST_PASSWORD." in said
    assert "The secret key is not in a backup either." in said
    assert "Settings that were different there: EMAIL_HOST=mail.example.org" in said


# What is not restored


def edited(backup: Path, path: Path, **changes) -> Path:
    """Write a copy of a backup whose manifest says something else."""
    with zipfile.ZipFile(backup) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "manifest.json":
                content = json.dumps(json.loads(content) | changes)
            new.writestr(name, content)
    return path


def manifest(backup: Path) -> dict:
    with zipfile.ZipFile(backup) as archive:
        return json.loads(archive.read("manifest.json"))


def assert_changes_nothing(place, path, *words) -> None:
    rows, files = place.rows(), place.files()
    sentence = place.refused("restore", path, "--replace")
    for word in words:
        assert word in sentence
    assert place.rows() == rows
    assert place.files() == files
    assert place.leftovers() == []
    assert place.backups == []


def test_newer_release(place, backup, tmp_path):
    migrations = manifest(backup)["migrations"]
    migrations["pages"].append("0099_more")
    newer = edited(backup, tmp_path / "newer.zip", migrations=migrations, version="9.0.0")
    assert_changes_nothing(place, newer, "newer release, 9.0.0", "pages.0099_more", "Install that release first.")


def test_rows_are_missing(place, backup, tmp_path):
    counts = manifest(backup)["counts"] | {"contact_delivery": 7}
    path = edited(backup, tmp_path / "counts.zip", counts=counts)
    assert_changes_nothing(place, path, "is damaged", "database.", "3 rows in contact_delivery instead of 7")


def test_damaged_file(place, backup, tmp_path):
    [name] = [name for name in manifest(backup)["parts"] if name.startswith("media/pictures/")]
    path = tmp_path / "damaged.zip"
    content = bytearray(backup.read_bytes())
    with zipfile.ZipFile(backup) as archive:
        content[archive.getinfo(name).header_offset + 1000] ^= 1
    path.write_bytes(content)
    assert_changes_nothing(place, path, "is damaged", name)


def test_missing_backup(place):
    assert place.refused("restore", "/nowhere.zip") == "There is no /nowhere.zip."


def test_disk_that_is_too_small(place, backup, tmp_path):
    parts = manifest(backup)["parts"]
    large = 10**18
    database = next(name for name in parts if name.startswith("database."))
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(backup) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "manifest.json":
                parts[database]["size"] = large
                content = json.dumps(json.loads(content) | {"parts": parts})
            new.writestr(name, content)
        new.getinfo(database).file_size = large
    assert_changes_nothing(place, path, "needs ", "PB in ")


@on_sqlite
@pytest.mark.parametrize("what", ["table", "file"])
def test_site_with_a_damaged_database(original, place, backup, what):
    """It is put aside, and what it has of visitors since the backup is taken over, as far as it can be read."""
    number = place.shell(NEXT_NUMBER)
    if what == "table":
        damage(place.database, "pages_text")
    else:
        place.database.write_bytes(b"nonsense" * 1000)
    damaged = place.database.read_bytes()
    assert "This site's database is damaged (" in place.refused("restore", backup)
    said = place.manage("restore", backup, "--replace")
    [kept] = place.var.glob("db.sqlite3.damaged-*Z")
    assert f"The damaged database is in {kept}," in said
    assert kept.read_bytes() == damaged
    assert oct(place.database.stat().st_mode & 0o777) == "0o600"
    rows, expected = place.rows(), original.rows()
    new = [row for row in rows.pop("contact_contactmessage") if row not in expected["contact_contactmessage"]]
    assert [json.loads(row)["id"] for row in new] == ([int(number)] if what == "table" else [])
    del expected["contact_contactmessage"]
    assert rows == expected
    assert place.leftovers() == []


@on_sqlite
def test_messages_are_taken_over_past_what_cannot_be_read(place, backup):
    write = "from tests.contact.factories import make_message\nfor number in range(400): make_message(text='x' * 500)"
    place.shell(write)
    everything = place.shell("from myweb.contact.models import ContactMessage as M; print(M.objects.count())")
    with closing(sqlite3.connect(place.database)) as raw:
        pages = raw.execute(
            "SELECT pageno FROM dbstat WHERE name = 'contact_contactmessage' AND pagetype = 'leaf' ORDER BY path"
        ).fetchall()
    with place.database.open("r+b") as file:
        file.seek((pages[len(pages) // 2][0] - 1) * 4096)
        file.write(b"\xa5" * 4096)
    said = place.manage("restore", backup, "--replace")
    [taken_over] = re.findall(r"(\d+) messages that came after the backup were taken over", said)
    assert int(everything) - 20 < int(taken_over) + 3 < int(everything)


@on_sqlite
@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no second file system here")
def test_damaged_database_on_another_disk(original, place, backup):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        elsewhere = Path(directory, "db.sqlite3")
        shutil.copyfile(place.database, elsewhere)
        place.env["DATABASE_URL"] = f"sqlite:///{elsewhere}"
        damage(elsewhere, "pages_text")
        place.manage("restore", backup, "--replace")
        assert place.rows() == original.rows()
        assert len(list(Path(directory).iterdir())) == 2  # with the damaged one


@on_sqlite
def test_site_whose_database_is_gone(original, place, backup):
    place.database.unlink()
    assert "There is no database at" in place.refused("backup")
    sentence = place.refused("prepare")
    assert "is gone, and this is not a new site." in sentence
    assert "restore" in sentence
    assert "unable to open database file" in place.python("manage.py", "migrate").stderr
    assert not place.database.exists()
    place.manage("restore", backup)
    assert place.rows() == original.rows()


@on_sqlite
def test_begin_anew(place):
    place.database.unlink()
    place.manage("prepare", "--new", "--verbosity=0")
    assert (
        place.shell("from myweb.pages.models import SiteSettings; print(SiteSettings.objects.get())")
        == "Far Hills 远山"
    )


@on_sqlite
def test_site_that_is_not_migrated(place, backup):
    with sqlite3.connect(place.var / "db.sqlite3") as database:
        database.execute("DELETE FROM django_migrations WHERE app = 'operations'")
    assert place.refused("restore", backup, "--replace").endswith("run ./manage.py migrate first.")


def test_older_release_is_migrated(original, place, elsewhere, tmp_path):
    """As if this app had come since."""
    place.manage("migrate", "operations", "zero", "--verbosity=0")
    older = place.backup(tmp_path / "older.zip")
    assert "operations" not in manifest(older)["migrations"]
    elsewhere.manage("restore", older)
    assert without_dates(elsewhere.rows()) == without_dates(original.rows())


def test_portable_of_an_older_release_is_migrated(original, elsewhere, tmp_path):
    backup = original.backup("--portable", tmp_path / "portable.zip")
    migrations = manifest(backup)["migrations"]
    counts = manifest(backup)["counts"]
    del migrations["operations"], counts["operations_backupproof"]
    older = edited(backup, tmp_path / "older.zip", migrations=migrations, counts=counts)
    elsewhere.manage("restore", older)
    assert without_dates(elsewhere.rows()) == without_dates(original.rows())


def test_portable_needs_a_migrated_site(place):
    place.manage("migrate", "operations", "zero", "--verbosity=0")
    assert place.refused("backup", "--portable").endswith("run ./manage.py migrate first.")
    assert place.backups == []


# Killed

KILL = """
import os, signal, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "myweb.settings"
import django
django.setup()
from myweb.operations.backup import archive, dialects, making, restoring, scratch
owner, name, times = {point}
function, calls = getattr(owner, name), []
def killing(*arguments, **options):
    result = function(*arguments, **options)
    calls.append(1)
    if len(calls) >= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(owner, name, killing)
from django.core.management import call_command
call_command("restore", sys.argv[1], "--replace")
"""


@pytest.mark.parametrize(
    ("point", "is_restored"),
    [
        ("scratch.ScratchDatabase, '_check', 1", False),  # loaded beside the site
        ("archive.Archive, 'extract', 2", False),  # some uploads are there
        ("dialects, 'dump', 1", False),  # the old site is not saved completely
        ("making, 'finish', 1", False),  # it is
        ("dialects, 'raise_sequences', 1", False),  # all rows are there, but not committed
        ("restoring, 'reload_workers', 1", True),  # after the commit
    ],
)
def test_killed(original, place, backup, point, is_restored):
    change(place)
    for path in (place.var / "media" / "__processed__").rglob("*.webp"):
        path.unlink()
    rows, files = place.rows(), place.files()
    done = place.python("-c", KILL.format(point=point), backup)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert place.rows() == (original.rows() if is_restored else rows)
    assert files.items() <= place.files().items()
    assert int(place.shell(NEXT_NUMBER)) > 4  # it works
    place.manage("restore", backup, "--replace")
    assert place.rows() == original.rows()
    assert original.files().items() <= place.files().items()
    place.backup()
    assert place.leftovers() == []


def small_files() -> None:
    """As on a full disk, but for the words: no file may become longer than this."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_full_disk(place, backup):
    change(place)
    rows, files = place.rows(), place.files()
    sentence = place.refused("restore", backup, "--replace", preexec_fn=small_files)
    assert "Nothing was changed." in sentence
    assert place.rows() == rows
    assert place.files() == files
    assert place.backups == []
    assert place.leftovers() == []


def test_writers_wait_and_nothing_acknowledged_is_lost(place, backup, elsewhere):
    """What is stored while a site is replaced is in the backup of the old site, or in the new one."""
    writer = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", WRITE],
        **{"cwd": ROOT, "env": place.env, "text": True, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE},
    )
    assert writer.stdout.readline() == "0\n"
    place.manage("restore", backup, "--replace")
    lines, _ = writer.communicate("stop\n", timeout=60)
    assert writer.returncode == 0
    acknowledged = {"Text 0", *(f"Text {number}" for number in lines.split())}
    elsewhere.manage("restore", place.backups[0])
    stored = {text for there in (elsewhere, place) for text in there.shell(TEXTS).splitlines()}
    assert len(acknowledged) > 5
    assert acknowledged <= stored


TEXTS = """
from myweb.contact.models import ContactMessage
print(*ContactMessage.objects.values_list("text", flat=True), sep="\\n")
"""

WRITE = """
import select, sys
from django.db import transaction
from myweb.contact.models import ContactMessage
number = 0
while not select.select([sys.stdin], [], [], 0.01)[0]:
    with transaction.atomic():
        message = ContactMessage.objects.create(name="N", email="v@example.org", text=f"Text {number}", language="en",
            fingerprint=f"writer {number}")
        message.mail_to(["me@example.org"])
    print(number, flush=True)
    number += 1
"""


# To and from the other database


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs both databases")
def test_portable_there_and_back(original, elsewhere, tmp_path):
    with empty_place(tmp_path / "sqlite", on_postgresql=False) as sqlite:
        there = original.backup("--portable")
        sqlite.manage("restore", there)
        assert without_dates(sqlite.rows()) == without_dates(original.rows())
        assert sqlite.files() == original.files()
        back = sqlite.backup("--portable")
        elsewhere.manage("restore", back)
        assert without_dates(elsewhere.rows()) == without_dates(original.rows())
        assert elsewhere.files() == original.files()
        assert elsewhere.shell(NEXT_NUMBER) == sqlite.shell(NEXT_NUMBER) == "5"
        there.unlink()


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs both databases")
def test_backup_of_the_other_database(original, backup, tmp_path):
    with empty_place(tmp_path / "sqlite", on_postgresql=False) as sqlite:
        assert "manage.py backup --portable" in sqlite.refused("restore", backup)


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="is about PostgreSQL")
def test_role_that_may_make_no_schema(original, backup, tmp_path):
    with copy_of(original, tmp_path / "var") as place:
        name = urlsplit(place.url).path[1:]
        with psycopg.connect(place.url, autocommit=True) as admin:
            admin.execute("CREATE ROLE myweb_limited LOGIN")
            try:
                admin.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO myweb_limited")
                place.env["DATABASE_URL"] = place.url.replace("//myweb@", "//myweb_limited@")
                sentence = place.refused("restore", backup, "--replace")
            finally:
                admin.execute("DROP OWNED BY myweb_limited")
                admin.execute("DROP ROLE myweb_limited")
    assert sentence.endswith(f'type: GRANT CREATE ON DATABASE "{name}" TO "myweb_limited";')


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="is about PostgreSQL")
@pytest.mark.parametrize(("command", "program"), [("backup", "pg_dump"), ("restore", "pg_restore")])
def test_programs_of_postgresql_are_missing(place, backup, command, program):
    place.env["PATH"] = "/nowhere"
    arguments = ["restore", backup, "--replace"] if command == "restore" else ["backup"]
    assert place.refused(*arguments) == f"There is no {program} here: install the package postgresql-client."
    assert place.leftovers() == []
