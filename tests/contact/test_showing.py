import pytest

from myweb.contact.showing import in_header, is_visible, shown
from tests.contact.factories import DISGUISES, SCRIPTS


@pytest.mark.parametrize("hidden", DISGUISES)
def test_it_works(hidden):
    assert shown(f"{hidden}Ba{hidden}nk {hidden}{hidden}1{hidden}") == "Bank 1"


@pytest.mark.parametrize("control", ["\x1b", "\n", "\r", "\t", "\x7f", "\x85", "\x9b"])
def test_control_characters_are_spaces(control):
    assert shown(f"Ann{control}[31mB") == "Ann [31mB"


@pytest.mark.parametrize("text", [SCRIPTS, "می\u200cخواهم", "क्\u200dष", "👩‍👩‍👧‍👦🏳️‍🌈❤️", "O’Neil-Ñandú", ""])
def test_every_script_is_left_as_it_is_written(text):
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("湖", True),
        ("👍", True),
        ("!", True),
        ("", False),
        (" ", False),
        ("\u3164\u2800\u200d", False),
        ("\ufe0f", False),
    ],
)
def test_something_can_be_seen(text, visible):
    assert is_visible(text) is visible


@pytest.mark.parametrize("text", ["=?utf-8?q?Bank?=", "=\u200b?utf-8?q?Bank?=", "a =?utf-8?b?QmFuaw==?= b"])
def test_no_encoded_word_is_in_a_header(text):
    assert "=?" not in in_header(text)
