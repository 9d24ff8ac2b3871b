"""Drafts, publishing and what becomes of what is sent too late, without a form."""

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from myweb.desk import branches
from myweb.desk.content import content_of, digest, live_content, new_key
from myweb.desk.deletion import bring_back, deleted_pages
from myweb.desk.line import Conflict, Late, Line, Sender
from myweb.desk.models import Version
from myweb.pages.blocks import blocks_of
from myweb.pages.blocks.picture import Picture
from myweb.pages.blocks.text import Text
from myweb.pages.models import Page
from myweb.pages.redirects import Redirect
from tests.factories import make_page, make_picture, make_text

pytestmark = pytest.mark.django_db

Event = Version.Event


@pytest.fixture
def author() -> User:
    return User.objects.create_user("owner")


def opened(page: Page | int, author: User | None = None, form: str = "", count: int = 1) -> tuple[Line, Sender]:
    line = Line(Page, page if isinstance(page, int) else page.pk)
    return line, Sender(author, base=line.base, form=form, count=count)


def changed(line: Line, **fields) -> dict:
    content = line.content or content_of(Page(pk=line.key))
    return {**content, "fields": content["fields"] | fields}


def events(page: Page | int) -> list[str]:
    key = page if isinstance(page, int) else page.pk
    return list(Version.objects.of(Page, key).order_by("pk").values_list("event", flat=True))


def text(words: str, key: int = 0) -> dict:
    fields = {"region": "main", "ordering": 10, "text": f"<p>{words}</p>"}
    return {"kind": "pages.text", "key": key or new_key(), "fields": fields}


def test_page_above_is_deleted_after_the_form_was_looked_at(author):
    """At the top, the page would be somewhere else than was asked for."""
    about, page = make_page("About"), make_page("Team")
    line, sender = opened(page, author)
    content = changed(line, parent=about.pk)
    about.delete()
    with pytest.raises(ValidationError, match="The page above has been deleted"):
        line.publish(content, sender)
    assert Page.objects.get(pk=page.pk).path == "/team/"


def test_draft_changes_nothing_that_is_live(author):
    page = make_page("About")
    block = make_text(page, "<p>Old</p>")
    line, sender = opened(page, author)
    before = live_content(Page.objects.get(pk=page.pk))
    content = changed(line, title="Über uns")
    content["blocks"] = [text("New", block.pk)]
    line.save_draft(content, sender)
    assert live_content(Page.objects.get(pk=page.pk)) == before
    assert Line(Page, page.pk).content["fields"]["title"] == "Über uns"
    assert events(page) == [Event.ELSEWHERE, Event.DRAFT]


def test_publishing_keeps_rows_by_their_keys(author, media):
    page = make_page("About")
    kept, gone, picture = make_text(page, "<p>Old</p>"), make_text(page, "<p>Gone</p>"), make_picture(page)
    line, sender = opened(page, author)
    content = changed(line, title="New title")
    content["blocks"] = [text("New", kept.pk), text("Another"), content["blocks"][-1]]
    version = line.publish(content, sender)
    page.refresh_from_db()
    assert page.title == "New title"
    assert Text.objects.get(pk=kept.pk).text == "<p>New</p>"
    assert not Text.objects.filter(pk=gone.pk).exists()
    assert type(picture).objects.get().image.name == picture.image.name
    assert Line(Page, page.pk).live == version.content
    assert version.published_at


def test_who_is_later_changes_nothing(author):
    page = make_page("About")
    one, first = opened(page, author)
    two, second = opened(page, author)
    one.publish(changed(one, title="First"), first)
    with pytest.raises(Conflict):
        two.publish(changed(two, title="Second"), second)
    with pytest.raises(Conflict):
        two.save_draft(changed(two, title="Second"), second)
    kept = two.keep_aside(Event.CONFLICT, changed(two, title="Second"), second)
    page.refresh_from_db()
    assert page.title == "First"
    assert kept.said["fields"]["title"] == "Second"
    assert kept.number is None


