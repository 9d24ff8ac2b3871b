import os
import re
import sqlite3
import struct
from contextlib import closing

import psycopg
import pytest
from django.conf import settings as site_settings
from django.db import connection

from myweb.operations.backup import integrity
from myweb.operations.doctor import database
from tests.operations.doctor import faults
from tests.operations.doctor.faults import fault, look
from tests.operations.doctor.servers import talking
from tests.operations.places import damage
from tests.site import free_port


@pytest.fixture
def server(monkeypatch, patience):
    """Return a function that says where the database server is to be looked for."""

    def use(port: int, host: str = "127.0.0.1") -> None:
        there = {"HOST": host, "PORT": port, "USER": "lake", "PASSWORD": "open-sesame", "NAME": "lake"}
        defaults = {**site_settings.DATABASES["default"], "OPTIONS": {"connect_timeout": 1, "sslmode": "disable"}}
        engine = {"ENGINE": "django.db.backends.postgresql"}
        monkeypatch.setitem(site_settings.DATABASES, "default", {**defaults, **engine, **there})

    return use


@fault("database", "There is no database at .*nowhere.sqlite3.* If it is lost: .*restore FILE --replace")
def missing_file(db_of, tmp_path):
    db_of(tmp_path / "nowhere.sqlite3")
    yield
    assert not (tmp_path / "nowhere.sqlite3").exists()


@fault("database", "does not let this site in: “file is not a database”")
def damaged_file(db_of, tmp_path):
    (tmp_path / "db.sqlite3").write_text("This is no database.\n" * 1000)
    db_of(tmp_path / "db.sqlite3")
    yield


@fault("database", r"127.0.0.1, port \d+, refuses connections .* so the database server is down")
def server_is_down(server):
    server(free_port())
    yield


@fault("database", r"The name db.invalid does not resolve|No name server tells the address of db.invalid")
def name_of_the_server(server):
    server(5432, "db.invalid")
    yield


@fault("database", "does not let this site in: .*Check DATABASE_URL")
def server_is_something_else(server):
    with talking(b"SSH-2.0-OpenSSH_9.2\r\n") as port:
        server(port)
        yield


def refusal(words: str) -> bytes:
    """Return what PostgreSQL says before it hangs up."""
    fields = f"SFATAL\0VFATAL\0C53300\0M{words}\0\0".encode()
    return b"E" + struct.pack("!i", len(fields) + 4) + fields


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (
            "sorry, too many clients already",
            "Nothing is wrong with DATABASE_URL: end what else .* max_connections",
        ),
        ("remaining connection slots are reserved for roles with the SUPERUSER attribute", "raise max_connections"),
        ('too many connections for role "lake"', "raise max_connections"),
        ("the database system is starting up", "wait a minute"),
        ('password authentication failed for user "lake"', "Correct the password in DATABASE_URL"),
        ('no pg_hba.conf entry for host "192.0.2.1", user "lake"', "pg_hba.conf"),
        ('database "lake" does not exist', "Check DATABASE_URL"),
    ],
)
def test_refusal_of_the_server(server, words, fix):
    with talking(b"", answer=refusal(words)) as port:
        server(port)
        finding = look("database")
    assert words in finding.sentence
    assert re.search(fix, finding.fix)


