"""
Every order of saves, visits and late answers on two machines, within this process: what is a file is what Django says.

tests/publishing/test_sequences.py asks a real site the same; this tries what takes luck there, and far more of it: the
environment's KEEPING_EXAMPLES=400 are 6,000 steps, in some minutes.
"""

import copy
import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from myweb.desk.content import new_key
from myweb.desk.line import Conflict, Line, Sender
from myweb.desk.own_content import own_content
from myweb.pages.blocks.text import Text
from myweb.pages.models import Page, SiteSettings
from myweb.publishing import files, rendering
from myweb.publishing.checking import is_right
from myweb.publishing.decorators import publishable_paths
from myweb.publishing.files import Directory
from myweb.publishing.models import Generation
from myweb.publishing.publisher import Publisher, publisher
from tests.factories import make_page
from tests.publishing.test_keeping import compressed_alone
from tests.thinking import think

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow("hundreds of steps")]

NODES = st.sampled_from(["one", "two"])
NUMBERS = st.integers(0, 9)
WRITES = [
    "own", "own", "own_new", "own_gone", "own_page", "text", "text_new", "text_gone", "text_away", "text_here",
    "title", "title_update", "raw", "settings", "undone",
]  # fmt: skip
counter = itertools.count(1)


def page_number(number: int) -> Page:
    pages = list(Page.objects.order_by("pk"))
    return pages[number % len(pages)]


def words() -> str:
    """Always of the same length: two answers that differ have the same size."""
    return f"{next(counter):08}"