def test_what_changed_without_the_desk_is_a_conflict_and_a_version(author):
    page = make_page("About")
    line, sender = opened(page, author)
    Page.objects.filter(pk=page.pk).update(description="by a command")
    with pytest.raises(Conflict):
        line.publish(changed(line, title="New"), sender)
    line, sender = opened(page, author)
    line.publish(changed(line, title="New"), sender)
    versions = Version.objects.of(Page, page.pk).order_by("pk")
    assert [(version.event, version.content["fields"]["description"]) for version in versions] == [
        (Event.ELSEWHERE, "by a command"),
        (Event.PUBLISHED, "by a command"),
    ]


def test_what_follows_by_itself_is_no_conflict(author, media):
    page = make_page("About")
    picture = make_picture(page)
    line, sender = opened(page, author)
    picture.finish()
    Page.objects.filter(pk=page.pk).update(position=500)
    line.publish(changed(line, title="New"), sender)
    assert blocks_of(page)[0].renditions


def test_autosave_overwrites_its_own_row_only(author):
    page = make_page("About")
    line, sender = opened(page, author, form="one")
    line.save_draft(changed(line, title="A"), sender, by_itself=True)
    sender.count = 2
    line = Line(Page, page.pk)
    line.save_draft(changed(line, title="AB"), sender, by_itself=True)  # its answer was lost, so its base is the first
    assert events(page) == [Event.ELSEWHERE, Event.AUTOSAVE]
    assert Line(Page, page.pk).content["fields"]["title"] == "AB"
    sender.count = 3
    line = Line(Page, page.pk)
    line.save_draft(changed(line, title="ABC"), sender)
    assert events(page) == [Event.ELSEWHERE, Event.DRAFT]
    sender.count = 4
    line = Line(Page, page.pk)
    line.save_draft(changed(line, title="ABCD"), sender, by_itself=True)
    assert events(page) == [Event.ELSEWHERE, Event.DRAFT, Event.AUTOSAVE]


def test_autosave_that_comes_late_changes_nothing(author):
    page = make_page("About")
    line, sender = opened(page, author, form="one", count=2)
    line.save_draft(changed(line, title="Newer"), sender, by_itself=True)
    for count in (1, 2):
        sender.count = count
        with pytest.raises(Late):
            Line(Page, page.pk).save_draft(changed(line, title="Older"), sender, by_itself=True)
    sender.count = 3
    Line(Page, page.pk).publish(changed(line, title="Published"), sender)
    sender.count = 4
    with pytest.raises(Late):
        Line(Page, page.pk).save_draft(changed(line, title="Late"), sender, by_itself=True)
    assert Line(Page, page.pk).content["fields"]["title"] == "Published"


def test_two_append_at_once(author):
    page = make_page("About")
    (one, first), (two, second) = opened(page, author), opened(page, author)
    one.save_draft(changed(one, title="First"), first)
    two._check_base = lambda *args: None  # as if it had looked before the other wrote
    with pytest.raises(Conflict):
        two.save_draft(changed(two, title="Second"), second)
    assert Line(Page, page.pk).content["fields"]["title"] == "First"


def test_new_page_has_a_place_that_nobody_sees(author, client):
    above = make_page("About")
    key = new_key()
    line, sender = opened(key, author)
    content = changed(line, title="Team", slug="team", parent=above.pk)
    content["blocks"] = [text("We")]
    line.save_draft(content, sender)
    page = Page.objects.get(pk=key)
    assert (page.title, page.parent, page.is_public, page.slug) == ("Team", above, False, f"draft-{key}")
    assert client.get("/about/team/").status_code == 404
    line, sender = opened(key, author)
    line.publish(line.content, sender)
    assert "We" in client.get("/about/team/").content.decode()
    assert Page.objects.get(pk=key).position == page.position
    make_page("Another")  # the sequence goes on


def test_draft_may_be_anything(author):
    line, sender = opened(new_key(), author)
    line.save_draft(changed(line, title="x" * 500, slug="a b", parent=99), sender)
    line, sender = opened(line.key, author)
    assert line.content["fields"]["title"] == "x" * 500
    with pytest.raises(ValidationError):
        line.publish(line.content, sender)
    assert Page.objects.get(pk=line.key).title == "x" * 200


