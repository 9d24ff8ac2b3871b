"""
What `manage.py work` does: whatever has to be done without anybody asking.

It keeps what is published up to date, and asks twice a second, in one query, whether anything else is due. What is due
is done by a process of its own, made for it by fork and gone when it is done. So a mail server that hangs, a large
photo or a lock holds up nobody, what breaks breaks alone, and none of them takes memory while there is nothing to do.
"""

import ctypes
import logging
import math
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import Any

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import connection, connections
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from myweb.contact import worker
from myweb.pages import upkeep
from myweb.publishing.following import Follower
from myweb.stopping import Stopping

logger = logging.getLogger(__name__)

PAUSE = 0.5  # seconds between two looks
BETWEEN_STARTS = 1  # seconds at least, for one job
AFTER_FAILURE = 5  # seconds
HOUR = 3600  # seconds

PR_SET_PDEATHSIG = 1  # linux/prctl.h

_fork = multiprocessing.get_context("fork")


class Job:
    """Something to do, by one process at a time: while one of `due` has a row, and again after `every` seconds."""

    def __init__(
        self, name: str, do: Callable[[], object], due: Iterable[QuerySet[Any]] = (), every: float = math.inf
    ) -> None:
        self.name, self.do, self.due, self.every = name, do, list(due), every
        self.process: multiprocessing.process.BaseProcess | None = None
        # In the seconds of time.monotonic(): when it may be begun if it is due, and when it is even if it is not.
        self._earliest, self._latest = 0.0, 0.0 if every < math.inf else math.inf

    def look(self, is_due: bool, stopping: Stopping) -> None:
        """Begin it, if its time has come and nobody is at it."""
        if self.process and self.process.is_alive():
            return
        now = time.monotonic()
        if self.process and self.process.exitcode:
            logger.error("%s: ended with %d; trying again", self.name, self.process.exitcode)
            self._earliest = self._latest = now + AFTER_FAILURE
        self.process = None
        if now >= self._latest or (is_due and now >= self._earliest):
            self._earliest, self._latest = now + BETWEEN_STARTS, now + self.every
            # Two processes cannot share a connection.
            connections.close_all()
            self.process = _fork.Process(target=self._run, args=[os.getpid(), stopping], name=self.name)
            self.process.start()

    def _run(self, parent: int, stopping: Stopping) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        # Also when the parent is killed
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if stopping.wait(0) or os.getppid() != parent:
            return
        try:
            self.do()
        except Exception:
            logger.exception("%s: failed", self.name)
            raise SystemExit(1) from None
        finally:
            connections.close_all()


class Question:
    """
    For each of several jobs, whether one of its querysets has a row.

    Written once, since that takes Django ten times as long as the database needs for the answer.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        columns = []
        self._parameters: list[Any] = []
        for job in jobs:
            conditions = []
            for queryset in job.due:
                try:
                    sql, parameters = queryset.query.exists().sql_with_params()
                except EmptyResultSet:
                    continue
                conditions.append(f"EXISTS ({sql})")
                self._parameters += parameters
            columns.append(" OR ".join(conditions) or "1 = 0")
        self._sql = f"SELECT {', '.join(columns)}"

    def ask(self) -> list[bool]:
        with connection.cursor() as cursor:
            cursor.execute(self._sql, self._parameters)
            return [bool(value) for value in cursor.fetchone()]


def jobs() -> list[Job]:
    """Return what there is to do on every site."""
    return [
        Job("pages whose time has come", upkeep.do_due, upkeep.due()),
        Job("files of pages", upkeep.complete, upkeep.unfinished(), every=HOUR),
        Job("mail", worker.deliver_all, worker.due()),
        *(Job(path, import_string(path), every=seconds) for path, seconds in settings.CLEANERS.items()),
    ]


class Work:
    """Looks at everything, until SIGTERM."""

    def __init__(self) -> None:
        self.jobs = jobs()
        self.follower = Follower()
        self._try_again: dict[str, float] = {}  # when, in the seconds of time.monotonic(), by what has failed

    def run(self) -> None:
        is_busy = False
        with Stopping() as stopping:
            while not stopping.wait(0 if is_busy else PAUSE):
                # Each by itself: whatever is wrong with one must not keep the other from being done.
                self._try(partial(self._begin_due, stopping), "what is due cannot be found out")
                is_busy = self._try(self.follower.step, "pages cannot be published")
                connection.close_if_unusable_or_obsolete()
            # A mail in hand is finished.
            processes = [job.process for job in self.jobs if job.process]
            for process in processes:
                process.terminate()
            for process in processes:
                process.join()

    @cached_property
    def _question(self) -> Question:
        return Question(self.jobs)

    def _begin_due(self, stopping: Stopping) -> None:
        for job, is_due in zip(self.jobs, self._question.ask(), strict=True):
            job.look(is_due, stopping)

    def _try(self, step: Callable[[], bool | None], failure: str) -> bool:
        if time.monotonic() < self._try_again.get(failure, 0):
            return False
        try:
            return bool(step())
        except Exception:
            logger.exception("%s; trying again", failure)
            self._try_again[failure] = time.monotonic() + AFTER_FAILURE
            return False
