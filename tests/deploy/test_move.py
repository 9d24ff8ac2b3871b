"""A site moves while people write to it: from a server into containers, on SQLite and from there on PostgreSQL."""

import json
import re
import shlex
import subprocess

import pytest

from tests.contact.torture import open_forms
from tests.deploy.composed import Composed
from tests.deploy.upgrades import pages
from tests.operations.places import ROWS
from tests.server import PREFIX, Load, Server
from tests.site import ROOT, wait_for

pytestmark = [pytest.mark.docker, pytest.mark.server]

OPERATOR = (ROOT / "docs" / "operator.md").read_text()
SHELL = ("shell", "--verbosity", "0", "--no-imports", "--command", ROWS)
FILES = ("bash", "-c", "cd /var/lib/myweb/media && find . -type f -exec sha256sum {} +")
WRITTEN = {"contact_contactmessage", "contact_delivery"}  # by visitors, after the backup, too

Rows = dict[str, list[dict[str, object]]]


def rows(printed: str) -> Rows:
    return {table: [json.loads(row) for row in found] for table, found in json.loads(printed.splitlines()[-1]).items()}


def back_up(server: Server, *options: str) -> tuple[str, set[str]]:
    """Make a backup while people write; return its path, and the texts that were acknowledged before it began."""
    visitors = open_forms(server, 60)
    with Load(server, visitors) as load:
        wait_for(lambda: load.answered["message"] > 2, "people write")
        acknowledged = {visitor.text for visitor in visitors if visitor.thanks}
        path = server.manage("backup", *options).splitlines()[-1]
        then = load.answered["message"]
        wait_for(lambda: load.answered["message"] > then, "people go on writing")
    assert load.failures == []
    return path, acknowledged


def bring(server: Server, path: str, site: Composed) -> str:
    """Copy a backup into the containers with the documented command; return where it is there."""
    [command] = re.findall(r"^\| `(docker compose exec .*) <FILE >/dev/null`", OPERATOR, re.MULTILINE)
    copied = subprocess.run([*PREFIX, "cat", path], capture_output=True, check=True).stdout
    command = command.replace("docker compose", f"docker compose --project-name {site.project}")
    subprocess.run(shlex.split(command), cwd=site.directory, input=copied, capture_output=True, check=True)
    return command.split()[-1]


@pytest.mark.parametrize(("options", "target"), [([], "composed"), (["--portable"], "composed_on_postgresql")])
def test_every_row_and_file_is_there(server, request, options, target):
    site: Composed = request.getfixturevalue(target)
    path, acknowledged = back_up(server, *options)
    there, files = rows(server.manage(*SHELL)), server.run(*FILES).splitlines()

    said = site.execute("app", "manage.py", "restore", bring(server, path, site), "--replace")

    assert "Restored: " in said
    here = rows(site.execute("app", "manage.py", *SHELL))
    assert here.keys() == there.keys()
    for table, expected in there.items():
        # A newer release has more columns.
        found = [{name: row[name] for name in expected[0]} for row in here[table]] if expected else here[table]
        if table in WRITTEN:
            assert [row for row in found if row not in expected] == [], table
        else:
            assert sorted(map(repr, found)) == sorted(map(repr, expected)), table
    assert acknowledged <= {row["text"] for row in here["contact_contactmessage"]}
    assert set(files) <= set(site.execute("app", *FILES).splitlines())
    wait_for(lambda: shown(site) == shown(server), "visitors see the same pages")


def shown(site: Server | Composed) -> list[str]:
    return [re.sub(r"/static/[^\"]+", "", text).replace(site.url, "") for text in pages(site)]


def test_backups_can_be_taken_out(composed):
    """With the documented command."""
    [command] = re.findall(r"^\| `docker compose (cp [^`]+)`", OPERATOR, re.MULTILINE)
    composed.compose(*command.split())
    assert list((composed.directory / "backups").glob("myweb-*.zip"))
