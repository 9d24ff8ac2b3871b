import pytest

from myweb.desk.comparison import compare, summary, words
from myweb.desk.content import content_of
from myweb.pages.blocks.text import Text
from myweb.pages.models import Page
from tests.factories import make_page


@pytest.mark.parametrize(
    ("old", "new", "marked"),
    [
        ("one two three", "one 2 three", "<span>one </span><del>two </del><ins>2 </ins><span>three</span>"),
        ("湖边的早晨", "湖边的晚上", "<span>湖边的</span><del>早晨</del><ins>晚上</ins>"),
        ("", "<script>", "<ins>&lt;script&gt;</ins>"),
    ],
)
def test_words(old, new, marked):
    assert words(old, new) == marked


def texts(*items: tuple[int, str]) -> list[Text]:
    return [
        Text(pk=key, region="main", ordering=number, text=f"<p>{words}</p>")
        for number, (key, words) in enumerate(items)
    ]


def test_blocks_are_added_removed_moved_and_changed():
    page = Page(pk=1, title="About")
    old = content_of(page, texts((1, "a"), (2, "b"), (3, "c")))
    new = content_of(page, texts((3, "c"), (1, "A"), (4, "d")))
    changes = compare(old, new, Page)
    assert [(change.name, change.what) for change in changes] == [
        ("Text", "moved"),
        ("Text", "changed"),
        ("Text", "added"),
        ("Text", "removed"),
    ]
    assert summary(changes) == "Text moved, Text changed, Text added, Text removed"


@pytest.mark.django_db
def test_fields_are_said_as_the_owner_knows_them():
    above = make_page("Above")
    old = content_of(Page(pk=9, title="Old", menu="main", is_published=True))
    new = content_of(Page(pk=9, title="New", menu="", is_published=False, parent=above))
    [change] = compare(old, new, Page)
    said = {field.name: field.words for field in change.fields}
    assert said == {
        "Title": "<del>Old</del><ins>New</ins>",
        "Menu": "<del>Main menu</del>",
        "Page above": "<ins>Above</ins>",
        "Shown to visitors": "<del>yes</del><ins>no</ins>",
    }


@pytest.mark.django_db
def test_kind_that_is_gone_is_named():
    page = content_of(Page(pk=1, title="About"))
    video = {"kind": "pages.video", "key": 7, "fields": {"url": "x"}}
    [change] = compare(page, {**page, "blocks": [video]}, Page)
    assert (change.name, change.what) == ("A block of the kind “pages.video”", "added")


def test_long_texts_take_no_seconds():
    """The time goes with how often a word of one text is in the other."""
    same = "word " * 4_000
    assert words(same, f"other {same}") == f"<del>{same}</del><ins>other {same}</ins>"
    many = " ".join(f"word{number}" for number in range(5_000))
    assert "<ins>x </ins>" in words(many, many.replace("word7 ", "x "))