class Writes:
    """What is written in one transaction, of which it was declared that it is the content of `page`."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def text_of(self, *, own: bool) -> Text | None:
        texts = Text.objects.filter(parent=self.page) if own else Text.objects.exclude(parent=self.page)
        return texts.order_by("pk").first()

    def change(self, text: Text | None, **fields: Any) -> None:
        if text:
            for name, value in ({"text": f"<p>{words()}</p>"} | fields).items():
                setattr(text, name, value)
            text.save()

    def own(self) -> None:
        self.change(self.text_of(own=True))

    def own_new(self) -> None:
        Text.objects.create(parent=self.page, region="main", ordering=next(counter), text=f"<p>{words()}</p>")

    def own_gone(self) -> None:
        if text := self.text_of(own=True):
            text.delete()

    def own_page(self) -> None:
        Page.objects.get(pk=self.page.pk).save()

    def text(self) -> None:
        self.change(self.text_of(own=False))

    def text_new(self) -> None:
        page = page_number(next(counter))
        Text.objects.create(parent=page, region="main", ordering=next(counter), text=f"<p>{words()}</p>")

    def text_gone(self) -> None:
        if text := self.text_of(own=False):
            text.delete()

    def text_away(self) -> None:
        self.change(self.text_of(own=True), parent=page_number(next(counter)))

    def text_here(self) -> None:
        self.change(self.text_of(own=False), parent=self.page)

    def title(self) -> None:
        page = Page.objects.get(pk=self.page.pk)
        page.title = words()
        page.save()

    def title_update(self) -> None:
        Page.objects.filter(pk=self.page.pk).update(title=words())

    def raw(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("update pages_text set text = %s", [f"<p>{words()}</p>"])

    def settings(self) -> None:
        SiteSettings.objects.update_or_create(defaults={"name": words()})

    def undone(self) -> None:
        with suppress(ZeroDivisionError), transaction.atomic():
            self.own()
            self.title()
            raise ZeroDivisionError


class Machines(RuleBasedStateMachine):
    """Two machines, `one` and `two`, with one database."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        global counter
        counter = itertools.count(1)  # so that a sequence does the same whenever it is tried
        self.root = Path(tempfile.mkdtemp(dir=root.parent))
        self.saves = 0
        # Those that have to be right, as they have saved last, or followed since.
        self.current: set[str] = set()
        self.late: list[tuple[str, Directory, str, bytes]] = []
        self.seen: dict[tuple[str, float, int], tuple[int, bytes]] = {}
        self.kept = 0
        with transaction.atomic():
            Page.objects.all().delete()
            home = make_page("Home", slug="")
            about = make_page("About", menu="main")
            team = make_page("Team", parent=about)
            for page in (home, about, team):
                Text.objects.create(parent=page, region="main", ordering=10, text=f"<p>{words()}</p>")
        for node in ("one", "two"):
            with self.at(node):
                publisher().start()
        self.current = {"two"}
        self.follow("one")

    @contextmanager
    def at(self, node: str) -> Iterator[None]:
        settings.PUBLISHED_ROOT = self.root / node
        yield

    @contextmanager
    def saving(self, node: str) -> Iterator[None]:
        """Its switch is done before anybody is answered; the other machine has to follow."""
        self.saves += 1
        if self.saves % 2:
            self.visit_all(node)
        before = Generation.load()
        with self.at(node):
            yield
        if Generation.load() != before:
            self.current = {node}

    @rule(node=NODES)
    def follow(self, node: str) -> None:
        with self.at(node):
            publisher().follow()
        self.current.add(node)

    @rule(node=NODES)
    def visit_all(self, node: str) -> None:
        with self.at(node):
            for path in [*publishable_paths()]:
                assert rendering.render(path).status_code == 200

    @rule(node=NODES, number=NUMBERS)
    def visit(self, node: str, number: int) -> None:
        with self.at(node):
            paths = [*publishable_paths()]
            rendering.render(paths[number % len(paths)])

    @rule(node=NODES, number=NUMBERS)
    def visit_and_write_late(self, node: str, number: int) -> None:
        """The answer is made now, and becomes a file when something else has happened."""
        with self.at(node):
            directory = publisher().to_write_into()
            paths = [*publishable_paths()]
            path = paths[number % len(paths)]
            name = files.file_name(path)
            if directory and name:
                content = rendering.render_unpublished(path).content  # type: ignore[attr-defined]
                self.late.append((node, directory, name, content))

    @rule()
    def write_what_is_late(self) -> None:
        for node, directory, name, content in self.late:
            with self.at(node):
                publisher().write(directory, name, content)
        self.late.clear()

    @rule(node=NODES, page=NUMBERS, change=st.sampled_from(["text", "more", "fewer", "title", "description", "slug"]))
    def publish(self, node: str, page: int, change: str) -> None:
        with self.saving(node):
            self.do_publish(page, change)

    @rule(node=NODES, page=NUMBERS, change=st.sampled_from(["text", "more", "fewer", "title"]))
    def publish_and_be_killed(self, node: str, page: int, change: str) -> None:
        """Nobody was given an answer, so nothing has to be new before somebody follows."""
        with self.at(node), patch.object(Publisher, "switch", lambda self: None):
            self.do_publish(page, change)
        self.current = set()

    @rule(node=NODES, other=NODES, pages=st.lists(NUMBERS, min_size=2, max_size=3))
    def miss_some(self, node: str, other: str, pages: list[int]) -> None:
        """What several saves have changed is new at once, wherever they were done."""
        self.follow(node)
        self.visit_all(node)
        with self.at(other), patch.object(Publisher, "switch", lambda self: None):
            for page in pages:
                self.do_publish(page, "text")
        self.current = set()
        self.follow(node)

    @rule(node=NODES, page=NUMBERS, where=st.sampled_from(["unlink", "rename", "replace", "make"]))
    def publish_and_be_killed_while_switching(self, node: str, page: int, where: str) -> None:
        def die(*args: Any, **kwargs: Any) -> None:
            raise SystemExit

        owner: Any = Path if where != "make" else Directory
        real = getattr(owner, where)
        with self.at(node), suppress(SystemExit), patch.object(Publisher, "switch", lambda self: None):
            self.do_publish(page, "text")
        self.current = set()
        with self.at(node), suppress(SystemExit), patch.object(owner, where, die):
            publisher().follow()
        assert getattr(owner, where) is real

    @rule(node=NODES, page=NUMBERS)
    def publish_while_somebody_is_answered(self, node: str, page: int) -> None:
        """Between the commit and the switch, which finds files in the new directory."""
        switch = Publisher.switch

        def answer_first(self: Publisher) -> None:
            with patch.object(Publisher, "switch", switch):
                rendering.render("/robots.txt")
                rendering.render("/about/")
                self.switch()

        with self.saving(node), patch.object(Publisher, "switch", answer_first):
            self.do_publish(page, "text")

    def do_publish(self, page: int, change: str) -> None:
        line = Line(Page, page_number(page).pk)
        content = copy.deepcopy(line.content)
        assert content
        blocks = content["blocks"]
        if change == "more" or not blocks:
            fields = {"region": "main", "ordering": next(counter), "text": f"<p>{words()}</p>"}
            blocks.append({"kind": "pages.text", "key": new_key(), "fields": fields})
        elif change == "fewer":
            del blocks[0]
        else:
            blocks[0]["fields"]["text"] = f"<p>{words()}</p>"
        if change in ("title", "description", "slug") and content["fields"]["slug"]:
            content["fields"][change] = words()
        with suppress(Conflict):
            line.publish(content, Sender(None, base=line.base))

    @rule(node=NODES, page=NUMBERS)
    def publish_within_more(self, node: str, page: int) -> None:
        with self.saving(node), transaction.atomic():
            self.do_publish(page, "text")
            Page.objects.filter(pk=page_number(page + 1).pk).update(title=words())

    @rule(node=NODES, page=NUMBERS, above=NUMBERS)
    def publish_what_was_moved_meanwhile(self, node: str, page: int, above: int) -> None:
        line = Line(Page, page_number(page).pk)
        content = copy.deepcopy(line.content)
        assert content
        moved = page_number(above)
        with self.saving(node):
            if moved.slug:
                moved.slug = words()
                moved.save()
            self.visit_all(node)
            if content["blocks"] and moved.pk != line.key:
                content["blocks"][0]["fields"]["text"] = f"<p>{words()}</p>"
                line.publish(content, Sender(None, base=line.base))

    @rule(node=NODES, page=NUMBERS, writes=st.lists(st.sampled_from(WRITES), min_size=1, max_size=3))
    def declare(self, node: str, page: int, writes: list[str]) -> None:
        with self.saving(node):
            declared = page_number(page)
            with own_content(declared.pk):
                for write in writes:
                    getattr(Writes(declared), write)()

    @rule(node=NODES, page=NUMBERS, is_home=st.booleans())
    def change_the_home_page(self, node: str, page: int, is_home: bool) -> None:
        with self.saving(node):
            chosen = page_number(page)
            if is_home and chosen.parent is None and not Page.objects.filter(parent=chosen).exists():
                chosen.slug = ""
                chosen.save()
            elif home := Page.objects.filter(path="/").first():
                home.slug = words()
                home.save()

    @rule(node=NODES)
    def restart(self, node: str) -> None:
        with self.saving(node):
            publisher().start()

    @invariant()
    def nothing_is_stale(self) -> None:
        for node in self.current:
            with self.at(node):
                directory = publisher().current
                assert directory is None or directory.generation == Generation.load()
                if directory and directory.path.exists():
                    assert compressed_alone(directory) == []
                    for name in directory.names():
                        assert is_right(directory, name), (node, files.address(name))
                        self.look_at_etag(directory, name)

    def look_at_etag(self, directory: Directory, name: str) -> None:
        """What browsers keep by time and size is still right, if it is asked for with that."""
        file = directory.path / name
        self.kept += file.stat().st_mtime < directory.number
        etag = (name, file.stat().st_mtime, file.stat().st_size)
        content = file.read_bytes()
        assert self.seen.setdefault(etag, (directory.number, content))[1] == content, etag

    def teardown(self) -> None:
        Machines.total_kept += self.kept

    total_kept = 0


def test_nothing_stale_in_any_order(root: Path):
    Machines.total_kept = 0
    think(lambda: Machines(root), examples=int(os.environ.get("KEEPING_EXAMPLES", 20)), steps=15)
    assert Machines.total_kept > 0
