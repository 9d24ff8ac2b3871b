"""What /metrics tells, in Prometheus' text format."""

from collections import Counter
from collections.abc import Iterator
from itertools import accumulate, product

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from myweb.contact.models import ContactMessage, Delivery, MailServer
from myweb.publishing.models import Generation
from myweb.publishing.publisher import publisher

from . import metrics
from .asking import answer
from .metrics import BOUNDS, BUCKETS, END, METHODS, PAGE, SECONDS, STATUSES
from .models import BackupProof

try:
    import uwsgi
except ImportError:  # tests and commands
    uwsgi = None

__all__ = ["CONTENT_TYPE_LATEST", "exposition"]


class SiteCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        yield from requests()
        if uwsgi:
            yield from workers()
        stored = answer(what_is_stored)
        yield GaugeMetricFamily(
            "myweb_database_up",
            "Whether the database answers. While it does not, mail, publishing and backup are left out.",
            stored is not None,
        )
        yield from stored or []


registry = CollectorRegistry()
registry.register(SiteCollector())


def exposition() -> bytes:
    return generate_latest(registry)


def requests() -> Iterator[Metric]:
    numbers = [sum(metrics.memory[cell::PAGE]) for cell in range(END)]
    by_status = CounterMetricFamily(
        "myweb_requests",
        "Requests that Django answered, without /healthz and /metrics. Nginx's access.log has all.",
        labels=["method", "status"],
    )
    for labels, number in zip(product(METHODS, STATUSES), numbers, strict=False):
        if number:
            by_status.add_metric(labels, number)
    yield by_status
    latency = HistogramMetricFamily("myweb_request_seconds", "The time that Django took for these requests.")
    bounds = [*(str(bound) for bound in BOUNDS), "+Inf"]
    latency.add_metric([], list(zip(bounds, accumulate(numbers[BUCKETS:]), strict=True)), numbers[SECONDS])
    yield latency


def workers() -> Iterator[Metric]:
    """What uWSGI knows of its workers, from its own memory: nobody has to be asked who might not answer."""
    processes = uwsgi.workers()
    states = Counter(process["status"].decode() for process in processes)
    by_state = GaugeMetricFamily(
        "myweb_uwsgi_workers", "Workers of uWSGI, of which one answers this request.", labels=["state"]
    )
    for state in {"busy", "idle", *states}:
        by_state.add_metric([state], states[state])
    yield by_state
    families: list[tuple[str, CounterMetricFamily | GaugeMetricFamily]] = [
        ("requests", CounterMetricFamily("myweb_uwsgi_requests", "All requests to a worker.", labels=["worker"])),
        ("exceptions", CounterMetricFamily("myweb_uwsgi_exceptions", "What Django did not catch.", labels=["worker"])),
        (
            "respawn_count",
            CounterMetricFamily("myweb_uwsgi_respawns", "Starts of a worker after the first.", labels=["worker"]),
        ),
        ("rss", GaugeMetricFamily("myweb_uwsgi_resident_bytes", "Memory after its last request.", labels=["worker"])),
    ]
    for key, family in families:
        for process in processes:
            family.add_metric([str(process["id"])], process[key])
        yield family
    yield GaugeMetricFamily(
        "myweb_uwsgi_listen_queue",
        "Requests that wait for a worker; always 0 for a Unix socket, of which Linux does not tell.",
        uwsgi.listen_queue(),
    )


def what_is_stored() -> list[Metric]:
    return [*mail(), *publishing(), *backup()]


def mail() -> Iterator[Metric]:
    waiting = [
        queryset.aggregate(number=Count("pk"), since=Min("created_at"))
        for queryset in (Delivery.objects.waiting(), ContactMessage.objects.without_deliveries())
    ]
    now = timezone.now()
    age = (now - min([kind["since"] for kind in waiting if kind["since"]], default=now)).total_seconds()
    yield GaugeMetricFamily(
        "myweb_mail_waiting", "Messages that have to be mailed.", sum(kind["number"] for kind in waiting)
    )
    yield GaugeMetricFamily("myweb_mail_oldest_waiting_seconds", "How long the oldest of them waits.", max(age, 0))
    yield GaugeMetricFamily(
        "myweb_mail_server_failing",
        "Whether the mail server failed when it was last tried.",
        MailServer.objects.filter(failures__gt=0).exists(),
    )


def publishing() -> Iterator[Metric]:
    generation, directory = Generation.load(), publisher().current
    yield GaugeMetricFamily(
        "myweb_publishing_generation",
        "Raised by every change of content; 0 while publishing is off.",
        generation.number if generation else 0,
    )
    yield GaugeMetricFamily(
        "myweb_publishing_current",
        "Whether Nginx serves this generation; if not for longer than a second, Django answers everything.",
        directory is not None and directory.generation == generation,
    )


def backup() -> Iterator[Metric]:
    last = BackupProof.load()
    yield GaugeMetricFamily(
        "myweb_backup_proven_timestamp_seconds",
        "When a backup was last proven to work; 0 for never.",
        last.proven_at.timestamp() if last else 0,
    )
