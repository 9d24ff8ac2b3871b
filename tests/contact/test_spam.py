import hashlib
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from myweb.contact import forms, spam
from myweb.contact.forms import ContactForm
from tests.contact.factories import form_data

pytestmark = pytest.mark.django_db


def reason(sent: int = 0, **fields) -> str:
    form = ContactForm(form_data(**fields))
    assert form.is_valid(), form.errors
    return spam.reason_of(form, sent)


def test_it_works():
    assert reason() == ""


@pytest.mark.parametrize(("age", "expected"), [(0, "too fast"), (2.5, "too fast"), (3.5, ""), (7 * 24 * 3600, "")])
def test_faster_than_a_person(age, expected):
    assert reason(age=age) == expected


def test_clock_that_is_wrong_makes_nobody_fast(monkeypatch):
    """The time of day counts for nothing, nor does the clock of another machine."""
    data = form_data(age=10)
    with time_machine.travel(timezone.now() - timedelta(days=365)):
        form = ContactForm(data)
        assert form.is_valid()
        assert 9 < form.seconds_open < 60
    elsewhere = form_data(age=-1_000_000)
    monkeypatch.setattr(forms, "machine", lambda: "0" * 16)
    form = ContactForm(elsewhere)
    assert form.is_valid()
    assert spam.reason_of(form, 0) == ""


def test_trap_is_filled_in():
    assert reason(leave_empty="x") == "honeypot"


@pytest.mark.parametrize(("sent", "expected"), [(0, ""), (4, ""), (5, "too many"), (19, "too many")])
def test_many_from_one_address(sent, expected):
    assert reason(sent) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://example.net/x", "only links"),
        ("http://a.example\n\n  HTTPS://b.example !!!", "only links"),
        ("www.example.net", "only links"),
        ('<a href="http://a.example">http://a.example</a>', "only links"),
        ("[url=http://a.example]http://a.example[/url]", "only links"),
        ("Look: https://example.net/x", ""),
        ("看 https://example.net/x", ""),
        ("My address is www.example.net, call me", ""),
        ("!!!", ""),
        ("👍", ""),
    ],
)
def test_nothing_but_links(text, expected):
    assert reason(text=text) == expected


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "::1",
        "10.1.2.3",
        "172.17.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.1.1",
        "fd00::1",
        "fe80::1",
        "",
        "x",
    ],
)
def test_private_addresses_are_not_counted(address):
    assert spam.sender_of(address) == ""


def test_address_itself_is_not_kept():
    assert len(spam.sender_of("8.8.8.8")) == 64
    assert spam.sender_of("8.8.8.8") != spam.sender_of("8.8.4.4")


def test_nobody_finds_the_address_without_the_key(settings):
    before = spam.sender_of("8.8.8.8")
    settings.SECRET_KEY = "k" * 50
    assert spam.sender_of("8.8.8.8") != before
    assert before not in {hashlib.sha256(f"8.8.8.{last}".encode()).hexdigest() for last in range(256)}


def test_household_of_ipv6_is_one_sender():
    assert spam.sender_of("2a00:1450:4001:80b::1") == spam.sender_of("2a00:1450:4001:80b:ffff::9")
    assert spam.sender_of("2a00:1450:4001:80b::1") != spam.sender_of("2a00:1450:4001:80c::1")


def test_ipv4_in_ipv6_is_the_same_sender():
    assert spam.sender_of("::ffff:8.8.8.8") == spam.sender_of("8.8.8.8")
    assert spam.sender_of("::ffff:10.1.2.3") == ""
