"""What is typed where no editor stands in place of the field."""

import pytest

from myweb.formatted_text.typed import with_paragraphs
from myweb.pages.blocks.text import Text
from myweb.pages.models import Page, SiteSettings

FIELD = Text._meta.get_field("text")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("One line", "<p>One line</p>"),
        ("First\r\n\r\nSecond", "<p>First</p><p>Second</p>"),
        ("First\n \t\n\n\nSecond\n", "<p>First</p><p>Second</p>"),
        ("3 Mill Lane\nUpper Valley", "<p>3 Mill Lane<br>Upper Valley</p>"),
        ("Some <strong>bold</strong>\n\n1 < 2 & more", "<p>Some <strong>bold</strong></p><p>1 &lt; 2 &amp; more</p>"),
        ("<p>There before</p>\n\nTyped below", "<p>There before</p><p>Typed below</p>"),
        ("<p>First\n\nSecond\n\nThird</p>", "<p>First</p><p>Second</p><p>Third</p>"),
        (
            "<h2>Title</h2>\n\nWords\n\n<ul>\n\n<li>One</li>\n</ul>",
            "<h2>Title</h2><p>Words</p><ul><li><p>One</p></li></ul>",
        ),
        ("<blockquote>\n\nWords\n\n</blockquote>", "<blockquote><p>Words</p></blockquote>"),
        ("<p>In the\nsource</p>", "<p>In the source</p>"),
        ("\n\n", ""),
        ("", ""),
    ],
)
def test_empty_lines_part_paragraphs(typed, kept):
    text = Text(text=typed)
    FIELD.clean_in(text)
    assert text.text == kept
    if kept:
        assert FIELD.clean(FIELD.formfield().clean(typed), None) == kept
    assert FIELD.clean_html(with_paragraphs(kept))[0] == kept


def test_time_grows_with_length_only():
    for piece in ("\n", " \n", "\n ", "\n\t \n a"):
        assert with_paragraphs(piece * 300_000) is not None


def test_says_what_can_be_typed():
    html = FIELD.formfield().widget.render("text", "")
    assert "<noscript>" in html
    assert "<code>&lt;h2&gt;Heading&lt;/h2&gt;</code>" in html
    footer = SiteSettings._meta.get_field("footer_text").formfield().widget.render("text", "")
    assert "<code>&lt;strong&gt;Bold&lt;/strong&gt;</code>" in footer
    assert "Heading" not in footer


@pytest.mark.django_db
def test_form_says_it_beside_its_fields(admin_client, home):
    html = admin_client.get(f"/admin/pages/page/{Page.objects.get().pk}/change/").content.decode()
    assert "Type the title of a page, or its address." in html
    assert "For example 2026-12-31 and 18:30." in html