@pytest.fixture
def role(monkeypatch):
    """A role without rights, as which the probes come; returns a function that runs a statement about it."""
    with psycopg.connect(os.environ["MYWEB_TEST_POSTGRES"], dbname=connection.settings_dict["NAME"]) as other:
        other.autocommit = True
        other.execute("CREATE ROLE lake")
        options = {"OPTIONS": {"options": "-c role=lake"}}
        monkeypatch.setitem(site_settings.DATABASES, "default", {**site_settings.DATABASES["default"], **options})
        try:
            yield other.execute
        finally:
            other.execute("DROP OWNED BY lake")
            other.execute("DROP ROLE lake")


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no roles")
def test_role_without_create(role):
    database, schema = connection.settings_dict["NAME"], "GRANT CREATE ON SCHEMA public TO lake"
    finding = look("rights in the database")
    assert finding.sentence == "The role lake may not make schemas: backups cannot be proven or restored."
    assert f'GRANT CREATE ON DATABASE "{database}" TO "lake"' in finding.fix
    role(f'GRANT CREATE ON DATABASE "{database}" TO lake')
    finding = look("rights in the database")
    assert finding.sentence == "The role lake may not make tables: the next version cannot be installed."
    role(schema)
    assert look("rights in the database").state is faults.State.OK


@fault("writing to the database", "held the database locked for more than 0.3 seconds")
def locked(copied_database, monkeypatch):
    monkeypatch.setattr(database, "LOCK", 0.3)
    with closing(sqlite3.connect(copied_database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with database.impatient():
            yield


@fault("database", "There is no database at .*db.sqlite3.*restore FILE --replace")
def empty_file(db_of, tmp_path):
    (tmp_path / "db.sqlite3").touch()
    db_of(tmp_path / "db.sqlite3")
    yield


@fault("writing to the database", "tables of the database are missing.*manage.py prepare. If there was.*restore FILE")
def empty(db_of, tmp_path):
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as other:
        other.execute("PRAGMA user_version = 1")
    db_of(tmp_path / "db.sqlite3")
    yield


@fault("integrity of the database", "The database is damaged: .*End deploy/up.*restore .*kept aside.*Publish or delete")
def damaged_table(copied_database):
    damage(copied_database, "pages_text")
    yield


@fault("integrity of the database", "The database is damaged: “row 1 missing from index”")
def damage_that_a_backup_saw(copied_database, tmp_path, settings):
    settings.VAR = tmp_path
    integrity.remember("row 1 missing from index")
    yield


@fault("migrations", "[0-9]+ migrations of the database are missing, the first is contact.0001_initial")
def migration_is_missing(copied_database):
    with closing(sqlite3.connect(copied_database)) as other, other:
        other.execute("DELETE FROM django_migrations WHERE app = 'contact'")
    yield


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("row", faults.rows(__name__))
def test_fault_is_found(row, request):
    faults.check(row, request)


def rows_of(path) -> list[str]:
    with closing(sqlite3.connect(path)) as other:
        return list(other.iterdump())


@pytest.mark.nginx
def test_nothing_is_changed(copied_database):
    before = rows_of(copied_database)
    for name in ("database", "writing to the database", "migrations"):
        assert look(name).state is faults.State.OK
    assert rows_of(copied_database) == before


@pytest.mark.nginx
def test_files_of_somebody_else(site):
    """Run by the site's user, whom rights concern, unlike root."""
    with site.sibling() as other:
        (other.var / "db.sqlite3").chmod(0o444)
        (other.var / "secret_key").chmod(0o444)
        for directory in (other.var / "media", other.var):
            directory.chmod(0o555)
        (other.var / "backups").mkdir(mode=0o700)
        result = other.manage("doctor")
        other.var.chmod(0o755)
    assert "database can be read, but not written: “attempt to write a readonly database”" in result.stdout
    assert "may not write in " in result.stdout
    if os.geteuid() == 0:
        assert re.search(f"{other.var}/backups is not for the site's user .*chown -R", result.stdout, re.DOTALL)
    assert f"Everybody on this machine may read {other.var / 'secret_key'}" in result.stdout
    assert result.returncode == 1


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no standby server")
def test_standby_server(monkeypatch):
    options = {"OPTIONS": {"options": "-c default_transaction_read_only=on"}}
    monkeypatch.setitem(site_settings.DATABASES, "default", {**site_settings.DATABASES["default"], **options})
    finding = look("writing to the database")
    assert "read-only transaction" in finding.sentence
    assert "standby" in finding.fix
