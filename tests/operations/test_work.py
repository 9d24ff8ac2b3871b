import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from myweb.contact.models import Delivery
from myweb.operations import work
from myweb.operations.work import Job, Question
from myweb.pages.models import Page
from myweb.stopping import Stopping
from tests import smtp
from tests.commands import environment_with
from tests.contact.conftest import database, mail_server
from tests.contact.factories import OWNER, make_message
from tests.factories import make_page
from tests.site import ROOT, alive, descendants, wait_for

__all__ = ["database", "mail_server"]

# Connections are closed that are in a transaction, as that of a test would be.
pytestmark = pytest.mark.django_db(transaction=True)


class TestQuestion:
    def test_it_works(self):
        jobs = [Job("pages", print, [Page.objects.none(), Page.objects.filter(title="Two")]), Job("never", print)]
        question = Question(jobs)
        assert question.ask() == [False, False]
        make_page("One")
        assert question.ask() == [False, False]
        make_page("Two")
        assert question.ask() == [True, False]

    def test_one_query_for_everything(self, django_assert_num_queries):
        question = Question(work.jobs())
        with django_assert_num_queries(1):
            assert not any(question.ask())


class TestJob:
    @pytest.fixture
    def stopping(self) -> Iterator[Stopping]:
        with Stopping() as stopping:
            yield stopping

    @pytest.fixture
    def file(self, tmp_path) -> Path:
        return tmp_path / "file"

    def end(self, job: Job) -> int | None:
        assert job.process
        job.process.join(30)
        return job.process.exitcode

    def test_it_works(self, stopping, file):
        job = Job("a job", file.touch)
        job.look(False, stopping)
        assert job.process is None
        job.look(True, stopping)
        assert self.end(job) == 0
        assert file.exists()

    def test_one_process_at_a_time(self, stopping, file):
        job = Job("a job", lambda: wait_for(file.exists, "it may end"))
        job.look(True, stopping)
        process = job.process
        job._earliest = 0
        job.look(True, stopping)
        assert job.process is process
        file.touch()
        assert self.end(job) == 0
        job.look(True, stopping)
        assert job.process is not process
        self.end(job)

    def test_without_being_due_it_is_done_once_and_then_in_time(self, stopping, file):
        job = Job("a job", file.touch, every=3600)
        job.look(False, stopping)
        assert self.end(job) == 0
        job.look(False, stopping)
        assert job.process is None
        job._latest = time.monotonic()
        job.look(False, stopping)
        assert self.end(job) == 0

    @pytest.mark.parametrize("end", [lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: 1 / 0])
    def test_one_that_ends_badly_is_noticed_and_tried_again(self, stopping, caplog, monkeypatch, end):
        monkeypatch.setattr(work, "AFTER_FAILURE", 0.01)
        job = Job("a job", end, every=3600)
        job.look(False, stopping)
        code = self.end(job)
        assert code in (1, -signal.SIGKILL)

        def is_tried_again() -> bool:
            job.look(False, stopping)
            return job.process is not None

        wait_for(is_tried_again, "it is tried again")
        assert f"a job: ended with {code}" in caplog.text
        self.end(job)

    def test_it_is_not_begun_anew_at_once(self, stopping, file):
        """Else what is due, and cannot be done, would be tried without end."""
        job = Job("a job", file.touch)
        job.look(True, stopping)
        assert self.end(job) == 0
        job.look(True, stopping)
        assert job.process is None

    def test_what_ends_it_while_it_begins_is_not_lost(self, stopping, file):
        stopping._event.set()
        job = Job("a job", file.touch)
        job.look(True, stopping)
        assert self.end(job) == 0
        assert not file.exists()


