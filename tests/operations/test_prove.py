import re
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from myweb.operations.backup import integrity
from myweb.operations.models import BackupProof
from myweb.tables import Table, tables
from tests.operations.places import copy_of
from tests.operations.test_restore import edited, manifest

pytestmark = pytest.mark.slow("whole sites are backed up and restored")

PROOFS = """
from myweb.operations.models import BackupProof
print(*(f"{proof.name} {proof.proven_at.isoformat()}" for proof in BackupProof.objects.all()))
"""


def test_it_works(place):
    path = place.backup()
    rows, files = place.rows(), place.files()
    said = place.manage("backup", "--prove", path)
    assert said.startswith(f"Proven: {path}, made at ")
    assert said.endswith(f"3 pages and {len(files)} files.")
    assert place.shell(PROOFS).startswith(f"{path.name} ")
    assert (place.rows(), place.files()) == (rows, files)
    assert place.leftovers() == []
    assert (path.parent / f"{path.name}.proven").exists()
    # Proving the same one again is no news.
    before = place.shell(PROOFS)
    place.manage("backup", "--prove")
    assert place.shell(PROOFS) == before


def test_proof_that_is_broken_off_takes_no_proof_away(place):
    """It says nothing about the backup."""
    path = place.backup()
    place.manage("backup", "--prove")
    (place.var / "scratch").touch()  # where a directory has to be made
    place.python("manage.py", "backup", "--prove")
    assert (path.parent / f"{path.name}.proven").exists()


def test_long_path(original):
    """The path of a socket may have 100 bytes, and the scratch database has a site's directory, too."""
    with tempfile.TemporaryDirectory() as directory:
        longest = 100 - len("/run/uwsgi.sock")
        with copy_of(original, Path(directory) / ("v" * (longest - len(directory) - 1))) as place:
            place.backup()
            assert place.manage("backup", "--prove").startswith("Proven: ")


def test_portable(place):
    place.manage("backup", "--prove", place.backup("--portable"))
    assert place.shell(PROOFS).startswith("portable-")


def test_nothing_to_prove(elsewhere):
    assert "make one with ./manage.py backup" in elsewhere.refused("backup", "--prove")


def test_file_of_a_row_is_missing(place):
    [picture] = (place.var / "media" / "pictures").iterdir()
    picture.unlink()
    place.manage("backup")
    sentence = place.refused("backup", "--prove")
    assert not list(place.var.glob("backups/*.proven"))
    assert sentence == f"pages.Picture 1 refers to the file pictures/{picture.name}, which is not in the backup."
    assert place.shell(PROOFS) == ""


def test_rendition_is_missing(place):
    next((place.var / "media" / "__processed__").rglob("*.avif")).unlink()
    place.manage("backup")
    assert "refers to the file __processed__/" in place.refused("backup", "--prove")


def test_damaged(place, tmp_path):
    path = tmp_path / "cut.zip"
    path.write_bytes(place.backup().read_bytes()[:-1000])
    assert "is damaged" in place.refused("backup", "--prove", path)
    assert place.shell(PROOFS) == ""


def test_rows_are_missing(place, backup, tmp_path):
    counts = manifest(backup)["counts"] | {"pages_page": 30}
    path = edited(backup, tmp_path / "counts.zip", counts=counts)
    assert "3 rows in pages_page instead of 30" in place.refused("backup", "--prove", path)


@pytest.mark.parametrize("slug", ["湖", "hidden"])
def test_page_that_cannot_be_shown(place, slug):
    place.shell(
        "from myweb.pages.models import Page; from myweb.pages.blocks.picture import Picture;"
        f"Picture.objects.update(renditions={{'source': None}}, parent=Page.objects.get(slug='{slug}'))"
    )
    place.manage("backup")
    sentence = place.refused("backup", "--prove")
    assert re.search(rf"^The page /湖/({slug}/)? ?cannot be shown: ", sentence)
    assert place.shell(PROOFS) == ""


class TestInTheAdmin:
    """On its first page."""

    pytestmark = pytest.mark.django_db

    def page(self, client) -> str:
        html = client.get("/admin/").content.decode()
        return " ".join(re.sub(r"<[^>]+>", " ", html).split())

    @pytest.fixture(autouse=True)
    def no_mail_fault(self, settings):
        settings.EMAIL_HOST, settings.CONTACT_RECIPIENTS = "mail.example.org", ["me@example.org"]

    @pytest.fixture
    def old_site(self, db):
        MigrationRecorder.Migration.objects.update(applied=timezone.now() - timedelta(days=2, minutes=1))

    def prove(self, **ago):
        BackupProof.record("myweb.zip", timezone.now())
        BackupProof.objects.update(proven_at=timezone.now() - timedelta(**ago))

    def test_new_site(self, admin_client):
        assert "backup" not in self.page(admin_client)

    def test_no_backup(self, admin_client, old_site):
        text = self.page(admin_client)
        assert "There is no proven backup of this site." in text
        assert "“./manage.py backup && ./manage.py backup --prove”" in text.replace("&amp;", "&")

    def test_fresh_backup(self, admin_client, old_site):
        self.prove(days=1, hours=23)
        text = self.page(admin_client)
        assert "Last proven backup: " in text
        assert "two days" not in text

    def test_damaged_database(self, admin_client, settings, tmp_path):
        settings.VAR = tmp_path
        integrity.remember("row 1 missing from index")
        assert "database is damaged, so no new backup can be made" in self.page(admin_client)

    def test_old_backup(self, admin_client):
        self.prove(days=2, minutes=1)
        assert "more than two days ago" in self.page(admin_client)

    def test_chinese(self, admin_client, old_site):
        client = admin_client
        client.defaults["HTTP_ACCEPT_LANGUAGE"] = "zh-hans"
        assert "没有经过验证的备份" in self.page(client)
        self.prove(days=3)
        assert "两天" in self.page(client)
        self.prove(hours=1)
        assert "最近一次经过验证的备份" in self.page(client)

    @pytest.mark.parametrize("may_see", [False, True])
    def test_is_for_those_who_may_know(self, client, old_site, may_see):
        editor = User.objects.create_user("editor", password="password", is_staff=True)
        if may_see:
            editor.user_permissions.add(Permission.objects.get(codename="view_backupproof"))
        client.force_login(editor)
        assert ("proven backup" in self.page(client)) is may_see

    def test_an_older_backup_does_not_replace_a_newer_one(self, db):
        BackupProof.record("new.zip", timezone.now())
        BackupProof.record("old.zip", timezone.now() - timedelta(days=1))
        assert [proof.name for proof in BackupProof.objects.all()] == ["new.zip"]

    @pytest.mark.parametrize("name", ["made_at", "proven_at"])
    def test_proof_of_a_clock_that_was_ahead_is_none(self, admin_client, old_site, name):
        BackupProof.record("ahead.zip", timezone.now())
        BackupProof.objects.update(**{name: timezone.now() + timedelta(days=365)})
        assert "There is no proven backup of this site." in self.page(admin_client)
        BackupProof.record("new.zip", timezone.now())
        assert [proof.name for proof in BackupProof.objects.all()] == ["new.zip"]
        assert "Last proven backup: " in self.page(admin_client)

    def test_site_that_was_made_while_the_clock_was_ahead_is_not_new(self, admin_client):
        MigrationRecorder.Migration.objects.update(applied=timezone.now() + timedelta(days=365))
        assert "There is no proven backup of this site." in self.page(admin_client)

    def test_it_is_no_content(self):
        assert BackupProof._meta.db_table in tables(Table.NOT_SHOWN)