def test_page_is_published_after_the_one_above(author):
    above, sender = opened(new_key(), author)
    above.save_draft(changed(above, title="Above", slug="above"), sender)
    below, sender = opened(new_key(), author)
    below.save_draft(changed(below, title="Below", slug="below", parent=above.key), sender)
    below, sender = opened(below.key, author)
    with pytest.raises(ValidationError, match="published first"):
        below.publish(below.content, sender)
    above, sender = opened(above.key, author)
    above.publish(above.content, sender)
    below, sender = opened(below.key, author)
    below.publish(below.content, sender)
    assert Page.objects.get(pk=below.key).path == "/above/below/"


def test_block_of_another_page_cannot_be_taken(author):
    page, other = make_page("About"), make_page("Other")
    theirs = make_text(other, "<p>Theirs</p>")
    line, sender = opened(page, author)
    content = changed(line)
    content["blocks"] = [text("Stolen", theirs.pk)]
    line.publish(content, sender)
    assert [block.text for block in blocks_of(other)] == ["<p>Theirs</p>"]
    assert [block.text for block in blocks_of(page)] == ["<p>Stolen</p>"]


def test_unknown_kind_of_block_is_kept(author):
    page = make_page("About")
    line, sender = opened(page, author)
    content = changed(line)
    video = {"kind": "pages.video", "key": 7, "fields": {"url": "x"}}
    content["blocks"] = [text("Words"), video]
    line.publish(content, sender)
    line, sender = opened(page, author)
    assert video in line.content["blocks"]
    line.publish(changed(line, title="New"), sender)
    assert video in Line(Page, page.pk).content["blocks"]


@pytest.mark.parametrize("by", ["instance", "queryset", "above"])
def test_deleted_pages_come_back(author, by, media):
    above = make_page("Above")
    pages = [make_page(f"Page {number}", parent=above) for number in range(3)]
    below = make_page("Below", parent=pages[1])
    make_text(below, "<p>Deep</p>")
    make_picture(pages[1])
    line, sender = opened(pages[1], author)
    line.save_draft(changed(line, title="Draft"), sender)
    before = [(page.pk, page.path, page.is_public, live_content(page)) for page in Page.objects.order_by("path")]
    root, siblings = (above if by == "above" else pages[1]).pk, [page.pk for page in pages]
    if by == "instance":
        pages[1].delete()
    elif by == "queryset":
        Page.objects.filter(pk=pages[1].pk).delete()
    else:
        above.delete()
    version = deleted_pages().get(key=root)
    assert len(bring_back(version, author)) == (5 if by == "above" else 2)
    after = [(page.pk, page.path, page.is_public, live_content(page)) for page in Page.objects.order_by("path")]
    assert after == before
    assert (
        list(Page.objects.filter(title__startswith="Page").order_by("position").values_list("pk", flat=True))
        == siblings
    )
    assert Line(Page, siblings[1]).content["fields"]["title"] == "Draft"
    assert not deleted_pages()


def test_branch_comes_back_as_it_was(author, media):
    """All kinds of pages below a page, and more than are read at once."""
    above = make_page("Above")
    many = [make_page(f"Page {number}", parent=above) for number in range(5)]
    make_picture(many[0])
    stolen = make_text(many[0], "<p>Words</p>")
    deep = make_page("Deep", parent=many[0], language="zh-hans", description="Far below", is_published=False)
    for page in (many[1], deep):
        line, sender = opened(page, author)
        line.save_draft(changed(line, title="Draft"), sender)
    never = new_key()
    line, sender = opened(never, author)
    line.save_draft(changed(line, title="Never", slug="never", parent=many[2].pk), sender)
    line, sender = opened(many[3], author)
    video = {"kind": "pages.video", "key": 7, "fields": {"url": "x"}}
    content = changed(line)
    line.publish({**content, "blocks": [video]}, sender)
    names = ["pk", "parent", "path", "address_key", "is_public", "is_published", "inherited_language", "position"]
    before = list(Page.objects.order_by("path").values_list(*names))
    texts = list(Text.objects.values_list("pk", "parent", "text"))
    renditions = Picture.objects.get().renditions
    root, pages = above.pk, [above.pk, many[0].pk, many[1].pk, deep.pk]
    above.delete()
    other = make_page("Other")
    Text(pk=stolen.pk, parent=other, region="main", ordering=10, text="<p>Other</p>").save(force_insert=True)
    assert bring_back(deleted_pages().get(key=root), author)[0].pk == root
    assert list(Page.objects.exclude(pk=other.pk).order_by("path").values_list(*names)) == before
    [words] = Text.objects.filter(parent=many[0])
    assert [(words.parent_id, words.text)] == [text[1:] for text in texts]
    assert words.pk != stolen.pk
    assert Picture.objects.get().renditions == renditions
    for key, *_rest in before:
        line = Line(Page, key)
        known = line.versions.line().exclude(published_at=None).first()
        assert line.live is None or known.digest == digest(line.live)
    assert [Line(Page, key).draft is not None for key in pages] == [False, False, True, True]
    assert Line(Page, never).draft.said["fields"]["title"] == "Never"
    assert video in Line(Page, many[3].pk).content["blocks"]
    assert set(Redirect.objects.filter(page__in=many).values_list("path", flat=True)) == {page.path for page in many}


