"""Whatever is done, and in whatever order: visitors are answered what the site would answer now."""

import itertools
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, nullcontext
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from tests import thinking
from tests.publishing.site_tools import (
    ALWAYS,
    FOLLOWING,
    Admin,
    Answer,
    Crowd,
    Server,
    Truth,
    Visitor,
    Writer,
    copy_database,
    current_of,
    is_publishing,
    living,
    put_back,
)
from tests.site import Site, wait_for

pytestmark = pytest.mark.nginx

NUMBERS = st.integers(0, 9)
SLUGS = st.sampled_from(["a", "b", "页面"])
MENUS = st.sampled_from(["", "main", "footer"])
WRITES = ["save", "update", "bulk", "raw", "many", "text", "bulk_create", "settings", "refused", "nothing_visible"]
OWN = ["own", "published"]
CHANGES = st.sampled_from(["text", "text", "more", "fewer", "order", "title", "description"])
PROGRAMS = st.lists(
    st.recursive(
        st.sampled_from([*WRITES, *OWN]),
        lambda inner: st.tuples(
            st.sampled_from(["atomic", "savepoint", "raw", "declared"]),
            st.lists(inner, min_size=1, max_size=3),
            st.booleans(),
        ),
        max_leaves=6,
    ),
    min_size=1,
    max_size=3,
)


class Editing(RuleBasedStateMachine):
    """Everything that changes content; after each step every address is asked for."""

    def __init__(self, truth: Truth, other: Writer) -> None:
        super().__init__()
        self.truth, self.other = truth, other

    def do(self, name: str, **arguments: Any) -> None:
        self.truth.writer.do(name, **arguments)
        self.truth.check()

    @initialize()
    def begin(self) -> None:
        self.do("reset")

    @rule(slug=SLUGS, menu=MENUS, below=st.none() | NUMBERS, language=st.sampled_from(["", "zh-hans"]))
    def create(self, **arguments: Any) -> None:
        self.do("create", **arguments)

    @rule(page=NUMBERS, slug=SLUGS)
    def rename(self, **arguments: Any) -> None:
        self.do("rename", **arguments)

    @rule(page=NUMBERS, below=st.none() | NUMBERS)
    def move(self, **arguments: Any) -> None:
        self.do("move", **arguments)

    @rule(page=NUMBERS, is_published=st.booleans())
    def show(self, **arguments: Any) -> None:
        self.do("show", **arguments)

    @rule(page=NUMBERS, menu=MENUS)
    def menu(self, **arguments: Any) -> None:
        self.do("menu", **arguments)

    @rule(name=st.sampled_from(["delete", "reorder", "delete_text", "load"]), page=NUMBERS)
    def change(self, name: str, page: int) -> None:
        self.do(name, page=page)

    @rule(page=NUMBERS, change=CHANGES)
    def publish(self, **arguments: Any) -> None:
        """What is not changed is kept."""
        self.do("publish", **arguments)

    @rule(pages=st.lists(NUMBERS, min_size=2, max_size=4))
    def publish_one_after_the_other(self, pages: list[int]) -> None:
        for page in pages:
            self.truth.writer.do("publish", page=page, change="text")
        self.truth.check()

    @rule(own=st.lists(st.sampled_from(["own", "own", *WRITES]), min_size=1, max_size=3), fails=st.booleans())
    def declare(self, own: list[str], fails: bool) -> None:
        self.do("run", program=[["declared", own, fails]])

    @rule(program=PROGRAMS)
    def transact(self, program: list[Any]) -> None:
        self.do("run", program=program)

    @rule(program=PROGRAMS, at_the_same_time=PROGRAMS)
    def two_at_once(self, program: list[Any], at_the_same_time: list[Any]) -> None:
        self.truth.writer.begin("run", program=program)
        self.other.do("run", program=at_the_same_time)
        self.truth.writer.end()
        self.truth.check()

    @rule(page=NUMBERS)
    def add_a_picture(self, page: int) -> None:
        self.truth.writer.do("picture", page=page)
        # The site makes renditions of its own accord.
        self.truth.check(FOLLOWING)
        self.truth.writer.do("paint")
        self.truth.check(FOLLOWING)

    @rule(page=NUMBERS, appears=st.booleans())
    def let_a_page_become_due(self, page: int, appears: bool) -> None:
        self.truth.writer.do("appoint", page=page, appears=appears, seconds=0.5)
        wait_for(lambda: not self.truth.writer.do("is_anything_due"), "the page is shown or hidden", 10)
        self.truth.check(FOLLOWING)

    @rule(page=NUMBERS, title=st.sampled_from(["Über uns", "湖"]))
    def use_the_admin(self, page: int, title: str) -> None:
        number = self.truth.writer.do("page_id", page=page)
        status = Admin(self.truth).submit(f"/admin/pages/page/{number}/change/", title=title, _publish="Publish")
        assert status == 302
        self.truth.check()

    @rule(page=NUMBERS, number=st.integers(0, 99))
    def write_in_the_admin(self, page: int, number: int) -> None:
        key = self.truth.writer.do("page_id", page=page)
        words = {"pages_text_set-0-text": f"<p>{number}</p>", "_publish": "Publish"}
        status = Admin(self.truth).submit(f"/admin/pages/page/{key}/change/", **words)
        assert status == 302
        self.truth.check()


