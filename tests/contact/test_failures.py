"""What an error means. test_outbox.py has each of them from a real server."""

import smtplib
import socket
import ssl

import pytest
from django.utils import translation

from myweb.contact.failures import DeadlineExceeded, Reason, classify, words_of


def test_it_works():
    failure = classify(smtplib.SMTPDataError(554, b"5.7.1 looks like spam"), connected=True)
    assert (failure.reason, failure.words, failure.of_server) == (Reason.MESSAGE, "554 5.7.1 looks like spam", False)


@pytest.mark.parametrize(
    ("error", "connected", "reason", "of_server"),
    [
        (socket.gaierror(-2, "Name or service not known"), False, Reason.NAME, True),
        (ConnectionRefusedError(111, "Connection refused"), False, Reason.REFUSED, True),
        (TimeoutError("timed out"), False, Reason.TIMEOUT, True),
        (DeadlineExceeded("no end after 60 seconds"), True, Reason.TIMEOUT, True),
        (OSError(113, "No route to host"), False, Reason.TIMEOUT, True),
        (ssl.SSLCertVerificationError("self-signed"), False, Reason.CERTIFICATE, True),
        (ssl.SSLError("WRONG_VERSION_NUMBER"), False, Reason.TLS, True),
        (smtplib.SMTPNotSupportedError("STARTTLS extension not supported by server."), False, Reason.TLS, True),
        (smtplib.SMTPAuthenticationError(535, b"no"), False, Reason.LOGIN, True),
        (smtplib.SMTPServerDisconnected("closed"), True, Reason.CLOSED, True),
        (ConnectionResetError(104, "reset"), True, Reason.CLOSED, True),
        (smtplib.SMTPConnectError(554, b"no"), False, Reason.BUSY, True),
        (smtplib.SMTPHeloError(501, b"no"), False, Reason.BUSY, True),
        (smtplib.SMTPDataError(421, b"bye"), True, Reason.BUSY, True),
        (smtplib.SMTPSenderRefused(550, b"no", "me@example.org"), True, Reason.SENDER, True),
        (smtplib.SMTPRecipientsRefused({"a@b.example": (550, b"no")}), True, Reason.RECIPIENT, False),
        (smtplib.SMTPRecipientsRefused({"a@b.example": (421, b"bye")}), True, Reason.BUSY, True),
        (UnicodeEncodeError("ascii", "ü", 0, 1, "no"), True, Reason.MESSAGE, False),
        (IndexError("no"), True, Reason.MESSAGE, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_kind(error, connected, reason, of_server):
    failure = classify(error, connected=connected)
    assert (failure.reason, failure.of_server) == (reason, of_server)


def test_words_are_bounded_and_can_be_stored():
    assert words_of(smtplib.SMTPDataError(550, b"\xff\0" + b"x" * 10_000)) == "550 \ufffd" + "x" * 495
    assert words_of(smtplib.SMTPServerDisconnected()) == "SMTPServerDisconnected"


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_sentence(reason):
    with translation.override("en"):
        assert str(reason.label).endswith(".")
