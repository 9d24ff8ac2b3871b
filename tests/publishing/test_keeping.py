"""What a save keeps of what is published, and when it keeps nothing."""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, transaction
from django.db.models import F
from django.test import Client

from myweb.desk.line import Line, Sender
from myweb.desk.own_content import own_content
from myweb.pages.blocks.text import Text
from myweb.pages.models import Page, SiteSettings
from myweb.publishing import files
from myweb.publishing.files import Directory
from myweb.publishing.keeping import Rows, narrow
from myweb.publishing.models import STEPS, Generation
from myweb.publishing.publisher import publisher
from tests.factories import make_page, make_picture, make_text

pytestmark = pytest.mark.django_db(transaction=True)

ALL = {"/", "/about-us/", "/about-us/team/", "/robots.txt", "/sitemap.xml"}


@pytest.fixture
def about(published) -> Page:
    return make_page("About us", menu="main")


@pytest.fixture
def team(about) -> Page:
    """A page with two texts and a picture; every page is published."""
    page = make_page("Team", parent=about)
    make_text(page, "<p>First</p>")
    make_text(page, "<p>Second</p>")
    Line(Page, page.pk).note(None, "")
    publish_all()
    return page


def publish_all() -> None:
    for path in ALL:
        assert Client().get(path).status_code == 200


def kept() -> set[str]:
    """Return the addresses that need not be made again."""
    directory = publisher().current
    assert directory
    assert directory.generation == Generation.load()
    assert compressed_alone(directory) == []
    return {files.address(name) for name in directory.names()}


def compressed_alone(directory: Directory) -> list[Path]:
    """Return what Nginx would send compressed, though it is not there otherwise."""
    return [path for path in directory.path.rglob("*.[gb][zr]") if not path.with_suffix("").exists()]


def number() -> int:
    return Generation.objects.get().number


def texts(page: Page) -> list[Text]:
    return list(Text.objects.filter(parent=page).order_by("pk"))


def publish(page: Page, **fields: object) -> None:
    """Publish a page by the desk, with another text and some fields."""
    line = Line(Page, page.pk)
    content = deepcopy(line.content)
    assert content
    if content["blocks"]:
        content["blocks"][0]["fields"]["text"] = f"<p>{number()}</p>"
    content["fields"] |= fields
    line.publish(content, Sender(None, base=line.base))


class TestSaving:
    def test_text_keeps_all_other_pages(self, team):
        before = number()
        publish(team)
        assert number() > before
        assert kept() == {"/", "/about-us/"}
        assert f"<p>{before}</p>" in Client().get("/about-us/team/").text

    def test_blocks_that_come_go_and_move(self, team, media):
        picture = make_picture(team)
        Line(Page, team.pk).note(None, "")
        publish_all()
        line = Line(Page, team.pk)
        content = deepcopy(line.content)
        first, second, third = content["blocks"]
        first["fields"]["ordering"], third["fields"]["alt_text"] = 50, "Another one"
        content["blocks"] = [first, third, {**second, "key": 2**51 + 1}]
        line.publish(content, Sender(None, base=line.base))
        assert kept() == {"/", "/about-us/"}
        picture.refresh_from_db()
        assert picture.alt_text == "Another one"
        assert {text.pk for text in texts(team)} == {first["key"], 2**51 + 1}

    @pytest.mark.parametrize(
        "fields",
        [
            {"title": "People"},
            {"slug": "people"},
            {"description": "It is shown on the page above."},
            {"menu": "footer"},
            {"language": "zh-hans"},
            {"is_published": False},
            {"publish_from": "2020-01-01T00:00:00+00:00"},
            {"parent": None},
        ],
        ids=str,
    )
    def test_what_other_pages_may_show_keeps_nothing(self, team, fields):
        publish(team, **fields)
        assert kept() == set()

    def test_home_page(self, team, published):
        publish(Page.objects.get(path="/"))
        assert kept() == {"/about-us/", "/about-us/team/"}

    def test_page_in_the_place_of_a_home_page(self, team):
        Page.objects.filter(path="/").delete()
        publish_all()
        publish(team)
        assert kept() == {"/about-us/"}

    def test_settings(self, team):
        SiteSettings.objects.create(name="Lake House")
        publish_all()
        line = Line(SiteSettings, SiteSettings.objects.get().pk)
        content = deepcopy(line.live)
        assert content
        content["fields"]["name"] = "Mountain House"
        line.publish(content, Sender(None, base=line.base))
        assert kept() == set()

    def test_new_page(self, team):
        line = Line(Page, 2**51 + 7)
        content = Line(Page, team.pk).content
        assert content
        line.publish(
            {**content, "fields": {**content["fields"], "slug": "new"}, "blocks": []}, Sender(None, base=line.base)
        )
        assert kept() == set()

    def test_page_that_has_moved_since_the_form_was_opened(self, team, about):
        """It is asked for where the page is when nobody else can move it."""
        line = Line(Page, team.pk)
        content = deepcopy(line.content)
        assert content
        content["blocks"][0]["fields"]["text"] = "<p>Newest</p>"
        about.slug = "about"
        about.save()
        for path in ("/", "/about/", "/about/team/"):
            Client().get(path)
        line.publish(content, Sender(None, base=line.base))
        assert kept() == {"/", "/about/"}

    def test_page_whose_time_has_come_meanwhile(self, team):
        Page.objects.filter(pk=team.pk).update(is_public=False)
        publish_all_but = ["/", "/about-us/"]
        for path in publish_all_but:
            Client().get(path)
        publish(team)
        assert Page.objects.get(pk=team.pk).is_public
        assert kept() == set()

    def test_within_another_transaction(self, team):
        with transaction.atomic():
            publish(team)
        assert kept() == set()

    def test_files_keep_their_time_and_new_ones_have_a_later_one(self, team):
        directory = publisher().current
        publish(team)
        Client().get("/about-us/team/")
        now = publisher().current
        assert (now.path / "index.html").stat().st_mtime == directory.number
        assert (now.path / "about-us" / "team" / "index.html").stat().st_mtime == now.number > directory.number