@pytest.mark.slow("processes of their own")
class TestWork:
    """In a process of its own, on the test's database."""

    @pytest.fixture
    def log(self, tmp_path) -> Path:
        return tmp_path / "log"

    @pytest.fixture
    def start(self, database, mail_server, tmp_path, log) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
        environment = environment_with(mail_server) | {"CONTACT_RECIPIENTS": OWNER}
        processes = []

        def start() -> subprocess.Popen[bytes]:
            command = [sys.executable, "manage.py", "work"]
            with log.open("ab") as file:
                processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, stderr=file))
            return processes[-1]

        yield start
        for process in processes:
            process.kill()
            process.wait()

    def test_it_works(self, start, mail_server):
        start()
        make_message()
        mail_server.wait_for(1)
        make_message()
        mail_server.wait_for(2)

    def test_a_mail_server_that_hangs_holds_up_nobody(self, start, mail_server):
        mail_server.failing = {"mail": smtp.SLOW}
        make_message()
        start()
        wait_for(lambda: mail_server.waiting, "a mail is in hand")
        page = make_page("Now", publish_from=timezone.now() + timedelta(seconds=1))
        assert not page.is_public
        wait_for(lambda: Page.objects.get().is_public, "the page appears")
        assert Delivery.objects.get().sent_at is None
        assert mail_server.waiting == 1
        mail_server.go_on()
        mail_server.wait_for(1)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_ends_after_the_mail_in_hand(self, start, mail_server, number):
        for _ in range(3):
            make_message()
        mail_server.failing = {"end": smtp.SLOW}
        process = start()
        wait_for(lambda: mail_server.waiting, "a mail is in hand")
        process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        mail_server.go_on()
        assert process.wait(10) == 0
        assert len(mail_server.received) == 1
        assert Delivery.objects.filter(sent_at=None).count() == 2

    def test_ends_at_once_when_there_is_nothing_to_do(self, start, mail_server):
        make_message()
        process = start()
        mail_server.wait_for(1)
        process.terminate()
        assert process.wait(5) == 0

    def test_what_was_begun_ends_after_the_mail_in_hand_when_the_process_is_killed(self, start, mail_server):
        for _ in range(3):
            make_message()
        mail_server.failing = {"end": smtp.SLOW}
        process = start()
        wait_for(lambda: mail_server.waiting, "a mail is in hand")
        below = descendants(process.pid)
        assert below
        process.kill()
        process.wait()
        mail_server.go_on()
        wait_for(lambda: not any(map(alive, below)), "all of it ends")
        assert len(mail_server.received) == 1
        assert Delivery.objects.filter(sent_at=None).count() == 2

    def test_dead_mailer_is_noticed(self, start, mail_server, log):
        make_message()
        mail_server.failing = {"mail": smtp.SLOW}
        process = start()
        wait_for(lambda: mail_server.waiting, "a mail is in hand")
        wait_for(lambda: len(descendants(process.pid)) == 1, "everything else is done")
        [mailer] = descendants(process.pid)
        os.kill(mailer, signal.SIGKILL)
        wait_for(lambda: "mail: ended with -9" in log.read_text(), "it says so")
        mail_server.failing = {}
        make_message()
        mail_server.wait_for(1)
        assert process.poll() is None

    def test_survives_a_database_that_fails(self, start, mail_server, log):
        make_message()
        process = start()
        mail_server.wait_for(1)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE contact_contactmessage RENAME TO gone")
        wait_for(lambda: "trying again" in log.read_text(), "it says so")
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO contact_contactmessage")
        make_message()
        mail_server.wait_for(2)
        assert process.poll() is None


def test_what_fails_does_not_keep_the_rest_from_being_done(monkeypatch, caplog):
    def fail(*arguments):
        raise DatabaseError("disk I/O error")

    worker, followed = work.Work(), []

    def follow() -> bool:
        followed.append(True)
        if len(followed) > 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return False

    monkeypatch.setattr(worker.follower, "step", follow)
    monkeypatch.setattr(Question, "ask", fail)
    worker.run()
    assert len(followed) == 2
    assert "disk I/O error" in caplog.text
