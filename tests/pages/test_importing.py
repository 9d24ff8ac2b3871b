"""Lines with an old and a new address, as spreadsheets and other systems write them."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from myweb.pages.importing import Line, decode, examine, take
from myweb.pages.redirects import Redirect
from tests.factories import make_page
from tests.pages.test_redirects import asked, rename

pytestmark = pytest.mark.django_db


def outcome(line: Line) -> str:
    if line.refusal:
        return line.refusal
    if line.redirect is None:
        return "there"
    return line.redirect.page.path if line.redirect.page else line.redirect.address


def outcomes(text: str) -> list[str]:
    return [outcome(line) for line in examine(text)]


def test_it_works(client, home):
    make_page("Prices")
    lines = examine("/a.html;/prices/\n\n/b.html;https://elsewhere.example/\n/c.html;")
    assert [line.number for line in lines] == [1, 3, 4]
    take(lines)
    assert asked(client, "/a.html") == (301, "/prices/")
    assert asked(client, "/b.html") == (301, "https://elsewhere.example/")
    assert asked(client, "/c.html")[0] == 410


@pytest.mark.parametrize("separator", [";", ",", "\t", " ; "])
def test_separators(home, separator):
    assert outcomes(f"/a{separator}/\r\n/b?x=1{separator}/\r\n") == ["/", "/"]


def test_separator_is_that_of_most_lines(home):
    assert outcomes('/a,b;/\n/c;/\n"/d;e";/\n/f;"https://elsewhere.example/?a=1,2"') == [
        "/",
        "/",
        "/",
        "https://elsewhere.example/?a=1,2",
    ]


def test_quotes_that_do_not_end_are_of_one_line(home):
    assert outcomes('/a;"/\n/b;/') == ["/", "/"]


def test_further_cells_are_left_out(home):
    assert outcomes("/a;/;301;x\n/b;/;;") == ["/", "/"]


@pytest.mark.parametrize(
    ("encoding", "word"),
    [
        ("utf-8", "湖/für"),
        ("utf-8-sig", "湖"),
        ("utf-16", "湖"),
        ("gb18030", "关于我们"),
        ("gb18030", "镕基湖边的旅馆"),
        ("latin-1", "für"),
        ("latin-1", "über-uns/größe"),
        ("cp1252", "naïve-café"),
    ],
)
def test_encodings(encoding, word):
    assert decode(f"/{word};/\r\n".encode(encoding)) == f"/{word};/\r\n"


@pytest.mark.parametrize("content", [b"\xff", b"\xff\xfe\x00", b"\x81", b"\xef\xbb\xbf\xff", bytes(range(256))])
def test_no_text_at_all(content):
    assert isinstance(decode(content), str)


def test_chains_within_a_file_lead_to_their_end(home):
    assert outcomes("/a;/b\n/b;/C/\n/c;/\n/d;https://LOCALHOST:8099/a") == ["/", "/", "/", "/"]


def test_loops_are_refused(home):
    back = "This leads back to where it comes from."
    assert outcomes("/a;/b\n/b;/c\n/c;/A/\n/d;/d\n/e;/a\n/f;/") == [back] * 5 + ["/"]


def test_long_chain(home):
    lines = [f"/{n};/{n + 1}" for n in range(2000)]
    assert (
        outcomes("\n".join([*lines, "/2000;/"]))[1989:] == ["This leads from line to line too many times."] + ["/"] * 11
    )


def test_leads_where_an_old_address_leads(home):
    rename(make_page("Team"), "crew")
    assert outcomes("/a;/team/") == ["/crew/"]


def test_twice(home):
    assert outcomes("/a;/\n/A/;/") == ["/", "Line 1 has this address already."]


def test_there_already(home):
    take(examine("/a;/"))
    assert outcomes("/A;/\n/b;/") == ["there", "/"]
    take(examine("/A;/"))
    assert Redirect.objects.count() == 1


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("/a", "There is no new address on this line."),
        ("old;new", "Please begin the old address with “/”"),
        (";/", "Please begin the old address with “/”"),
        ("/prices/;/", "The page “Costs” is shown there."),
        ("/a;/nothing", "There is no page at “/nothing”."),
        ("/admin/a;/", "used by the site itself"),
        ("/costs/;/", "This address leads to “/prices/” already."),
    ],
)
def test_refused(home, line, sentence):
    rename(make_page("Costs"), "prices")
    refused, taken = examine(f"{line}\n/good;/")
    assert sentence in refused.refusal
    assert taken.redirect


def test_nothing_and_too_much():
    for text in ("", "\n \n", "/a;/\n" * 10_001):
        with pytest.raises(ValidationError):
            examine(text)


@settings(
    max_examples=2 * settings.default.max_examples,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
@given(st.lists(st.text() | st.binary().map(decode) | st.sampled_from(["/a;/", "/b;/a", "/;/", "//[;//["]), min_size=1))
def test_whatever_is_in_a_file(home, client, lines):
    try:
        examined = examine("\n".join(lines).replace("\0", ""))
    except ValidationError:
        return
    take(examined)
    for line in examined:
        if line.redirect:
            assert Redirect.objects.filter(address_key=line.redirect.address_key).exists()
