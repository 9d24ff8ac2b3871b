"""
A site made by the release before drafts and versions (bb8d60f), with what it had of everything.

before_the_desk has its backups: sqlite.zip and portable.zip of one site, postgresql.zip of one that was filled alike.
"""

import json
import sqlite3
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from tests.operations.places import Place

pytestmark = pytest.mark.slow("whole sites are restored and migrated")

BACKUPS = Path(__file__).with_name("before_the_desk")
NATIVE = BACKUPS / f"{connection.vendor}.zip"
PORTABLE = BACKUPS / "portable.zip"
# Filled by migrations, or made anew
GROWS = {"auth_permission", "django_content_type", "django_migrations"}
NOT_RESTORED = {"accounts_loginfailures", "accounts_passwordreset", "django_session", "publishing_generation"}

LOOK = """
import json
from django.db import connection
from django.test import Client
from myweb.contact.models import Delivery
from myweb.desk.deletion import deleted_pages
from myweb.desk.models import Version
from myweb.pages.models import Page
from myweb.pages.upkeep import do_due

client = Client(headers={"host": "localhost"})
answers = {path: client.get(path).status_code for path in Page.objects.values_list("path", flat=True)}
due = {page.path: [str(page.publish_from)[:4], str(page.publish_until)[:4]] for page in Page.objects.order_by("path")}
do_due()
history = [
    [version.said["fields"]["title"], version.number, version.author and version.author.username, version.comment,
        len(version.said["blocks"])]
    for version in Version.objects.filter(model="pages.page", event="published").order_by("created_at", "pk")
]
with connection.cursor() as cursor:
    counts = {}
    for table in connection.introspection.table_names(cursor):
        cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")
        [counts[table]] = cursor.fetchone()
print(json.dumps({
    "answers": answers, "due": due, "counts": counts, "history": history,
    "after": {path: client.get(path).status_code for path in answers},
    "deleted": [version.said["fields"]["title"] for version in deleted_pages()],
    "deliveries": Delivery.objects.count(),
}))
"""

BRING_BACK = """
from django.contrib.auth.models import User
from django.test import Client
from myweb.desk.deletion import deleted_pages
client = Client(headers={"host": "localhost"})
client.force_login(User.objects.get(username="anna"), "django.contrib.auth.backends.ModelBackend")
[version] = deleted_pages()
client.post(f"/admin/pages/page/deleted/{version.pk}/")
print("Deleted words" in Client(headers={"host": "localhost"}).get("/gone/").content.decode())
"""


def in_place(place: Place) -> None:
    """What an upgrade finds, and does."""
    with zipfile.ZipFile(NATIVE) as archive:
        archive.extractall(place.var, [name for name in archive.namelist() if name.startswith(("media/", "d"))])
    if connection.vendor == "sqlite":
        dump = next(place.var.glob("database.*"))
        dump.rename(place.database)
        place.database.chmod(0o600)
    else:
        command = [
            "pg_restore",
            "--clean",
            "--if-exists",
            "--no-owner",
            "--dbname",
            place.url,
            str(place.var / "database.pgdump"),
        ]
        subprocess.run(command, check=True, timeout=60, capture_output=True)
    place.manage("migrate", "--verbosity=0")


def restored(place: Place) -> None:
    place.manage("restore", NATIVE)


def restored_from_portable(place: Place) -> None:
    place.manage("restore", PORTABLE)


@pytest.fixture(params=[in_place, restored, restored_from_portable], ids=lambda way: way.__name__)
def upgraded(request, elsewhere) -> Iterator[tuple[Place, Path]]:
    request.param(elsewhere)
    return elsewhere, PORTABLE if request.param is restored_from_portable else NATIVE


def counts_of(backup: Path) -> dict[str, int]:
    with zipfile.ZipFile(backup) as archive:
        return json.loads(archive.read("manifest.json"))["counts"]


def test_every_row_address_schedule_and_version_is_there(upgraded):
    place, backup = upgraded
    seen = json.loads(place.shell(LOOK))
    counts = {table: count for table, count in counts_of(backup).items() if table not in GROWS | NOT_RESTORED}
    assert counts["pages_page"] == 7
    assert counts["reversion_version"] > 10
    assert {table: seen["counts"][table] for table in counts} == counts
    public = {"/": 200, "/湖/": 200, "/湖/house/": 200, "/until/": 200}
    assert seen["answers"] == {**public, "/soon/": 404, "/due/": 404, "/湖/hidden/": 404}
    assert seen["after"] == {**seen["answers"], "/due/": 200}
    assert {path: years for path, years in seen["due"].items() if years != ["None", "None"]} == {
        "/due/": ["2026", "None"],
        "/soon/": ["2100", "None"],
        "/until/": ["None", "2100"],
    }
    assert seen["deleted"] == ["Gone"]
    assert ["Lake 湖", 1, "anna", "Begun.", 1] in seen["history"]
    assert ["Lake 湖", 2, "ben", "", 1] in seen["history"]
    assert ["House", 1, "anna", "Begun.", 1] in seen["history"]
    assert seen["deliveries"] == counts["contact_delivery"]
    assert place.shell(BRING_BACK) == "True"


def test_proof_of_the_old_backup_passes(elsewhere):
    elsewhere.migrate()
    assert elsewhere.manage("backup", "--prove", NATIVE).startswith("Proven: ")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's file")
def test_every_value_is_what_it_was(elsewhere, tmp_path):
    in_place(elsewhere)
    with zipfile.ZipFile(NATIVE) as archive:
        [name] = (name for name in archive.namelist() if name.startswith("database."))
        old = Path(archive.extract(name, tmp_path))
    with closing(sqlite3.connect(old)) as before, closing(sqlite3.connect(elsewhere.database)) as after:
        tables = [table for [table] in before.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert len(tables) > 20
        for table in tables:
            if table in ("sqlite_sequence", "publishing_generation"):
                continue
            columns = ", ".join(f'"{row[1]}"' for row in before.execute(f'PRAGMA table_info("{table}")'))
            was, now = (set(site.execute(f'SELECT {columns} FROM "{table}"')) for site in (before, after))
            assert was <= now, table
