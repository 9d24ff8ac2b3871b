import contextlib
import http.client
import json
import sqlite3
import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, connections
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from myweb.contact.models import ContactMessage, Delivery, MailServer
from myweb.operations import asking, exposition, metrics
from myweb.operations.models import BackupProof
from myweb.publishing import rendering
from myweb.publishing.models import Generation
from tests.contact.factories import make_message
from tests.deploy.conftest import echoing
from tests.site import own_address, wait_for


def parse(text: str) -> dict[tuple[str, ...], float]:
    """Return the samples, each by its name and the values of its labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def ask(client):
    """Ask as Nginx does for somebody who may."""

    def ask():
        response = client.get("/metrics", MYWEB_STRANGER="0")
        assert response.status_code == 200
        return parse(response.content.decode())

    return ask


@pytest.fixture
def memory(monkeypatch):
    """The pages of three workers."""
    memory = memoryview(bytearray(3 * metrics.PAGE * 8)).cast("d")
    monkeypatch.setattr(metrics, "memory", memory)
    return memory


@pytest.mark.django_db(transaction=True)
def test_it_works(ask):
    assert ask()["myweb_database_up",] == 1


@pytest.mark.django_db(transaction=True)
def test_answer_is_not_kept(client):
    response = client.get("/metrics", MYWEB_STRANGER="0")
    assert response["Content-Type"].startswith("text/plain; version=")
    assert "no-store" in response["Cache-Control"]
    assert "Cookie" not in response["Vary"]
    assert not response.cookies


@pytest.mark.django_db
@pytest.mark.parametrize("environ", [{}, {"MYWEB_STRANGER": "1"}, {"HTTP_MYWEB_STRANGER": "0"}])
def test_strangers_are_not_told(client, home, environ):
    assert client.get("/metrics", **environ).status_code == 404


# Requests


@pytest.mark.django_db
def test_requests_are_counted(client, home, memory):
    client.get("/")
    client.get("/nothing/")
    client.post("/nothing/")
    client.generic("FOO", "/nothing/")
    client.get("/healthz")
    found = parse_families(exposition.requests())
    assert {name[1:]: value for name, value in found.items() if name[0] == "myweb_requests_total"} == {
        ("GET", "2xx"): 1,
        ("GET", "4xx"): 1,
        ("POST", "4xx"): 1,
        ("other", "4xx"): 1,
    }
    assert found["myweb_request_seconds_count",] == 4
    assert 0 < found["myweb_request_seconds_sum",] < 60


def parse_families(families) -> dict[tuple[str, ...], float]:
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_what_the_site_asks_of_itself_is_not_counted(ask, home, memory):
    assert rendering.render("/").status_code == 200
    rendering.headers.cache_clear()
    assert rendering.headers()
    assert ask()["myweb_request_seconds_count",] == 0


def test_exceptions_are_counted(client, memory, monkeypatch):
    client.raise_request_exception = False
    monkeypatch.setattr("myweb.operations.exposition.generate_latest", lambda registry: 1 / 0)
    monkeypatch.setattr("myweb.operations.metrics.UNCOUNTED", ())
    client.get("/metrics", MYWEB_STRANGER="0")
    assert parse_families(exposition.requests())["myweb_requests_total", "GET", "5xx"] == 1


def test_latency(memory):
    for seconds in (0.001, 0.005, 0.3, 0.4, 75):
        metrics.count("GET", 200, seconds)
    found = parse_families(exposition.requests())
    buckets = {name[1]: value for name, value in found.items() if name[0] == "myweb_request_seconds_bucket"}
    assert (buckets["0.005"], buckets["0.25"], buckets["0.5"], buckets["60"], buckets["+Inf"]) == (2, 2, 4, 4, 5)


class UWSGI:
    """What uWSGI says in its third worker."""

    @staticmethod
    def worker_id() -> int:
        return 3


def test_workers_are_added_up(memory, monkeypatch):
    metrics.count("GET", 200, 1)
    monkeypatch.setattr(metrics, "uwsgi", UWSGI)
    metrics.count("GET", 200, 1)
    assert len([number for number in memory if number]) == 6
    assert parse_families(exposition.requests())["myweb_requests_total", "GET", "2xx"] == 2


def test_one_page_for_all_workers(memory, monkeypatch):
    """As with an uWSGI that was started by an older release."""
    monkeypatch.setattr(metrics, "memory", memory[: metrics.PAGE])
    monkeypatch.setattr(metrics, "uwsgi", UWSGI)
    metrics.count("GET", 200, 1)
    assert parse_families(exposition.requests())["myweb_requests_total", "GET", "2xx"] == 1


# Mail

MAIL = ("myweb_mail_waiting",), ("myweb_mail_oldest_waiting_seconds",), ("myweb_mail_server_failing",)


@pytest.mark.django_db(transaction=True)
def test_no_mail(ask):
    found = ask()
    assert [found[name] for name in MAIL] == [0, 0, 0]


@pytest.mark.django_db(transaction=True)
def test_mail_that_waits(ask):
    hour_ago = timezone.now() - timedelta(hours=1)
    make_message()
    make_message("a@example.org", "b@example.org")
    Delivery.objects.filter(recipient="a@example.org").update(created_at=hour_ago)
    Delivery.objects.filter(recipient="b@example.org").update(sent_at=hour_ago)
    MailServer.objects.create(failures=2)
    found = ask()
    assert found["myweb_mail_waiting",] == 2
    assert 3600 <= found["myweb_mail_oldest_waiting_seconds",] < 3700
    assert found["myweb_mail_server_failing",] == 1


@pytest.mark.django_db(transaction=True)
def test_messages_that_nobody_is_named_for_wait_too(ask):
    make_message().deliveries.all().delete()
    make_message(spam_reason=ContactMessage.Spam.HONEYPOT)
    ContactMessage.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    found = ask()
    assert found["myweb_mail_waiting",] == 1
    assert found["myweb_mail_oldest_waiting_seconds",] >= 60


@pytest.mark.django_db(transaction=True)
def test_publishing(ask, settings, tmp_path):
    settings.PUBLISHED_ROOT = tmp_path
    Generation.objects.update_or_create(defaults={"number": 1_800_000_000, "token": "one", "is_on": True})
    found = ask()
    assert found["myweb_publishing_generation",] == 1_800_000_000
    assert found["myweb_publishing_current",] == 0
    (tmp_path / "current").symlink_to("1800000000-one-release")
    assert ask()["myweb_publishing_current",] == 1
    Generation.objects.update(is_on=False)
    found = ask()
    assert found["myweb_publishing_generation",] == found["myweb_publishing_current",] == 0


@pytest.mark.django_db(transaction=True)
def test_backup(ask):
    assert ask()["myweb_backup_proven_timestamp_seconds",] == 0
    proven_at = timezone.now()
    BackupProof.objects.create(name="one.zip", made_at=proven_at, proven_at=proven_at)
    assert ask()["myweb_backup_proven_timestamp_seconds",] == proven_at.timestamp()


# Without the database


def test_database_is_unreachable(ask, monkeypatch):
    def refuse(self):
        raise DatabaseError("no such server")

    monkeypatch.setattr(connections["default"].__class__, "cursor", refuse)
    found = ask()
    assert found["myweb_database_up",] == 0
    assert "myweb_request_seconds_count" in {name[0] for name in found}
    assert "myweb_mail_waiting" not in {name[0] for name in found}


def test_database_is_silent(ask, monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr(asking, "PATIENCE", 0.01)
    monkeypatch.setattr(exposition, "what_is_stored", lambda: answered.wait(30))
    assert ask()["myweb_database_up",] == 0
    answered.set()


# The real site


def scrape(site) -> dict[tuple[str, ...], float]:
    response = site.get("/metrics")
    assert response.status == 200
    assert "Set-Cookie" not in response.headers
    assert "no-store" in response.headers["Cache-Control"]
    return parse(response.text)


@pytest.mark.nginx
def test_on_the_real_site(site):
    before = scrape(site)
    for _ in range(20):
        site.get("/no-such-page/")
    site.get("/healthz")
    after = scrape(site)
    name = "myweb_requests_total", "GET", "4xx"
    assert after[name] - before.get(name, 0) == 20
    assert after["myweb_request_seconds_count",] - before["myweb_request_seconds_count",] == 20
    stats = site.stats()
    workers = {str(worker["id"]): worker for worker in stats["workers"]}
    assert sum(value for name, value in after.items() if name[0] == "myweb_uwsgi_workers") == len(workers)
    assert after["myweb_uwsgi_workers", "busy"] >= 1
    assert after["myweb_uwsgi_listen_queue",] == 0
    for number, worker in workers.items():
        assert after["myweb_uwsgi_respawns_total", number] == worker["respawn_count"] - 1
        assert 0 <= after["myweb_uwsgi_requests_total", number] <= worker["requests"]
        assert after["myweb_uwsgi_exceptions_total", number] == 0
    assert max(after["myweb_uwsgi_resident_bytes", number] for number in workers) > 10_000_000


@pytest.mark.nginx
def test_locked_database(site):
    with contextlib.closing(sqlite3.connect(site.var / "db.sqlite3", timeout=30)) as other:
        other.execute("BEGIN EXCLUSIVE")
        found = scrape(site)
        assert found["myweb_database_up",] == 0
        assert "myweb_uwsgi_listen_queue" in {name[0] for name in found}
        other.rollback()
    wait_for(lambda: scrape(site)["myweb_database_up",] == 1, "the database answers again")


@pytest.mark.nginx
def test_counts_outlive_a_worker(site):
    with site.sibling() as other:
        other.start()
        other.get("/no-such-page/")
        other.reload()
        assert scrape(other)["myweb_requests_total", "GET", "4xx"] == 1


@pytest.mark.nginx
@pytest.mark.parametrize("forwarded_for", ["198.51.100.7", "127.0.0.1", "::1", "127.0.0.1, 198.51.100.7", "nonsense"])
def test_stranger_behind_a_proxy(site, forwarded_for):
    assert site.get("/metrics", X_Forwarded_For=forwarded_for).status == 404


@pytest.mark.nginx
def test_stranger(site):
    connection = http.client.HTTPConnection("127.0.0.1", site.port, source_address=("127.0.0.2", 0))
    connection.request("GET", "/metrics", headers={"MYWEB-STRANGER": "0", "X-Forwarded-For": "127.0.0.1"})
    response = connection.getresponse()
    assert response.status == 404
    request_id = response.headers["X-Request-ID"]
    connection.close()
    wait_for(lambda: request_id in site.log("access.log"), "the stranger is in the log", 5)


def is_stranger(site, **headers: str) -> bool:
    return {"0": False, "1": True}[json.loads(site.get("/", **headers).text)["MYWEB_STRANGER"]]


@pytest.mark.nginx
def test_proxy_on_this_machine_that_is_not_trusted(site):
    with echoing(site, TRUSTED_PROXIES="192.0.2.1") as echo:
        assert not is_stranger(echo)
        for name in ("X_Forwarded_For", "Forwarded", "Via"):
            assert is_stranger(echo, **{name: "127.0.0.1"})


@pytest.mark.nginx
def test_proxy_that_is_allowed_but_not_trusted(site):
    """It may ask, but not for visitors, as a proxy on the host of a container does."""
    address = own_address()
    with echoing(site, MYWEB_LISTEN="0.0.0.0", SITE_URL=f"http://{address}", METRICS_ALLOW=address) as echo:
        echo.address = address
        assert is_stranger(echo, X_Forwarded_For="198.51.100.7")
        assert not is_stranger(echo)


@pytest.mark.nginx
def test_others_that_are_allowed(site):
    with echoing(site, METRICS_ALLOW="198.51.100.0/24,::1") as echo:
        assert is_stranger(echo)
        assert not is_stranger(echo, X_Forwarded_For="198.51.100.7")
        assert is_stranger(echo, X_Forwarded_For="198.51.101.7")
        assert is_stranger(echo, X_Forwarded_For="198.51.100.7, 203.0.113.9")
