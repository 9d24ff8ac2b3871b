"""What comes out of what other programs put on the clipboard: `pasted` has the one and the other, made by hand."""

import re
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myweb.contact.models import ContactSettings
from myweb.formatted_text.reading import DEEPEST, LeftOut
from myweb.pages.blocks.text import Text
from myweb.pages.models import SiteSettings

PASTED = Path(__file__).parent / "pasted"
LEFT_OUT = {
    "google_docs": LeftOut(pictures=1),
    "libreoffice": LeftOut(pictures=1),
    "outlook": LeftOut(pictures=1),
    "pages": LeftOut(pictures=1),
    "web_page": LeftOut(pictures=1, embedded=1),
    "word": LeftOut(pictures=1, comments=1),
    "word_web": LeftOut(pictures=1),
}
TEXT = Text._meta.get_field("text")
FOOTER = SiteSettings._meta.get_field("footer_text")
INTRODUCTION = ContactSettings._meta.get_field("introduction")


def clean(html: str) -> str:
    return TEXT.clean_html(html)[0]


def read(name: str) -> str:
    return (PASTED / name).read_text()


@pytest.mark.parametrize("program", LEFT_OUT)
def test_it_works(program):
    html, left_out = TEXT.clean_html(read(f"{program}.html"))
    assert html.replace("&nbsp;", "\xa0") == re.sub(r"\n\s*", "", read(f"{program}.expected.html"))
    assert left_out == LEFT_OUT[program]


def test_every_file_is_tested():
    assert {path.name.partition(".")[0] for path in PASTED.iterdir()} == set(LEFT_OUT)


# What the editor writes, with all that it has
WRITTEN = [
    "",
    "<p>One <strong>two <em>three</em></strong><br>four</p>",
    '<p>See <a href="https://example.org/?a=1&amp;b=2" rel="noopener" target="_blank">a <em>good</em> link</a></p>',
    "<h2>Heading</h2><h3>Subheading</h3><p>Text</p><hr><blockquote><p>Quoted</p></blockquote>",
    "<h3>No heading above</h3><h2>Heading</h2>",
    '<ul><li><p>One</p><ol data-type="decimal"><li><p>Two</p></li></ol></li><li><p>3</p><p>4</p></li></ul>',
    '<ol data-type="lower-alpha" start="4" type="a"><li><p>One</p></li></ol>',
    '<table><tbody><tr><th colspan="1" rowspan="1"><p>A</p></th><td colspan="2"><p></p></td></tr></tbody></table>',
    "<p>5 &lt; 6 &amp; 7 &gt; 6, “100&nbsp;%”</p>",
    "<p>1. April</p><p>2. Mai</p><p>- no list</p><p>o no list</p>",
]


@pytest.mark.parametrize("html", WRITTEN)
def test_what_the_editor_writes_stays(html):
    assert TEXT.clean_html(html) == (html, LeftOut())


@pytest.mark.parametrize("program", LEFT_OUT)
def test_what_is_clean_stays(program):
    html = clean(read(f"{program}.html"))
    assert TEXT.clean_html(html) == (html, LeftOut())


PIECES = st.sampled_from(
    [
        *re.findall(r"<!--.*?-->|<[^>]*>|[^<]{1,20}", "".join(map(read, map("{}.html".format, LEFT_OUT))), re.DOTALL),
        *("<", ">", '"', "<b", "</", "<!--", "-->", "&", "&nbsp;", "\0", "·  ", "1.\xa0 ", "a)\xa0 ", "\u200b", "<br>"),
        *(
            '<a href="javascript:x()">',
            '<a title="x">',
            "<h4>",
            "<svg width=200>",
            "</svg>",
            "<plaintext>",
            "<![CDATA[",
        ),
        '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=x()&gt;">',
        *WRITTEN,
    ]
)
HTML = st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join)


@given(HTML)
@settings(deadline=None, max_examples=4 * settings.default.max_examples)
def test_cleaning_twice_is_cleaning_once(html):
    cleaned, _left_out = TEXT.clean_html(html)
    assert TEXT.clean_html(cleaned) == (cleaned, LeftOut())


@given(HTML)
@settings(deadline=None, max_examples=3 * settings.default.max_examples)
def test_nothing_but_what_the_editor_knows_comes_out(html):
    for field in (TEXT, FOOTER, INTRODUCTION):
        cleaned, _left_out = field.clean_html(html)
        assert field.sanitize(cleaned) == cleaned
        assert set(re.findall(r"<(\w+)", cleaned)) <= field.tags
        without_empty_cells = re.sub(r"<(t[dh])[^>]*><p></p></\1>", "", cleaned)
        assert not re.search(r"<(?!tr)(\w+)[^>]*></\1>", without_empty_cells)


def calls(html: str) -> int:
    """Return how many calls of functions it takes to clean `html`."""
    count = 0

    def counted(*_args: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(counted)
    try:
        clean(html)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "part",
    [
        "<p class=MsoNormal style='mso-list:l0 level2 lfo1'><span style='mso-list:Ignore'>a)</span>x <b>y</b></p>",
        *(
            "<div>",
            "<div>x",
            "<ul><li>x",
            "<blockquote>x",
            "<table><tr><td>x",
            "<b class=x><p>y",
            "x<br>",
            "<td>",
            "</div>",
        ),
        *(
            "<a href=x>y",
            "<!--",
            "<a b='",
            '<a b="x""',
            "<h4>x</h5>",
            "<table><ul><td>x",
            "<ul></td></table>",
            "<svg>",
            "<",
        ),
    ],
)
def test_time_grows_with_length_and_no_faster(part):
    assert calls(part * 2000) < 2.2 * calls(part * 1000)