class Living(Editing):
    """Also what an operator does to the site, which takes seconds."""

    uwsgi: Any = None

    @rule()
    def keep_a_copy(self) -> None:
        copy_database(self.truth.site, self.truth.site.directory / "copy.sqlite3")

    @precondition(lambda self: (self.truth.site.directory / "copy.sqlite3").exists())
    @rule(is_running=st.booleans(), in_place=st.booleans(), ahead=st.integers(-1, 2), saves=st.booleans())
    def restore(self, is_running: bool, in_place: bool, ahead: int, saves: bool) -> None:
        restore(self.truth, self.uwsgi, is_running=is_running, in_place=in_place, ahead=ahead, saves=saves)

    @rule(language=st.sampled_from(["en", "zh-hans"]))
    def restart(self, language: str) -> None:
        self.uwsgi.stop()
        self.truth.site.env["LANGUAGE_CODE"] = language
        self.uwsgi.start()
        self.truth.check()

    @rule()
    def reload_changed_code(self) -> None:
        change_template(self.truth.site)
        self.uwsgi.site.reload()
        self.truth.check()

    @rule()
    def switch_off_and_on(self) -> None:
        switch_off_and_on(self.truth)


def change_template(site: Site) -> str:
    """Return what is on every page now."""
    template = site.root / "myweb" / "jinja2" / "base.html"
    text = template.read_text().partition("<!-- ")[0]
    marker = f"<!-- {time.monotonic_ns()} -->"
    template.write_text(f"{text}{marker}\n")
    return marker


def restore(truth: Truth, server: Server, *, is_running: bool, in_place: bool, ahead: int, saves: bool) -> None:
    """
    Put the copy of the database back, with a generation that is so many `ahead` of the present one; -1: its own.

    `saves`: somebody saves at once, before anybody has had time to notice.
    """
    site, copy = truth.site, truth.site.directory / "copy.sqlite3"
    changed = copy.with_name("changed.sqlite3")
    shutil.copyfile(copy, changed)
    if ahead >= 0 and (number := (current_of(site) or "").partition("-")[0]):
        with closing(sqlite3.connect(changed, isolation_level=None)) as connection:
            row = (int(number) + ahead, f"{time.monotonic_ns():016x}")
            connection.execute("UPDATE publishing_generation SET number = ?, token = ?", row)
    if not is_running:
        server.stop()
    with server.without_follower() if saves and is_running else nullcontext():
        put_back(site, changed, in_place=in_place)
        if saves:
            truth.writer.do("run", program=["save"])
            if is_running:
                truth.check()
    if not is_running:
        server.start()
    truth.check(FOLLOWING if is_running and not saves else 0)


def switch_off_and_on(truth: Truth) -> None:
    switched_off = truth.site.manage("unpublish")
    assert switched_off.returncode == 0, switched_off.stderr
    truth.check()
    assert not is_publishing(truth.site)
    truth.writer.do("run", program=["save"])
    truth.check()
    switched_on = truth.site.manage("publish")
    assert switched_on.returncode == 0, switched_on.stderr
    truth.check()
    assert is_publishing(truth.site)


