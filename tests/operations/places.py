"""Whole sites without servers: a var/ and a database, which commands are given to in processes of their own."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.contact.torture import postgres_database
from tests.site import FOREIGN, ROOT

# A bit of everything: a picture with renditions, an old version, a deleted row whose number must not come back
FILL = """
import reversion
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.models import Session
from django.utils import timezone
from myweb.accounts.models import LoginFailures, PasswordReset
from myweb.contact.models import ContactMessage, ContactSettings
from myweb.pages.models import Page, SiteSettings
from tests.factories import make_page, make_picture, make_text
with reversion.create_revision():
    home = make_page("Home", slug="")
    page = make_page("Lake 湖", slug="湖", language="zh-hans")
    hidden = make_page("Hidden", parent=page, is_published=False)
    make_text(page, '<p>A <a href="/">link</a>, \\\\ and tab.</p>')
    picture = make_picture(page)
picture.finish()
make_page("Gone").delete()  # leaves its address
SiteSettings.objects.create(name="Lake House")
ContactSettings.objects.create(recipients="me@example.org")
group = Group.objects.create(name="editors")
group.permissions.add(*Permission.objects.filter(codename="change_page"))
user = User.objects.create_user("owner", "me@example.org", "password")
user.groups.add(group)
user.user_permissions.add(Permission.objects.get(codename="view_backupproof"))
for number in range(4):
    message = ContactMessage.objects.create(name="N", email="v@example.org", subject="湖 👋", text=f"Text {number}",
        language="en", fingerprint=str(number))
    message.mail_to(["me@example.org"])
message.delete()
Session.objects.create(session_key="k", session_data="d", expire_date=timezone.now())
LoginFailures.objects.create(key="k", count=5)
PasswordReset.objects.create(language="en")
"""

ROWS = """
import json
from django.apps import apps
rows = {}
for model in apps.get_models(include_auto_created=True):
    # Those of accounts and sessions are not restored, and the last one is made anew.
    if model._meta.db_table not in ("accounts_loginfailures", "accounts_passwordreset", "django_session",
            "operations_backupproof", "publishing_generation"):
        rows[model._meta.db_table] = sorted(json.dumps(row, default=repr, sort_keys=True)
                                            for row in model._base_manager.values())
print(json.dumps(rows))
"""

NEXT_NUMBER = """
from myweb.contact.models import ContactMessage
print(ContactMessage.objects.create(name="N", email="v@example.org", text="T", language="en", fingerprint="next").pk)
"""


class Place:
    """A site at `var`, with the database at `url`."""

    def __init__(self, var: Path, url: str) -> None:
        self.var, self.url = var, url
        var.mkdir(parents=True, exist_ok=True)
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self.env |= {"DATABASE_URL": url, "MYWEB_VAR": str(var), "SECRET_KEY": "a-key-of-the-tests-" * 3, "DEBUG": "1"}

    @property
    def backups(self) -> list[Path]:
        return sorted((self.var / "backups").glob("*.zip"))

    def python(self, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            **{"cwd": ROOT, "env": self.env, "timeout": 120, "capture_output": True, "text": True, **options},
        )

    def manage(self, *arguments: object, **options: Any) -> str:
        """Run a command that has to succeed, and return what it prints."""
        done = self.python("manage.py", *arguments, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def migrate(self) -> None:
        """Make the tables of a new site."""
        if self.url.startswith("sqlite"):
            self.database.touch(mode=0o600)
        self.manage("migrate", "--verbosity=0")

    @property
    def database(self) -> Path:
        """SQLite's file."""
        return self.var / "db.sqlite3"

    def refused(self, *arguments: object, **options: Any) -> str:
        """Run a command that has to fail with one sentence, and return that."""
        done = self.python("manage.py", *arguments, **options)
        assert done.returncode == 1, done.stdout + done.stderr
        [*waiting, sentence] = done.stderr.strip().splitlines()
        assert not waiting
        kind, _colon, words = sentence.partition(": ")
        assert kind in ("CommandError", "Damaged"), sentence
        return words

    def shell(self, program: str) -> str:
        return self.manage("shell", "--no-imports", "-c", program)

    def backup(self, *arguments: object) -> Path:
        return Path(self.manage("backup", *arguments))

    def rows(self) -> dict[str, list[str]]:
        return json.loads(self.shell(ROWS))

    def files(self) -> dict[str, str]:
        media = self.var / "media"
        return {
            str(path.relative_to(media)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in media.rglob("*")
            if path.is_file()
        }

    def leftovers(self) -> list[str]:
        """Return what only a process that is running may have here."""
        return [str(path) for path in self.var.rglob("*") if path.name.endswith(".part") or path.name == "scratch"]


def damage(database: Path, table: str) -> None:
    """Write nonsense over the pages of SQLite's file that have the rows of `table`, but for the schema."""
    with closing(sqlite3.connect(database)) as raw:
        [root] = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]).fetchone()
        [size] = raw.execute("PRAGMA page_size").fetchone()
    with database.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * size)


@contextmanager
def empty_place(directory: Path, on_postgresql: bool) -> Iterator[Place]:
    if not on_postgresql:
        yield Place(directory, f"sqlite:///{directory}/db.sqlite3")
        return
    with postgres_database(os.environ["MYWEB_TEST_POSTGRES"]) as url:
        yield Place(directory, url)


@contextmanager
def copy_of(place: Place, directory: Path) -> Iterator[Place]:
    on_postgresql = place.url.startswith("postgres")
    shutil.copytree(place.var, directory)
    with empty_place(directory, on_postgresql) as copy:
        if on_postgresql:
            name, original = (urlsplit(url).path[1:] for url in (copy.url, place.url))
            with psycopg.connect(os.environ["MYWEB_TEST_POSTGRES"], autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name}")
                connection.execute(f"CREATE DATABASE {name} TEMPLATE {original}")
        yield copy
