"""Why a mail was not sent: the kinds of failure, as the owner reads them, and how to tell them apart."""

import smtplib
import socket
import ssl
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _


class Reason(models.TextChoices):
    """What went wrong, and what to do."""

    NAME = "name", _("The name of the mail server was not found: check EMAIL_HOST.")
    REFUSED = "refused", _("The mail server refused the connection: check EMAIL_HOST and EMAIL_PORT.")
    TIMEOUT = "timeout", _("The mail server does not answer: check EMAIL_HOST, EMAIL_PORT and the firewall.")
    CERTIFICATE = "certificate", _("The mail server's certificate is not valid for EMAIL_HOST.")
    TLS = "tls", _("The encrypted connection failed: check EMAIL_USE_TLS, EMAIL_USE_SSL and EMAIL_PORT.")
    LOGIN = "login", _("The mail server rejected the login: check EMAIL_HOST_USER and EMAIL_HOST_PASSWORD.")
    CLOSED = "closed", _("The mail server broke the connection off.")
    BUSY = "busy", _("The mail server does not take mail at the moment.")
    SENDER = "sender", _("The mail server does not take mail from this site: check DEFAULT_FROM_EMAIL.")
    RECIPIENT = "recipient", _("The mail server refused this address: check the recipients of the contact form.")
    MESSAGE = "message", _("The mail server refused this message.")


class DeadlineExceeded(Exception):
    """A mail as a whole took too long."""


@dataclass(frozen=True)
class Failure:
    """`of_server` tells failures that concern every mail from those of one."""

    reason: Reason
    words: str
    of_server: bool


def classify(error: Exception, *, connected: bool) -> Failure:
    """
    Return what `error` means; `connected` is whether the server had let us in.

    Only an answer about a recipient or a message counts against that mail. All else is the server's.
    """
    words = words_of(error)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = {code for code, _words in error.recipients.values()}
        return Failure(Reason.BUSY if 421 in codes else Reason.RECIPIENT, words, of_server=421 in codes)
    if isinstance(error, smtplib.SMTPSenderRefused):
        # The sender is the same in every mail.
        return Failure(Reason.BUSY if error.smtp_code == 421 else Reason.SENDER, words, of_server=True)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Failure(Reason.LOGIN, words, of_server=True)
    if isinstance(error, smtplib.SMTPResponseException) and connected and error.smtp_code not in (421, -1):
        return Failure(Reason.MESSAGE, words, of_server=False)
    if connected and not isinstance(error, OSError | DeadlineExceeded):
        # Python could not write the mail down; the server has not seen it. (SMTPException is an OSError.)
        return Failure(Reason.MESSAGE, words, of_server=False)
    return Failure(_reason_of_server(error), words, of_server=True)


def _reason_of_server(error: BaseException) -> Reason:
    if isinstance(error, smtplib.SMTPServerDisconnected) and isinstance(error.__context__, OSError):
        error = error.__context__  # smtplib says “disconnected” also when it was tired of waiting
    kinds: list[tuple[type[Exception] | tuple[type[Exception], ...], Reason]] = [
        (ssl.SSLCertVerificationError, Reason.CERTIFICATE),
        ((ssl.SSLError, smtplib.SMTPNotSupportedError), Reason.TLS),
        (socket.gaierror, Reason.NAME),
        (ConnectionRefusedError, Reason.REFUSED),
        ((TimeoutError, DeadlineExceeded), Reason.TIMEOUT),
        (smtplib.SMTPServerDisconnected, Reason.CLOSED),
        (smtplib.SMTPResponseException, Reason.BUSY),
        (ConnectionError, Reason.CLOSED),
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
