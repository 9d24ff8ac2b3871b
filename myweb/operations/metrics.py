"""
Counts requests for /metrics, in memory that uWSGI shares among its workers, a page for each: that takes neither a lock
nor a file. The files that prometheus_client has for several processes end a worker when the disk is full (SIGBUS).
"""

import time
from bisect import bisect_left
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from myweb.publishing.rendering import OWN

try:
    import uwsgi
except ImportError:  # tests and commands
    uwsgi = None

PAGE = 4096 // 8  # numbers
METHODS = ["GET", "HEAD", "POST", "other"]
STATUSES = ["1xx", "2xx", "3xx", "4xx", "5xx"]
BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]  # seconds; then uWSGI ends a request

# What a worker's page holds, one after the other
SECONDS = len(METHODS) * len(STATUSES)
BUCKETS = SECONDS + 1
END = BUCKETS + len(BOUNDS) + 1

UNCOUNTED = ("/healthz", "/metrics")


def shared_memory() -> "memoryview[float]":
    pages: memoryview
    try:
        pages = uwsgi.sharedarea_memoryview(0)
    except (AttributeError, ValueError):  # no uWSGI, or one that was started before there was a `sharedarea`
        pages = memoryview(bytearray(PAGE * 8))
    return pages.cast("d")


memory = shared_memory()


class MetricsMiddleware:
    """Counts the requests that Django answers, and how long it takes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self.get_response(request)
        if request.path not in UNCOUNTED and OWN not in request.META:
            count(request.method or "", response.status_code, time.perf_counter() - began)
        return response


def count(method: str, status: int, seconds: float) -> None:
    page = ((uwsgi.worker_id() - 1) * PAGE) % len(memory) if uwsgi else 0
    method = method if method in METHODS else "other"
    memory[page + METHODS.index(method) * len(STATUSES) + status // 100 - 1] += 1
    memory[page + SECONDS] += seconds
    memory[page + BUCKETS + bisect_left(BOUNDS, seconds)] += 1
