"""Why a mail was not sent: the kinds of failure, as the owner reads them, and how to tell them apart."""

import re
import smtplib
import socket
import ssl
from typing import NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _


class Reason(models.TextChoices):
    """What went wrong, and what to do."""

    NAME = "name", _("The name of the mail server was not found: check EMAIL_HOST.")
    REFUSED = "refused", _("The mail server refused the connection: check EMAIL_HOST and EMAIL_PORT.")
    TIMEOUT = "timeout", _("The mail server does not answer: check EMAIL_HOST, EMAIL_PORT and the firewall.")
    TURNED_AWAY = (
        "turned away",
        _("The mail server turns this machine away: ask who runs it whether this machine's address is blocked."),
    )
    GREETING = "greeting", _("The mail server does not take the name of this site as a greeting: check SITE_URL.")
    CERTIFICATE = "certificate", _("The mail server's certificate is not valid for EMAIL_HOST.")
    TLS = "tls", _("The encrypted connection failed: check EMAIL_USE_TLS, EMAIL_USE_SSL and EMAIL_PORT.")
    TLS_FIRST = "tls first", _("The mail server wants an encrypted connection first: set EMAIL_USE_TLS=true.")
    LOGIN = "login", _("The mail server rejected the login: check EMAIL_HOST_USER and EMAIL_HOST_PASSWORD.")
    LOGIN_FIRST = (
        "login first",
        _("The mail server wants a login first: set EMAIL_HOST_USER and EMAIL_HOST_PASSWORD."),
    )
    NO_LOGIN = (
        "no login",
        _(
            "The mail server offers no way to log in that this site has: check EMAIL_USE_TLS, and whether it wants a"
            " password made for programs, or no login at all."
        ),
    )
    CLOSED = "closed", _("The mail server broke the connection off.")
    BUSY = "busy", _("The mail server does not take mail at the moment.")
    WAIT = "wait", _("The mail server asks for patience. The site tries again by itself, and nothing is to be done.")
    SENDER = "sender", _("The mail server does not take mail from this site: check DEFAULT_FROM_EMAIL.")
    FORGED = (
        "forged",
        _("The mail server takes mail of this site for forged: put its SPF, DKIM and DMARC records into the DNS."),
    )
    RELAY = (
        "relay",
        _("The mail server does not pass mail on for this site: set EMAIL_HOST_USER, or another EMAIL_HOST."),
    )
    RECIPIENT = "recipient", _("The mail server refused this address: check the recipients of the contact form.")
    FULL = "full", _("The mailbox of this address is full.")
    SPAM = "spam", _("The mail server takes this message for spam.")
    MESSAGE = "message", _("The mail server refused this message.")


# What concerns one mail; all else concerns every mail, and holds the queue.
OF_ONE_MAIL = {Reason.WAIT, Reason.RELAY, Reason.RECIPIENT, Reason.FULL, Reason.SPAM, Reason.MESSAGE}


class Rule(NamedTuple):
    """For an answer to `step`, of which `code` and, if it has one, `enhanced` code or words match these patterns."""

    step: str
    code: str
    said: str
    reason: Reason


# The first that matches counts. RFC 5321 4.2.3 (codes), 3207 (STARTTLS), 4954 (AUTH), 3463 and the IANA's registry of
# enhanced codes; `said` is compared with the server's words, of which the enhanced code is the beginning.
RULES = [
    Rule("any", "421", "", Reason.BUSY),
    Rule("greeting|ehlo", "4..", "", Reason.BUSY),
    Rule("greeting", "5..", "", Reason.TURNED_AWAY),
    Rule("ehlo", "530", "", Reason.TLS_FIRST),
    Rule("ehlo", "5..", "", Reason.GREETING),
    Rule("starttls", "4..", "", Reason.BUSY),
    Rule("starttls", "5..", "", Reason.TLS),
    Rule("auth", "4..", "", Reason.BUSY),
    Rule("auth", "530|538", "", Reason.TLS_FIRST),
    Rule("auth", "534", r"5\.7\.9|", Reason.NO_LOGIN),
    Rule("auth", "5..", r"5\.7\.11|.*\b(?:starttls|encryption)\b", Reason.TLS_FIRST),
    Rule("auth", "50[0-4]", "", Reason.NO_LOGIN),
    Rule("auth", "5..", "", Reason.LOGIN),
    Rule("mail|rcpt|data", "5..", r".*\b(?:starttls|(?:tls|encryption) (?:is )?required)", Reason.TLS_FIRST),
    Rule("mail|rcpt|data", "530", "", Reason.LOGIN_FIRST),
    Rule("mail|rcpt|data", "5..", r".*\bauthenticat(?:e|ion)\b.*\b(?:required|first|needed)", Reason.LOGIN_FIRST),
    Rule("mail|rcpt|data", "5..", r"5\.7\.2\d", Reason.FORGED),
    Rule("mail|rcpt|data", "5..", r".*\b(?:spf|dkim|dmarc)\b", Reason.FORGED),
    Rule("mail", "4..", "", Reason.BUSY),
    Rule("mail", "552", "", Reason.BUSY),
    Rule("mail", "5..", "", Reason.SENDER),
    Rule("rcpt|data", "452|552", r"[45]\.2\.2", Reason.FULL),
    Rule("rcpt|data", "5..", r"5\.2\.2", Reason.FULL),
    Rule("rcpt|data", "4..", r"4\.3\.[01]", Reason.BUSY),
    # Greylisting among it (RFC 6647)
    Rule("rcpt|data", "4..", "", Reason.WAIT),
    Rule("rcpt|data", "5..", r"5\.1\.[78]", Reason.SENDER),
    Rule("rcpt", "5..", r".*\brelay", Reason.RELAY),
    Rule("rcpt", "552", "", Reason.FULL),
    Rule("rcpt", "5..", "", Reason.RECIPIENT),
    Rule("data", "5..", r".*\brelay", Reason.RELAY),
    Rule("data", "55[04]", r"5\.7\.[01]|.*\bspam\b", Reason.SPAM),
    Rule("data", "5..", "", Reason.MESSAGE),
]