def think(
    machine: type[Editing], truth: Truth, other: Writer, examples: int, steps: int, number: int | None = None
) -> None:
    """Let hypothesis find sequences; the shortest one that shows something stale is printed. `number` is the seed."""

    def start() -> Editing:
        return machine(truth, other)

    thinking.think(start, examples, steps, number)


@pytest.fixture(scope="module")
def truth(site: Site) -> Iterator[Truth]:
    with living(site) as (_, truth):
        yield truth


@pytest.fixture(scope="module")
def server(truth: Truth) -> Server:
    return Server(truth.site)


def test_nothing_stale_in_any_sequence(truth, server):
    with Writer(truth.site) as other, Crowd(truth) as crowd:
        think(Editing, truth, other, examples=4, steps=15)
        # Which steps change nothing is left to chance; now nothing changes.
        truth.check()
        truth.check()
    total = truth.total()
    print(dict(total), dict(crowd.statuses))
    assert set(crowd.statuses) <= {200, 301, 404, 410}
    assert total["steps"] > 30
    # After a change, those who come while the first is answered are answered by Django, too.
    assert total["published"] > total["requests"] / 3
    assert total["not modified"] > 0
    assert total["kept"] > 0


BLOCKS = [[kind, ["settings"], fails] for kind in ("atomic", "savepoint", "raw") for fails in (False, True)]
DECLARED_BLOCKS = [[kind, ["own"], fails] for kind in ("atomic", "savepoint", "raw") for fails in (False, True)]


def test_every_short_transaction(truth, server):
    """Too many to be left to chance: what is undone takes the raise of the generation with it, or does not."""
    truth.writer.do("reset")
    for program in itertools.product(["settings", *BLOCKS], repeat=2):
        truth.writer.do("run", program=[["atomic", program, False]])
        truth.check(paths=["/about/"])
        # So that the next change finds something published that could be old
        assert Visitor(truth.site).ask("/about/").is_published, program
    truth.check()


def test_every_short_declared_transaction(truth, server):
    """What is not declared, or undone, has everything be made anew."""
    truth.writer.do("reset")
    for program in itertools.product(["own", "settings", "text", *DECLARED_BLOCKS], repeat=2):
        truth.writer.do("run", program=[["declared", program, False]])
        truth.check()


def test_switching_under_load_gives_nothing_but_200(truth, server):
    truth.writer.do("reset")
    truth.learn_paths()
    truth.paths = [*ALWAYS, *truth.writer.do("pages")]
    with Crowd(truth, 4) as crowd:
        for _ in range(100):
            truth.writer.do("run", program=["save"])
        wait_for(lambda: crowd.statuses.total() > 2000, "many requests")
    print(dict(crowd.statuses), dict(crowd.asked))
    assert set(crowd.statuses) == {200}
    assert crowd.asked["published"] > 1000
    truth.check()


def test_dump_that_is_edited_and_loaded(truth, server):
    """A dump has the generation in it, too."""
    truth.writer.do("reset")
    truth.check()
    truth.check()
    truth.writer.do("load_everything_edited")
    truth.check()


def test_autocommit_switched_off(truth, server):
    """Django keeps what commit() should call until autocommit is on again."""
    truth.writer.do("reset")
    truth.check()
    truth.writer.do("run", program=[["manual", ["save", "save", "update"], False]])
    truth.check()


@pytest.mark.parametrize("in_place", [True, False], ids=["in place", "another file"])
@pytest.mark.parametrize("saves", [True, False], ids=["saved at once", "left alone"])
@pytest.mark.parametrize("ahead", [-1, 0, 1], ids=["an earlier generation", "the same number", "a higher number"])
def test_restore_while_the_site_runs(truth, server, in_place, saves, ahead):
    truth.writer.do("reset")
    truth.check()
    copy_database(truth.site, truth.site.directory / "copy.sqlite3")
    for _ in range(5):  # numbers run ahead of the clock
        truth.writer.do("run", program=["settings", "save"])
    truth.check()
    restore(truth, server, is_running=True, in_place=in_place, ahead=ahead, saves=saves)
    truth.check()


