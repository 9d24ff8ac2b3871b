import os
import signal
import sqlite3
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from myweb.operations.doctor import site, uwsgi
from myweb.operations.models import BackupProof
from tests.operations.doctor import faults
from tests.operations.doctor.faults import fault, look
from tests.site import copy_directory, wait_for


@fault("clock", "The clock of this machine says .*, but the web server says .*timedatectl")
def clock_that_is_ahead(real):
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=10)):
        yield


@fault("clock", "The clock of this machine says 2001-01-01 .*, but the program's own files say")
def clock_that_was_reset(real):
    with time_machine.travel(datetime(2001, 1, 1, tzinfo=UTC)):
        yield


@fault("fresh pages", "Visitors get another home page than the one that is in the database")
def cache_in_front(proxy):
    proxy.answers["/"] = (200, {"Content-Type": "text/html"}, b"<p>The home page of last year")
    yield


@fault("fresh pages", "The published page / is another one than that in the database.*manage.py publish")
def page_that_somebody_edited(published_copy):
    for path in published_copy.glob("*/index.html"):
        path.write_text("<p>Edited by hand")
    yield


@fault("fresh pages", "Pages are not published: “Nothing is published, because the site was never started here")
def nothing_is_published(published_copy):
    (published_copy / "current").unlink()
    yield


@fault("fresh pages", "Pages are not published: “The site was started with other code or settings")
def site_runs_other_code(published_copy, monkeypatch):
    monkeypatch.setattr("myweb.publishing.publisher.own_release", lambda: "another")
    yield


@pytest.fixture
def published_copy(real, settings, tmp_path):
    """A copy of what is published, with a page at least."""
    real.get("/")
    copy_directory(real.var / "published", tmp_path / "published")
    settings.PUBLISHED_ROOT = tmp_path / "published"
    return settings.PUBLISHED_ROOT


@contextmanager
def stopped():
    """The daemon hangs."""
    [process] = wait_for(uwsgi.daemons, "it runs")
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


@fault("daemon", "“manage.py work” does not run, though uWSGI should see to it. Restart uWSGI")
def daemon_hangs(real):
    with stopped():
        yield


@fault("daemon", "1 pages should have appeared or disappeared, but did not")
def page_stays_due(copied_database):
    with closing(sqlite3.connect(copied_database)) as other, other:
        other.execute("UPDATE pages_page SET publish_until = '2001-01-01' WHERE path = '/'")
    yield


@fault("backup", "No backup of this site was ever proven to work.*manage.py backup")
def no_backup(monkeypatch):
    monkeypatch.setattr(site, "is_new_site", lambda: False)
    yield


@fault("backup", "The last backup that was proven to work is 3 days old")
def old_backup():
    time = timezone.now() - timedelta(days=3, hours=1)
    BackupProof.objects.create(name="old.zip", made_at=time, proven_at=time)
    yield


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("row", faults.rows(__name__))
def test_fault_is_found(row, request):
    faults.check(row, request)


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no clock of its own")
def test_clock_of_the_database_server():
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=10)):
        finding = look("clock")
    assert finding.state is faults.State.FAILED
    assert "but the database server says" in finding.sentence


@pytest.mark.nginx
def test_uwsgi_elsewhere_is_no_fault(real, settings, tmp_path):
    settings.VAR = tmp_path
    assert look("daemon").state is faults.State.NOT_CHECKED