def own_text(team: Page) -> None:
    texts(team)[0].save()


def own_update(team: Page) -> None:
    """Not as the desk writes, so it is not recognised."""
    Text.objects.filter(parent=team).update(text="<p>x</p>")


def raw_own_update(team: Page) -> None:
    with connection.cursor() as cursor:
        cursor.execute('UPDATE "pages_text" SET "text" = %s WHERE "pages_text"."id" = %s', ["x", texts(team)[0].pk])


def own_page(team: Page) -> None:
    Page.objects.get(pk=team.pk).save()


def title(team: Page) -> None:
    page = Page.objects.get(pk=team.pk)
    page.title = "People"
    page.save()


def date(team: Page) -> None:
    page = Page.objects.get(pk=team.pk)
    page.publish_from = page.updated_at
    page.save()


def other_page(team: Page) -> None:
    Page.objects.get(path="/").save()


def text_of_other_page(team: Page) -> None:
    Text.objects.exclude(parent=team).first().save()


def text_to_other_page(team: Page) -> None:
    text = texts(team)[0]
    text.parent = Page.objects.get(path="/")
    text.save()


def text_from_other_page(team: Page) -> None:
    text = Text.objects.exclude(parent=team).first()
    text.parent = team
    text.save()


def new_text(team: Page) -> None:
    make_text(team)


def new_text_of_other_page(team: Page) -> None:
    make_text(Page.objects.get(path="/"))


def several_texts(team: Page) -> None:
    Text.objects.bulk_create([Text(parent=team, region="main", ordering=n, text="x") for n in (20, 30)])


def deletion(team: Page) -> None:
    texts(team)[0].delete()


def deletion_on_other_page(team: Page) -> None:
    Text.objects.exclude(parent=team).first().delete()


def deletion_in_bulk(team: Page) -> None:
    Text.objects.all().delete()


def expression(team: Page) -> None:
    Text.objects.filter(pk=texts(team)[0].pk).update(ordering=F("ordering") + 1)


def in_raw_sql(team: Page) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pages_text SET text = 'x'")


def many_at_once(team: Page) -> None:
    with connection.cursor() as cursor:
        rows = [("x", text.pk) for text in Text.objects.all()]
        cursor.executemany('UPDATE "pages_text" SET "text" = %s WHERE "pages_text"."id" = %s', rows)


def settings(team: Page) -> None:
    SiteSettings(name="x").save()