class DeadlineExceeded(Exception):
    """A mail as a whole took too long."""


class Failure(NamedTuple):
    """A mail that was not sent: why, and what the server said."""

    reason: Reason
    words: str

    @property
    def is_of_server(self) -> bool:
        """Whether it concerns every mail, and not this one."""
        return self.reason not in OF_ONE_MAIL


def classify(error: Exception, *, connected: bool) -> Failure:
    """
    Return what `error` means; `connected` is whether the server had let us in.

    Only an answer about a recipient or a message counts against that mail. All else is the server's.
    """
    reason = _reason_of_answer(error, connected)
    if reason is None and connected and not isinstance(error, OSError | DeadlineExceeded):
        # Python could not write the mail down; the server has not seen it. (SMTPException is an OSError.)
        reason = Reason.MESSAGE
    return Failure(reason or _reason_of_server(error), words_of(error))


def _reason_of_answer(error: Exception, connected: bool) -> Reason | None:
    """Return what an answer of the server means, if `error` is one."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answers = [("rcpt", code, _decode(text)) for code, text in error.recipients.values()]
    elif isinstance(error, smtplib.SMTPResponseException) and error.smtp_code != -1:
        answers = [(_step(error, connected), error.smtp_code, _decode(error.smtp_error))]
    else:
        return None
    return next((reason_of(*answer) for answer in answers), None)


def _step(error: smtplib.SMTPResponseException, connected: bool) -> str:
    kinds: list[tuple[type[Exception], str]] = [
        (smtplib.SMTPConnectError, "greeting"),
        (smtplib.SMTPHeloError, "ehlo"),
        (smtplib.SMTPAuthenticationError, "auth"),
        (smtplib.SMTPSenderRefused, "mail"),
    ]
    return next((step for kind, step in kinds if isinstance(error, kind)), "data" if connected else "starttls")


def reason_of(step: str, code: int, words: str) -> Reason:
    """Return what an answer to one step of the dialogue means: greeting, ehlo, starttls, auth, mail, rcpt or data."""
    for rule in RULES:
        is_of_step = rule.step == "any" or step in rule.step.split("|")
        if is_of_step and re.fullmatch(rule.code, str(code)) and re.match(rule.said, words, re.IGNORECASE | re.DOTALL):
            return rule.reason
    return Reason.BUSY


def _reason_of_server(error: BaseException) -> Reason:
    if isinstance(error, smtplib.SMTPServerDisconnected) and isinstance(error.__context__, OSError):
        error = error.__context__  # smtplib says “disconnected” also when it was tired of waiting
    if type(error) is smtplib.SMTPException or "AUTH" in str(error):
        return Reason.NO_LOGIN  # “No suitable authentication method found.”
    kinds: list[tuple[type[Exception] | tuple[type[Exception], ...], Reason]] = [
        (ssl.SSLCertVerificationError, Reason.CERTIFICATE),
        ((ssl.SSLError, smtplib.SMTPNotSupportedError), Reason.TLS),
        (socket.gaierror, Reason.NAME),
        (ConnectionRefusedError, Reason.REFUSED),
        ((TimeoutError, DeadlineExceeded), Reason.TIMEOUT),
        (smtplib.SMTPServerDisconnected, Reason.CLOSED),
        (ConnectionError, Reason.CLOSED),
        # A name, a password or a host that cannot be sent
        (UnicodeError, Reason.LOGIN),
    ]
    return next((reason for kind, reason in kinds if isinstance(error, kind)), Reason.TIMEOUT)


def words_of(error: Exception) -> str:
    """Return the server's own words, or what the system says, in at most 500 characters."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        words = f"{code} {_decode(text)}"
    elif isinstance(error, smtplib.SMTPResponseException):
        words = f"{error.smtp_code} {_decode(error.smtp_error)}"
    else:
        words = str(error) or type(error).__name__
    return words.replace("\0", "")[:500]


def _decode(text: bytes | str) -> str:
    return text.decode(errors="replace") if isinstance(text, bytes) else text
