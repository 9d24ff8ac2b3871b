"""The database is damaged or lost, and comes back, while visitors go on writing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.contact.torture import Visitor, open_forms, sql
from tests.operations.places import damage
from tests.site import Site, wait_for

pytestmark = pytest.mark.nginx


@pytest.fixture
def running(site) -> Site:
    with site.sibling(EMAIL_HOST="", CONTACT_RECIPIENTS="") as other:
        yield other.start()


def messages(site: Site) -> set[str]:
    return {text for (text,) in sql(site, "SELECT text FROM contact_contactmessage")}


def backup(site: Site) -> Path:
    done = site.manage("backup")
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


class Writing:
    """Visitors who write, three at a time, for as long as this is open; each tries until thanked."""

    def __init__(self, site: Site, visitors: list[Visitor]) -> None:
        self.site, self.visitors = site, iter(visitors)
        self.thanked: list[str] = []
        self.statuses: set[int] = set()
        self._ends = threading.Event()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(3)

    def _write(self) -> None:
        while not self._ends.is_set():
            with self._lock:
                visitor = next(self.visitors, None)
            if visitor is None:
                return
            while not visitor.thanks and not self._ends.is_set():
                self.statuses.add(visitor.send(self.site))
            if visitor.thanks:
                self.thanked.append(visitor.text)
                self._ends.wait(0.2)

    def __enter__(self) -> "Writing":
        self._futures = [self._pool.submit(self._write) for _number in range(3)]
        wait_for(lambda: len(self.thanked) > 5, "visitors write")
        return self

    def __exit__(self, *error: object) -> None:
        self._ends.set()
        self._pool.shutdown()
        for future in self._futures:
            future.result()


def test_damaged_database_is_replaced_while_visitors_write(running):
    archive = backup(running)
    visitors = open_forms(running, 120)
    with Writing(running, visitors) as writing:
        damage(running.var / "db.sqlite3", "pages_text")
        before = len(writing.thanked)
        wait_for(lambda: len(writing.thanked) > before + 5, "visitors go on writing")
        assert running.manage("backup").returncode == 1
        restored = running.manage("restore", str(archive), "--replace")
        assert restored.returncode == 0, restored.stderr
        after = len(writing.thanked)
        wait_for(lambda: len(writing.thanked) > after + 5, "visitors write into the new database")
    assert set(writing.thanked) <= messages(running)
    assert writing.statuses <= {302, 503}
    assert running.get("/", Cookie="sessionid=x").status == 200
    done = running.manage("verify_published")
    assert done.returncode == 0, done.stdout
    assert running.manage("backup").returncode == 0


def test_lost_database_is_not_made_anew(running):
    archive = backup(running)
    [visitor] = open_forms(running, 1)
    running.get("/")
    (running.var / "db.sqlite3").unlink()
    assert running.get("/").status == 200  # the file that Nginx has
    assert running.get("/healthz").status == 503
    assert visitor.send(running) == 503
    running.reload()
    assert running.get("/healthz").status == 503
    assert not (running.var / "db.sqlite3").exists()
    said = running.manage("doctor").stdout
    assert "There is no database at" in said.replace("\n", " ")
    assert "restore" in said
    restored = running.manage("restore", str(archive))
    assert restored.returncode == 0, restored.stderr
    wait_for(lambda: running.get("/healthz").status == 200, "the site works again")
    assert visitor.send(running) == 302
    assert visitor.text in messages(running)