def test_nesting_has_an_end():
    html = clean("<blockquote>" * 1000 + "x")
    assert html.count("<blockquote>") == DEEPEST


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<h4>A</h4><h6>B</h6><h5>C</h5>", "<h2>A</h2><h3>B</h3><h3>C</h3>"),
        ("<h1>A</h1><p>b</p>", "<h2>A</h2><p>b</p>"),
        ('<p role="heading" aria-level="3">A</p><h1>B</h1>', "<h3>A</h3><h2>B</h2>"),
        ("<h2><b>A</b></h2><h2>B <b>C</b></h2>", "<h2>A</h2><h2>B <strong>C</strong></h2>"),
        (
            "<h2 style='mso-list:l0 level1 lfo1'><span style='mso-list:Ignore'>1.2<i>&nbsp;</i></span>A</h2>",
            "<h2>1.2 A</h2>",
        ),
        ("<h2></h2><h1>&nbsp;</h1><p>a</p>", "<p>a</p>"),
    ],
)
def test_headings(html, expected):
    assert clean(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>·&nbsp;&nbsp; A</p><p>•\tB</p>", "<ul><li><p>A</p></li><li><p>B</p></li></ul>"),
        ("<p>1.&nbsp;&nbsp; A</p><p>2.&nbsp; B</p>", "<ol><li><p>A</p></li><li><p>B</p></li></ol>"),
        ("<p class=MsoListParagraph>3. A</p>", '<ol start="3"><li><p>A</p></li></ol>'),
        ("<p>一、&nbsp;A</p>", "<p>一、&nbsp;A</p>"),
        (
            "<p style='mso-list:l0 level1 lfo1'><span style='mso-list:Ignore'>二、</span>A</p>",
            '<ol start="2"><li><p>A</p></li></ol>',
        ),
        (
            "<p style='mso-list:l0 level1 lfo1'><span style='mso-list:Ignore'>iv.</span>A</p>",
            '<ol data-type="lower-roman" type="i"><li><p>A</p></li></ol>',
        ),
        # A list that begins anew, and one that goes on
        (
            "".join(
                f"<p style='mso-list:l{number} level1 lfo1'><span style='mso-list:Ignore'>{sign}</span>x</p>"
                for number, sign in enumerate(["1.", "2.", "1.", "·"])
            ),
            "<ol><li><p>x</p></li><li><p>x</p></li></ol><ol><li><p>x</p></li></ol><ul><li><p>x</p></li></ul>",
        ),
        ("<ul><ul><li>A</ul><li>B</ul>", "<ul><li><p>A</p></li><li><p>B</p></li></ul>"),
        ("<ul><ol><li>A</ol></ul>", "<ol><li><p>A</p></li></ol>"),
        ("<ul><li></li></ul><p>a</p>", "<p>a</p>"),
        ("<ul><li>A<li><ul><li>B</ul></ul>", "<ul><li><p>A</p><ul><li><p>B</p></li></ul></li></ul>"),
        ("<li>A", "<ul><li><p>A</p></li></ul>"),
    ],
)
def test_lists(html, expected):
    assert clean(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("a<br><br>b<br>c<br><br><br>", "<p>a</p><p>b<br>c</p>"),
        ("<p>&nbsp;</p><p><br></p><p>\u200b</p><div> </div>", ""),
        ("<div>a<div>b</div>c</div>", "<p>a</p><p>b</p><p>c</p>"),
        ("<p>a <b>b</b> c\n d&nbsp;</p>", "<p>a <strong>b</strong> c d</p>"),
        ("<p>a<del>b</del><ins>c</ins><s>d</s></p>", "<p>acd</p>"),
        ("<p>a<span style='visibility:hidden'>b</span><span style='font-size:0'>c</span></p>", "<p>a</p>"),
        ("<p><a name=x>a</a><a href='#_Toc1'>b</a><a href='tel:1'>c</a></p>", '<p>ab<a href="tel:1">c</a></p>'),
        ('<p><a href="javascript:x()">a</a></p>', "<p>a</p>"),
        ("<table role=presentation><tr><td>a<td>b</table>", "<p>a</p><p>b</p>"),
        (
            "<table>a<tr><td colspan=9999999>b</table>",
            "<p>a</p><table><tbody><tr><td><p>b</p></td></tr></tbody></table>",
        ),
        ("&#99999999999999999999;&#" + "9" * 5000 + ";", "<p>\ufffd\ufffd</p>"),
        ("<p>a</p><script>b</script><style>c</style><title>d</title><textarea>e</textarea>f", "<p>a</p><p>f</p>"),
    ],
)
def test_words(html, expected):
    assert clean(html) == expected


def test_what_does_not_matter_is_not_counted():
    """Pixels that count visits, icons, what nobody saw, what is itself a bullet."""
    _html, left_out = TEXT.clean_html(
        "<img width=1 height=1><img hidden><p style='display:none'><img></p><svg width=16></svg><iframe height=0>"
        "</iframe>"
        "<p style='mso-list:l0 level1 lfo1'><span style='mso-list:Ignore'><img alt='*'></span>x</p><del><img></del>"
    )
    assert left_out == LeftOut()


def test_footer_has_paragraphs_only():
    html = "<h2>A</h2><ul><li>b<br>c</ul><table><tr><td><b>d</b><td>e</table><blockquote>f</blockquote><hr>"
    assert FOOTER.clean_html(html)[0] == "<p>A</p><p>b<br>c</p><p><strong>d</strong> e</p><p>f</p>"


def test_field_without_line_ends_has_paragraphs_instead():
    assert (
        INTRODUCTION.clean_html("<ol><li>a<br>b</ol>c<br>d")[0] == "<ul><li><p>a</p><p>b</p></li></ul><p>c</p><p>d</p>"
    )