def test_page_is_deleted_twice(author):
    page = make_page("About")
    for _time in range(2):
        Page.objects.get(pk=page.pk).delete()
        bring_back(deleted_pages().get(), author)
    page.delete()
    bring_back(deleted_pages().get(), author)
    page.pk = Page.objects.get().pk
    page.delete()
    deletions = list(Version.objects.filter(event=Event.DELETED).values_list("deletion", flat=True))
    assert len(deletions) == len(set(deletions)) == 4
    assert deleted_pages().get().event == Event.DELETED


def test_somebody_saves_while_a_branch_is_deleted(author, monkeypatch):
    above = make_page("Above")
    root, page = above.pk, make_page("Page", parent=above)
    read = branches._lines

    def read_too_early(keys):
        lines = read(keys)
        line, sender = opened(page, author)
        line.save_draft(changed(line, title="Draft"), sender)
        return lines

    monkeypatch.setattr(branches, "_lines", read_too_early)
    above.delete()
    assert {version.event for version in deleted_pages()} == {Event.DELETED}
    bring_back(deleted_pages().get(key=root), author)
    assert Line(Page, page.pk).draft.said["fields"]["title"] == "Draft"


def test_note_reaches_the_draft(author):
    page, above = make_page("About"), make_page("Above")
    line, sender = opened(page, author)
    line.save_draft(changed(line, title="Draft"), sender)
    stale, sender = opened(page, author)
    page.parent = above
    page.save()
    Line(Page, page.pk).note(author, "moved", ["parent"])
    with pytest.raises(Conflict):
        Line(Page, page.pk).publish(stale.content, sender)
    line, sender = opened(page, author)
    line.publish(line.content, sender)
    page.refresh_from_db()
    assert (page.path, page.title) == ("/above/about/", "Draft")


@pytest.mark.parametrize("with_draft", [False, True])
def test_page_that_another_release_deleted_comes_back(author, with_draft):
    page = make_page("About")
    line, sender = opened(page, author)
    line.publish(changed(line, title="Published"), sender)
    if with_draft:
        line, sender = opened(page, author)
        line.save_draft(changed(line, title="Draft"), sender)
    key = page.pk
    Page.objects.filter(pk=key)._raw_delete("default")  # which sends no signal
    [version] = deleted_pages()
    bring_back(version, author)
    assert Page.objects.get(pk=key).title == "Published"
    assert Line(Page, key).content["fields"]["title"] == ("Draft" if with_draft else "Published")


def test_what_depends_on_no_form_is_appended_after_others(author):
    page = make_page("About")
    late = Line(Page, page.pk)
    line, sender = opened(page, author)
    line.save_draft(changed(line, title="Draft"), sender)
    late.note(author, "moved")
    assert events(page) == [Event.ELSEWHERE, Event.DRAFT, Event.PUBLISHED, Event.DRAFT]
    late = Line(Page, page.pk)
    line, sender = opened(page, author)
    line.publish(changed(line, title="New"), sender)
    late.end(author, "x", 10)
    assert events(page)[-1] == Event.DELETED
