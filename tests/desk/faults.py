"""Publishing on a real site, killed and out of room at every step, and what is live after it."""

import itertools
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from tests.publishing.site_tools import FOLLOWING, Server, Truth, Writer, living
from tests.site import Site, wait_for

WAYS = ["form", "list", "daemon"]
MORE_PAGES = 3
WORD = re.compile(r"w[0-9]+x")


class Publisher(Writer):
    """A process that publishes, or tries to: tests/desk/publisher.py."""

    script = "tests/desk/publisher.py"

    def value(self, name: str, **arguments: Any) -> Any:
        answer = self.ask(name, **arguments)
        assert "value" in answer, answer
        return answer["value"]

    def ask(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Return the whole answer, also that of a process that died."""
        self.begin(name, **arguments)
        return self.answer()


class Desk:
    """A site on which drafts are published, one word after another."""

    def __init__(self, truth: Truth, server: Server, publisher: Publisher) -> None:
        self.truth, self.server, self.publisher, self.site = truth, server, publisher, truth.site
        self.numbers = itertools.count(1)
        self.counts: Counter[str] = Counter()

    def attempt(self, way: str, **fault: Any) -> dict[str, Any]:
        """
        Publish with a fault, look at what is live, and publish again, as somebody does who was told nothing.

        `fault` is what tests/desk/publisher.py takes, or `room`: so many pages of 4 KiB are free on the site's disk.
        Returns what the first time came to: a "value", or at what it "died".
        """
        old, new = self.live(), f"w{next(self.numbers)}x"
        with self.held(way):
            prepared = self.publisher.value("prepare", way=way, word=new)
            with self.short_of(fault.pop("room", None)):
                outcome = self.publisher.ask("publish", way=way, prepared=prepared, **fault)
                assert "error" not in outcome, outcome["error"]
                live = self.live()
                assert live in (old, new)
                if way != "daemon":
                    self.look(live, new if live == old else old)
        self.counts["old" if live == old else "new"] += 1
        if outcome.get("value") == 302:
            assert live == new, "somebody was told that it is published"
        if way != "form":
            assert new in self.publisher.value("state")["found"], "a draft is lost"
        if way == "daemon":
            # It comes to it by itself.
            wait_for(lambda: self.live() == new, "the daemon publishes it")
        else:
            assert self.publisher.value("publish", way=way, prepared=prepared) == 302
            assert self.live() == new
        self.look(new, old)
        return outcome

    def kill_at_steps(self, way: str, first: int = 0, stride: int = 1) -> None:
        """Kill it at its steps, until there are no more."""
        for at in itertools.count(first, stride):
            if "died" not in self.attempt(way, fault="kill", at=at):
                break
            self.counts["killed"] += 1

    def fill_at_steps(self, way: str, first: int = 0, stride: int = 1) -> None:
        """Leave no room from a step on, until there are no more."""
        for at in itertools.count(first, stride):
            if at >= len(self.attempt(way, fault="full", at=at)["steps"]):
                break
            self.counts["filled"] += 1

    def kill_at_any_time(self, way: str, number: int) -> None:
        """Try so many times to kill it, at moments that are spread over the time that it takes."""
        shortest = min(self.attempt(way)["seconds"] for _time in range(5))
        for moment in range(1, number + 1):
            self.counts["killed"] += "died" in self.attempt(way, after=1.2 * shortest * moment / number)

    def leave_little_room(self, way: str) -> None:
        """Leave one page more each time, until it is published, and a few more."""
        published = 0
        for room in itertools.count():
            outcome = self.attempt(way, room=room)
            published += outcome["value"] in (302, None) and self.counts["new"] > 0
            self.counts["filled"] += 1
            if published > MORE_PAGES:
                break

    @contextmanager
    def short_of(self, room: int | None) -> Iterator[None]:
        if room is None:
            yield
            return
        ballast = self.site.var / "ballast"
        disk = os.statvfs(self.site.var)
        ballast.write_bytes(b"\0" * disk.f_frsize * max(0, disk.f_bavail - room))
        try:
            yield
        finally:
            ballast.unlink()

    def held(self, way: str) -> AbstractContextManager[None]:
        """Keep the site's own daemon from publishing what is due."""
        return self.server.without_follower() if way == "daemon" else nullcontext()

    def live(self) -> str:
        """Return the word that everything says that is live."""
        state = self.publisher.value("state")
        assert len(state["live"]) == 1, f"half of two: {state}"
        assert state["is a version"], state
        assert state["number of blocks"] == 2, state
        return str(state["live"][0])

    def look(self, live: str, other: str) -> None:
        """Ask as visitors do, who are shown nothing stale, and nothing of the other content."""
        self.truth.check(FOLLOWING, paths=["/sitemap.xml", "/", f"/{live}/", f"/{live}/team/", f"/{other}/"])
        for path in (f"/{live}/", f"/{live}/team/"):
            answer = self.site.get(path)
            assert (answer.status, set(WORD.findall(answer.text))) == (200, {live}), path
        # An address that was never public is 404, and one that was leads on.
        answer = self.site.get(f"/{other}/")
        is_older = int(other[1:-1]) < int(live[1:-1])
        assert answer.status == (301 if is_older else 404), other
        assert not is_older or answer.headers["Location"] == f"/{live}/"


@contextmanager
def desk(site: Site, *, is_small: bool = False, **environment: str) -> Iterator[Desk]:
    """Give a site like `site` that runs; `is_small`: on a disk of its own (root only)."""
    with living(site, **environment) as (other, truth), small_disk(other) if is_small else nullcontext():
        server = Server(other)
        with Publisher(other) as publisher:
            yield Desk(truth, server, publisher)
        server.stop()


@contextmanager
def small_disk(site: Site) -> Iterator[None]:
    """Put var/ on a file system in memory."""
    disk = site.directory / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=755", "tmpfs", disk], check=True)
    try:
        subprocess.run(["cp", "--archive", f"{site.var}/.", disk], check=True)
        subprocess.run(["mount", "--bind", disk, site.var], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", site.var], check=True)
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
