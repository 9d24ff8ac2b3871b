import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from myweb.desk import several
from myweb.desk.deletion import bring_back, deleted_pages
from myweb.desk.line import Line, Sender
from myweb.desk.models import Version
from myweb.pages import tree
from myweb.pages.blocks import blocks_of
from myweb.pages.models import Page
from myweb.pages.tree import Refused
from tests.factories import make_page, make_picture, make_text
from tests.pages.test_tree import order

pytestmark = pytest.mark.django_db


@pytest.fixture
def author(db) -> User:
    return User.objects.create_user("Ann")


def save_draft(page: Page, author: User, **fields) -> None:
    line = Line(Page, page.pk)
    content = line.content
    line.save_draft({**content, "fields": content["fields"] | fields}, Sender(author, base=line.base))


def publish(page: Page, author: User) -> None:
    several.publish([page.pk], author)
    page.refresh_from_db()


class TestMoves:
    def test_they_are_versions(self, author):
        about, team = make_page("About us"), make_page("Team")
        tree.move([team], "below", about)
        several.note_moves([team.pk], author)
        last = Line(Page, team.pk).last
        assert (last.event, last.comment, last.author) == ("published", "moved", author)
        assert last.said["fields"]["parent"] == about.pk

    def test_draft_does_not_move_the_page_back(self, author):
        about, team = make_page("About us"), make_page("Team")
        save_draft(team, author, title="Our team")
        [copied] = several.copy([make_page("Other")], False, author)
        tree.move([team, copied], "below", about)
        several.note_moves([team.pk, copied.pk], author)
        publish(team, author)
        publish(copied, author)
        assert [team.path, copied.path] == ["/about-us/team/", "/about-us/other-copy/"]
        assert team.title == "Our team"


class TestPublish:
    def test_it_works(self, author):
        a = make_page("A", is_published=False)
        b = make_page("B", parent=a, is_published=False)
        c = make_page("C", parent=a)
        save_draft(a, author, title="New")
        assert several.publish([b.pk, a.pk, c.pk], author) == [a, b]
        assert Page.objects.filter(is_public=True).count() == 3
        assert Page.objects.get(pk=a.pk).title == "New"
        assert Line(Page, a.pk).last.author == author

    def test_draft_of_a_page_that_is_public(self, author):
        a = make_page("A")
        save_draft(a, author, title="New")
        assert several.publish([a.pk], author) == [a]
        assert Page.objects.get(pk=a.pk).title == "New"
        assert several.publish([a.pk], author) == []

    def test_what_cannot_be_published_leaves_all_as_it_was(self, author):
        a, b = make_page("A", is_published=False), make_page("B")
        save_draft(b, author, title="")
        [draft] = several.copy([a], False, author)
        below = make_page("Below", parent=draft, is_published=False)
        with pytest.raises(Refused) as refused:
            several.publish([a.pk, b.pk, below.pk], author)
        assert {page.pk: sentences for page, sentences in refused.value.reasons} == {
            b.pk: ["This field cannot be blank."],
            below.pk: ["“A (copy)”, which is above it, has to be published first."],
        }
        assert not Page.objects.get(pk=a.pk).is_published

    def test_draft_with_what_no_field_takes(self, author):
        a = make_page("A")
        line = Line(Page, a.pk)
        line.save_draft({**line.content, "unread": {"pages.page:1 publish_from": "soon"}}, Sender(author, line.base))
        with pytest.raises(Refused, match="publish it there"):
            several.publish([a.pk], author)


class TestHide:
    def test_it_works(self, author):
        a = make_page("A")
        b = make_page("B", parent=a)
        save_draft(a, author, title="New")
        assert several.hide([a.pk], author) == [a]
        assert not Page.objects.filter(is_public=True).exists()
        assert Page.objects.get(pk=b.pk).is_published
        line = Line(Page, a.pk)
        assert line.draft.said["fields"]["title"] == "New"
        # What is planned would show it again otherwise.
        assert line.draft.said["fields"]["is_published"] is False
        assert line.live["fields"]["is_published"] is False
        assert several.hide([a.pk], author) == []