def undone_part(team: Page) -> None:
    with suppress(ZeroDivisionError), transaction.atomic():
        texts(team)[0].save()
        raise ZeroDivisionError


def session(team: Page) -> None:
    texts(team)[0].save()
    SessionStore().create()


def lock(team: Page) -> None:
    list(Page.objects.select_for_update().order_by())
    texts(team)[0].save()


def part(team: Page) -> None:
    with transaction.atomic():
        texts(team)[0].save()


class TestVerification:
    """What is written after it was declared that nothing changes but the blocks of one page."""

    @pytest.mark.parametrize(
        "write", [own_text, raw_own_update, own_page, new_text, deletion, session, lock, part], ids=lambda w: w.__name__
    )
    def test_what_was_declared(self, team, write: Callable[[Page], None]):
        before = number()
        with own_content(team.pk):
            write(team)
        assert number() > before
        assert kept() == {"/", "/about-us/"}

    @pytest.mark.parametrize(
        "write",
        [
            own_update, title, date, other_page, text_of_other_page, text_to_other_page, text_from_other_page,
            new_text_of_other_page, several_texts, deletion_on_other_page, deletion_in_bulk, expression, in_raw_sql,
            many_at_once, settings, undone_part,
        ],
        ids=lambda write: write.__name__,
    )  # fmt: skip
    @pytest.mark.parametrize("comes", ["alone", "first", "last"])
    def test_anything_else(self, team, write: Callable[[Page], None], comes: str):
        before = number()
        with own_content(team.pk):
            if comes == "last":
                own_text(team)
            write(team)
            if comes == "first" and texts(team):
                own_text(team)
        if write is undone_part and comes == "alone":
            assert number() == before  # nothing was written
        else:
            assert kept() == set()

    def test_nothing_written(self, team):
        before = number()
        with own_content(team.pk):
            list(Page.objects.all())
        assert number() == before
        assert kept() == ALL

    def test_failure(self, team):
        before = Generation.objects.get()
        with suppress(ZeroDivisionError), own_content(team.pk):
            own_text(team)
            raise ZeroDivisionError
        assert Generation.objects.values().get() == Generation.objects.filter(pk=before.pk).values().get()
        assert number() == before.number
        assert kept() == ALL

    @pytest.mark.parametrize("sql", ["ROLLBACK TO SAVEPOINT here", "/* back */ ROLLBACK TO here"])
    def test_undone_by_hand(self, team, sql):
        with own_content(team.pk), connection.cursor() as cursor:
            cursor.execute("SAVEPOINT here")
            own_text(team)
            cursor.execute(sql)
            own_text(team)
        assert kept() == set()

    def test_what_is_written_after_the_commit(self, team):
        with own_content(team.pk):
            own_text(team)
            transaction.on_commit(lambda: title(team))
        assert kept() == set()

    def test_all_is_anew_where_not_every_column_was_named(self, team):
        table = Page._meta.db_table
        with narrow([Rows(table, "id", team.pk, frozenset({"description"}))], lambda: ["/about-us/team/"]):
            Page.objects.filter(pk=team.pk).update(description="x", title="x")
        assert kept() == set()

    def test_rows_of_which_some_columns_are_named_neither_come_nor_go(self, team):
        rows = Rows(Text._meta.db_table, "parent_id", team.pk, frozenset({"text"}))
        for write in (new_text, deletion):
            publish_all()
            with narrow([rows], lambda: ["/about-us/team/"]):
                write(team)
            assert kept() == set()