def test_restore_while_the_site_is_stopped(truth, server):
    for ahead in (-1, 0, 1):
        truth.writer.do("reset")
        truth.check()
        copy_database(truth.site, truth.site.directory / "copy.sqlite3")
        truth.writer.do("run", program=["settings", "save"])
        truth.check()
        restore(truth, server, is_running=False, in_place=False, ahead=ahead, saves=False)
        truth.check()


def test_number_never_goes_back(truth, server):
    """Browsers know the number as part of the ETag, and two answers may have the same size."""
    truth.writer.do("reset")
    copy_database(truth.site, truth.site.directory / "copy.sqlite3")
    for _ in range(50):
        truth.writer.do("run", program=["save"])
    before = int(current_of(truth.site).partition("-")[0])
    with server.without_follower():
        put_back(truth.site, truth.site.directory / "copy.sqlite3", in_place=False)
        truth.writer.do("run", program=["save"])
        truth.check()
    assert int(current_of(truth.site).partition("-")[0]) > before


def test_switching_off_and_on(truth, server):
    switch_off_and_on(truth)


def test_another_setting(truth, server):
    truth.writer.do("reset")
    truth.check()
    server.stop()
    truth.site.env["LANGUAGE_CODE"] = "zh-hans"
    server.start()
    truth.check()
    assert "网站" in truth.site.get("/about/").text or 'lang="zh-hans"' in truth.site.get("/about/").text
    server.stop()
    truth.site.env["LANGUAGE_CODE"] = "en"
    server.start()
    truth.check()
    assert 'lang="en"' in truth.site.get("/about/").text
    assert is_publishing(truth.site)


def test_debugging_publishes_nothing(truth, server):
    """Templates change while it runs, and answers have other headers."""
    truth.check()
    server.stop()
    truth.site.env["DEBUG"] = "1"
    try:
        server.start()
        truth.check()
        assert not is_publishing(truth.site)
    finally:
        server.stop()
        del truth.site.env["DEBUG"]
        server.start()
    truth.check()


@pytest.fixture(scope="module")
def changeable(site: Site) -> Iterator[tuple[Truth, Server]]:
    """A site with a copy of the code."""
    with living(site, clone=True) as (copy, truth):
        release = copy.root / "myweb" / "publishing" / "release.py"
        kernel, ours = "/proc/sys/kernel/random/boot_id", str(copy.directory / "boot_id")
        assert kernel in release.read_text()
        release.write_text(release.read_text().replace(kernel, ours))
        yield truth, Server(copy)


class TestChangedCode:
    """In a clone of the code, whose templates are changed."""

    def test_restart(self, changeable):
        truth, server = changeable
        truth.check()
        server.stop()
        marker = change_template(truth.site)
        server.start()
        truth.check()
        assert marker in truth.site.get("/about/").text
        truth.check()
        assert is_publishing(truth.site)

    def test_reload(self, changeable):
        """Of what uWSGI runs, only the workers are new afterwards."""
        truth, server = changeable
        truth.check()
        marker = change_template(truth.site)
        server.site.reload()
        truth.check()
        assert marker in truth.site.get("/about/").text
        truth.writer.do("run", program=["save"])
        truth.check()
        truth.check()
        assert is_publishing(truth.site)

    def test_reload_then_published_anew(self, changeable):
        """Whoever makes `current` again has to be of the release that answers."""
        truth, server = changeable
        change_template(truth.site)
        server.site.reload()
        truth.check()
        (truth.site.var / "published" / "current").unlink()
        end = time.monotonic() + 3
        while time.monotonic() < end:
            truth.check()
        switch_off_and_on(truth)
        truth.check()

    def test_power_cut(self, changeable):
        """Files are not forced to the disk. Some are empty after it, but then the machine has started anew."""
        truth, server = changeable
        truth.check()
        truth.check()
        server.stop()
        damaged = list((truth.site.var / "published" / "current").rglob("index.html*"))
        assert damaged
        for file in damaged:
            os.truncate(file, 0)
        server.start()
        assert Visitor(truth.site).ask("/about/") == Answer(200, b"", True), "this test can tell nothing"
        server.stop()
        (truth.site.directory / "boot_id").write_text("the next one")
        server.start()
        truth.check()
        truth.check()
        assert is_publishing(truth.site)
