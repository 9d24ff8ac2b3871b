"""A site on a server changes over to PostgreSQL, with everything in it."""

from collections.abc import Iterator

import pytest

from tests.contact.torture import open_forms
from tests.deploy.upgrades import lost, pages
from tests.server import SETTINGS, Server
from tests.site import wait_for

pytestmark = pytest.mark.server

URL = "postgres://%2Frun%2Fpostgresql/myweb"


@pytest.fixture(scope="module")
def on_sqlite(server) -> Iterator[Server]:
    settings = server.run("cat", SETTINGS)
    yield server
    server.write(SETTINGS, settings)
    server.install()


def test_database_that_is_not_there_changes_nothing(on_sqlite):
    before = on_sqlite.run("cat", SETTINGS), on_sqlite.run("systemctl", "show", "--property=MainPID", "myweb.service")
    on_sqlite.set(DATABASE_URL=URL)
    status, output = on_sqlite.try_to("/root/myweb/deploy/install")
    assert status == 1
    assert "The database of DATABASE_URL cannot be reached: " in output
    assert f"goes on with those that it had: correct {SETTINGS}" in output
    assert on_sqlite.get("/admin/login/").status == 200
    on_sqlite.write(SETTINGS, before[0])
    assert on_sqlite.run("systemctl", "show", "--property=MainPID", "myweb.service") == before[1]


def test_site_moves_to_postgresql(on_sqlite):
    server = on_sqlite
    visitors = open_forms(server, 2)
    assert visitors[0].send(server) == 302
    shown, archive = pages(server), server.manage("backup", "--portable").splitlines()[-1]
    server.run("/root/myweb/deploy/install_packages", "postgresql")
    server.run("systemctl", "enable", "--now", "postgresql.service")
    wait_for(lambda: server.try_to("pg_isready")[0] == 0, "PostgreSQL answers")
    commands = ("--command=CREATE ROLE myweb LOGIN", "--command=CREATE DATABASE myweb OWNER myweb")
    server.run("runuser", "-u", "postgres", "--", "psql", *commands)
    server.set(DATABASE_URL=URL)
    server.install()
    server.manage("restore", "--replace", archive)

    assert server.evaluate("__import__('django').db.connection.vendor") == "postgresql"
    wait_for(lambda: pages(server) == shown, "visitors see the same pages")
    assert visitors[1].send(server) == 302
    assert lost(server, visitors) == []
    server.run("systemctl", "start", "myweb-nightly.service")
    assert server.evaluate("BackupProof.objects.count()") == 1
    assert "Nothing had to be changed." in server.install()