class TestSteps:
    def test_several_saves(self, team, about):
        make_text(about)
        Line(Page, about.pk).note(None, "")
        publish_all()
        publish(team)
        publish(about)
        assert kept() == {"/"}

    def test_machine_that_has_missed_some(self, team, about, settings, tmp_path):
        make_text(about)
        Line(Page, about.pk).note(None, "")
        here, there = settings.PUBLISHED_ROOT, tmp_path / "other"
        settings.PUBLISHED_ROOT = there
        publisher().start()
        settings.PUBLISHED_ROOT = here
        publisher().follow()
        publish_all()
        settings.PUBLISHED_ROOT = there
        publish_all()
        settings.PUBLISHED_ROOT = here
        publish(team)
        publish(about)
        settings.PUBLISHED_ROOT = there
        publisher().follow()
        assert kept() == {"/"}

    def test_machine_that_has_missed_too_many(self, team, monkeypatch):
        with monkeypatch.context() as patched:
            patched.setattr(type(publisher()), "switch", lambda self: None)
            for _ in range(STEPS):
                publish(team)
        publisher().follow()
        assert kept() == set()
        assert len(Generation.objects.get().steps) == STEPS

    def test_machine_that_has_missed_a_change_of_everything(self, team, monkeypatch):
        with monkeypatch.context() as patched:
            patched.setattr(type(publisher()), "switch", lambda self: None)
            publish(team)
            title(team)
            publish(team)
        publisher().follow()
        assert kept() == set()

    def test_change_by_who_does_not_know_of_it(self, team, monkeypatch):
        """As the release before raises the number."""
        publish(team)
        publish_all()
        with monkeypatch.context() as patched:
            patched.setattr(type(publisher()), "switch", lambda self: None)
            Generation.objects.update(number=F("number") + 1, token="of the old one")
        publish(team)
        assert kept() == set()

    @pytest.mark.parametrize("steps", [None, [], {}, "?", 7, [[1, "a"]], [[1, "a", [], 4]], [7], {"a": 1}], ids=repr)
    def test_steps_that_cannot_be_read(self, team, steps):
        Generation.objects.update(steps=steps)
        publish(team)
        assert kept() == {"/", "/about-us/"}
        Generation.objects.update(steps=steps)
        publish_all()
        title(team)
        assert kept() == set()

    def test_other_token(self, team):
        """A database that came back from a backup can have the same number, and go on from there."""
        publish(team)
        publish_all()
        generation = Generation.objects.get()
        steps = [
            [number, "other" if number == generation.number else token, a] for number, token, a in generation.steps
        ]
        Generation.objects.update(token="other", steps=steps)
        publish(team)
        assert kept() == set()

    def test_other_release(self, team, monkeypatch):
        release = publisher().root / "release"
        release.unlink()
        release.symlink_to("another.boot")
        publish(team)
        assert publisher().current.release == "another.boot"
        assert kept() == set()


class TestFaults:
    @pytest.mark.parametrize("function", ["rename", "unlink", "scandir"])
    def test_save_succeeds_where_nothing_can_be_kept(self, team, monkeypatch, function):
        def fail(*args: object, **kwargs: object) -> None:
            raise OSError

        with monkeypatch.context() as patched:
            patched.setattr(os, function, fail)
            publish(team)
        assert kept() == set()

    def test_killed_between_renaming_and_switching(self, team, monkeypatch):
        with monkeypatch.context() as patched, suppress(SystemExit):
            patched.setattr(Path, "replace", lambda *paths: sys.exit())
            publish(team)
        assert not publisher().current.path.exists()
        publisher().follow()
        assert kept() == {"/", "/about-us/"}

    def test_late_answer_of_the_generation_before(self, team):
        """Who has made an answer of old data looks for its directory by name."""
        directory = publisher().to_write_into()
        publish(team)
        publisher().write(directory, "about-us/team/index.html", b"old")
        assert kept() == {"/", "/about-us/"}

    def test_answer_that_is_being_written_holds_up_the_switch(self, team, monkeypatch):
        """Otherwise it would be written into the directory when that has another name already."""
        directory = publisher().to_write_into()
        write, is_looked_up, is_switched = files._write, threading.Event(), threading.Event()

        def write_late(*arguments: Any) -> None:
            is_looked_up.set()
            is_switched.wait(0.2)
            write(*arguments)

        monkeypatch.setattr(files, "_write", write_late)
        arguments = (directory, "about-us/team/index.html", b"old")
        writer = threading.Thread(target=publisher().write, args=arguments)
        writer.start()
        is_looked_up.wait()
        publish(team)
        is_switched.set()
        writer.join()
        assert kept() == {"/", "/about-us/"}

    def test_what_is_there_already_stays(self, team, monkeypatch):
        """Somebody was answered between the commit and the switch."""
        switch = publisher().switch

        def late() -> None:
            directory = publisher().to_write_into()
            publisher().write(directory, "about-us/index.html", b"new")
            switch()

        monkeypatch.setattr(type(publisher()), "switch", lambda self: late())
        publish(team)
        assert kept() == {"/about-us/"}