class TestCopy:
    def test_it_works(self, author, media):
        a = make_page("A", menu="main", description="About", publish_until="2099-01-01T00:00Z")
        make_text(a, "<p>First</p>")
        picture = make_picture(a)
        b = make_page("B", parent=a)
        make_text(make_page("C", parent=b), "<p>Deep</p>")
        make_page("C2", parent=b)
        make_page("D")
        [copied] = several.copy([Page.objects.get(pk=a.pk), b], True, author)
        assert order() == ["A", "A (copy)", "D"]
        assert Page.objects.filter(is_public=True).count() == 5
        assert blocks_of(copied) == []
        drafts = Page.objects.filter(is_published=False)
        assert sorted(page.title for page in drafts) == ["A (copy)", "B", "C", "C2"]
        several.publish([page.pk for page in drafts], author)
        copied = Page.objects.get(pk=copied.pk)
        assert (copied.path, copied.menu, copied.description) == ("/a-copy/", "main", "About")
        assert (copied.is_public, copied.publish_until) == (True, None)
        text, same_picture = blocks_of(copied)
        assert "First" in text.text
        assert (same_picture.image.name, same_picture.alt_text) == (picture.image.name, picture.alt_text)
        assert same_picture.pk != picture.pk
        deep = Page.objects.get(path="/a-copy/b/c/")
        assert "Deep" in blocks_of(deep)[0].text
        assert order(deep.parent) == ["C", "C2"]
        assert len(blocks_of(a)) == 2

    def test_draft_is_what_is_copied(self, author):
        a = make_page("A")
        save_draft(a, author, title="New")
        [copied] = several.copy([a], False, author)
        assert copied.title == "New (copy)"
        [again] = several.copy([copied], False, author)
        assert order() == ["A", "New (copy)", "New (copy) (copy)"]
        assert Line(Page, again.pk).draft.author == author

    def test_without_what_is_below(self, author):
        a = make_page("A")
        make_page("B", parent=a)
        [copied] = several.copy([a], False, author)
        assert order(copied) == []

    def test_address_that_is_free(self, author, home):
        a, _b = make_page("A"), make_page("Other", slug="A-Copy")
        copies = [several.copy([page], True, author)[0] for page in (a, a, home)]
        for page in copies:
            publish(page, author)
        assert [page.path for page in copies] == ["/a-copy-2/", "/a-copy-3/", "/home-copy/"]

    def test_addresses_that_would_be_too_long(self, author):
        a = make_page("A")
        page = a
        for number in range(30):
            page = make_page(f"p{number}", parent=page)
        with pytest.raises(Refused, match="too long"):
            several.copy([a], True, author)
        assert not Page.objects.filter(is_published=False).exists()
        assert not Version.objects.exists()

    def test_long_title_and_address(self, author):
        page = make_page("T" * 200, slug="s" * 100)
        [copied] = several.copy([page], True, author)
        publish(copied, author)
        assert len(copied.title) == 200
        assert copied.path == f"/{'s' * 95}-copy/"

    def test_picture_whose_file_is_gone(self, author, media):
        page = make_page("A")
        picture = make_picture(page)
        picture.image.storage.delete(picture.image.name)
        [copied] = several.copy([page], True, author)
        [block] = Line(Page, copied.pk).draft.said["blocks"]
        assert block["fields"]["image"] == picture.image.name


def test_copies_are_deleted_and_come_back(author):
    a = make_page("A")
    make_text(make_page("B", parent=a), "<p>Deep</p>")
    [copied] = several.copy([a], True, author)
    Page.objects.get(pk=copied.pk).delete()
    assert order() == ["A"]
    bring_back(deleted_pages().get(key=copied.pk), author)
    assert order() == ["A", "A (copy)"]
    [below] = Page.objects.filter(parent=copied)
    assert "Deep" in str(Line(Page, below.pk).draft.said["blocks"])


@pytest.mark.parametrize("number", [10, 40])
def test_what_each_page_costs(author, number):
    pages = [make_page(f"P{n}") for n in range(number)]
    keys = [page.pk for page in pages]
    with CaptureQueriesContext(connection) as hiding:
        several.hide(keys, author)
    with CaptureQueriesContext(connection) as publishing:
        several.publish(keys, author)
    with CaptureQueriesContext(connection) as copying:
        several.copy(pages, True, author)
    each = [round(len(queries) / number) for queries in (hiding, publishing, copying)]
    assert all(found <= most for found, most in zip(each, (14, 40, 50), strict=True)), each
