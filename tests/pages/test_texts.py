import unicodedata

import pytest
from django.core.exceptions import ValidationError

from myweb.pages.texts import key_of, same, slugify, validate_address, validate_visible

HINDI, TAMIL, THAI = "हिन्दी में", "தமிழ் மொழி", "ภาษาไทย ที่นี่"


TITLES = {
    "About us": "about-us",
    "关于我们": "关于我们",
    HINDI: "हिन्दी-में",
    TAMIL: "தமிழ்-மொழி",
    unicodedata.normalize("NFD", "Über Café"): unicodedata.normalize("NFC", "über-café"),
    " _-What?! – now-_ ": "what-now",
    "A \u0301lone mark": "a-lone-mark",
    "\u3164\u200b!": "",
    "Ｆｕｌｌ": "full",
    "long " * 30: "-".join(["long"] * 20),
}


@pytest.mark.parametrize(("title", "slug"), TITLES.items())
def test_slugify(title, slug):
    assert slugify(title, 100) == slug
    validate_address(slug)


@pytest.mark.parametrize("title", [HINDI, TAMIL, THAI])
def test_no_letter_is_lost(title):
    letters = unicodedata.normalize("NFKC", title).replace(" ", "-")
    assert slugify(title, 100) == unicodedata.normalize("NFC", letters)


@pytest.mark.parametrize("slug", ["a/b", "a b", "a.b", "a\u200bb", "\u0301a", "a-\u0301", "\u3164", "a\0", "😀", "a?b"])
def test_addresses_that_cannot_be(slug):
    with pytest.raises(ValidationError):
        validate_address(slug)


@pytest.mark.parametrize(("one", "other"), [("/Über/", "/über/"), ("/caf\u00e9/", "/CAFE\u0301/"), ("/İ/", "/i̇/")])
def test_same(one, other):
    assert same(one) == same(other)
    assert key_of(one) == key_of(other)


@pytest.mark.parametrize(("one", "other"), [("/straße/", "/strasse/"), ("/a-b/", "/ab/"), ("/é/", "/e/")])
def test_not_the_same(one, other):
    assert same(one) != same(other)


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\u3164", "\u2800", "\x07", "\u0301", "\u00ad\u202e", "\ufeff\n"])
def test_what_nobody_can_see(text):
    with pytest.raises(ValidationError):
        validate_visible(text)


@pytest.mark.parametrize("text", ["a", "湖", "!", "😀", "हि", "1", " é "])
def test_what_can_be_seen(text):
    validate_visible(text)
