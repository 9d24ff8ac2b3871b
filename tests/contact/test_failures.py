"""What an error means. test_outbox.py has each of them from a real server."""

import smtplib
import socket
import ssl

import pytest
from django.utils import translation

from myweb.contact.failures import DeadlineExceeded, Reason, classify, reason_of, words_of


def test_it_works():
    failure = classify(smtplib.SMTPDataError(554, b"5.7.1 looks like spam"), connected=True)
    assert (failure.reason, failure.words, failure.is_of_server) == (Reason.SPAM, "554 5.7.1 looks like spam", False)


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
        (smtplib.SMTPException("No suitable authentication method found."), False, Reason.NO_LOGIN, True),
        (smtplib.SMTPNotSupportedError("SMTP AUTH extension not supported by server."), False, Reason.NO_LOGIN, True),
        (smtplib.SMTPConnectError(554, b"no"), False, Reason.TURNED_AWAY, True),
        (smtplib.SMTPHeloError(501, b"no"), False, Reason.GREETING, True),
        (smtplib.SMTPResponseException(454, b"TLS not available"), False, Reason.BUSY, True),
        (smtplib.SMTPResponseException(501, b"no"), False, Reason.TLS, True),
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
    assert (failure.reason, failure.is_of_server) == (reason, of_server)


def test_words_are_bounded_and_can_be_stored():
    assert words_of(smtplib.SMTPDataError(550, b"\xff\0" + b"x" * 10_000)) == "550 \ufffd" + "x" * 495
    assert words_of(smtplib.SMTPServerDisconnected()) == "SMTPServerDisconnected"


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_sentence(reason):
    with translation.override("en"):
        assert str(reason.label).endswith(".")


ANSWERS = """
greeting  421  4.3.2 Service shutting down                                          BUSY
greeting  450  try later                                                            BUSY
greeting  554  5.7.1 You are on a block list                                        TURNED_AWAY
greeting  521  5.3.2 This host never accepts mail                                   TURNED_AWAY
ehlo      501  5.5.2 app is no valid name                                           GREETING
ehlo      550  5.7.1 Helo command rejected: need fully-qualified hostname           GREETING
ehlo      504  5.5.2 <app>: Helo command rejected                                   GREETING
ehlo      530  5.7.0 Must issue a STARTTLS command first                            TLS_FIRST
starttls  454  4.7.0 TLS not available due to temporary reason                      BUSY
starttls  501  5.5.4 no parameters allowed                                          TLS
starttls  502  5.5.1 not implemented                                                TLS
auth      432  4.7.12 A password transition is needed                               BUSY
auth      454  4.7.0 Temporary authentication failure                               BUSY
auth      500  5.5.6 Authentication exchange line is too long                       NO_LOGIN
auth      503  5.5.1 not offered                                                    NO_LOGIN
auth      504  5.7.4 Unrecognized authentication type                               NO_LOGIN
auth      530  5.7.0 Must issue a STARTTLS command first                            TLS_FIRST
auth      534  5.7.9 Application-specific password required                         NO_LOGIN
auth      535  5.7.8 Authentication credentials invalid                             LOGIN
auth      535  5.7.3 Authentication unsuccessful                                    LOGIN
auth      535  no                                                                   LOGIN
auth      538  5.7.11 Encryption required for requested authentication mechanism    TLS_FIRST
auth      550  5.7.0 Must issue STARTTLS first                                      TLS_FIRST
mail      530  5.7.0 Must issue a STARTTLS command first                            TLS_FIRST
mail      530  5.7.0 Authentication Required                                        LOGIN_FIRST
mail      530  5.7.57 Client not authenticated to send mail                         LOGIN_FIRST
mail      550  5.7.1 Authentication is required to send                             LOGIN_FIRST
mail      450  4.7.1 Client host rejected: cannot find your hostname                BUSY
mail      451  4.7.500 Server busy                                                  BUSY
mail      452  4.3.1 Insufficient system storage                                    BUSY
mail      552  5.3.4 Message size exceeds fixed limit                               BUSY
mail      501  5.1.7 Bad sender address syntax                                      SENDER
mail      550  5.1.8 Domain of sender address does not exist                        SENDER
mail      550  5.7.60 Client does not have permissions to send as this sender       SENDER
mail      553  5.7.1 Sender address rejected: not owned by user                     SENDER
mail      550  5.7.23 SPF validation failed                                         FORGED
rcpt      421  4.7.0 too many errors                                                BUSY
rcpt      450  4.2.0 Greylisted, see postgrey                                       WAIT
rcpt      451  4.7.1 Greylisting in action, please come back later                  WAIT
rcpt      450  4.2.1 mailbox disabled for now                                       WAIT
rcpt      452  4.5.3 Too many recipients                                            WAIT
rcpt      452  4.2.2 Mailbox full                                                   FULL
rcpt      452  4.3.1 Insufficient system storage                                    BUSY
rcpt      451  4.3.0 Temporary system problem                                       BUSY
rcpt      530  5.7.0 Authentication required                                        LOGIN_FIRST
rcpt      550  5.1.1 User unknown                                                   RECIPIENT
rcpt      550  5.1.10 Recipient not found                                           RECIPIENT
rcpt      551  5.1.6 User has moved                                                 RECIPIENT
rcpt      553  5.1.3 Bad recipient address syntax                                   RECIPIENT
rcpt      550  no                                                                   RECIPIENT
rcpt      552  5.2.2 Mailbox full                                                   FULL
rcpt      550  5.2.2 over quota                                                     FULL
rcpt      554  5.7.1 <a@b.example>: Relay access denied                             RELAY
rcpt      550  5.7.1 Unable to relay                                                RELAY
rcpt      550  5.7.1 relaying denied                                                RELAY
rcpt      550  5.7.26 Unauthenticated mail is prohibited due to DMARC               FORGED
rcpt      550  5.1.8 Sender address rejected: Domain not found                      SENDER
data      421  4.3.2 bye                                                            BUSY
data      450  4.7.1 Greylisted                                                     WAIT
data      451  4.7.0 try again                                                      WAIT
data      451  4.3.0 queue file write error                                         BUSY
data      550  5.7.1 Message rejected as spam                                       SPAM
data      554  5.7.1 looks like unsolicited mail                                    SPAM
data      550  5.7.26 does not pass SPF or DKIM                                     FORGED
data      550  5.7.20 No passing DKIM signature                                     FORGED
data      552  5.3.4 Message too big for system                                     MESSAGE
data      552  5.2.3 Message length exceeds administrative limit                    MESSAGE
data      554  5.6.0 Message is malformed                                           MESSAGE
data      503  5.5.1 bad sequence                                                   MESSAGE
data      500  no                                                                   MESSAGE
"""


@pytest.mark.parametrize("row", ANSWERS.strip().splitlines(), ids=lambda row: " ".join(row.split()[:3]))
def test_answer(row):
    step, code, rest = row.split(maxsplit=2)
    words, reason = rest.rsplit(maxsplit=1)
    assert reason_of(step, int(code), words.strip()) == Reason[reason]


@pytest.mark.parametrize("step", ["greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data"])
def test_every_refusal_has_a_rule_of_its_own(step):
    """Whatever number a server makes up."""
    for code in range(400, 600):
        reason = reason_of(step, code, "")
        assert reason in Reason
        # What passes by itself is not said to be for good, nor the other way round.
        assert (reason in (Reason.BUSY, Reason.WAIT, Reason.FULL)) or code >= 500
