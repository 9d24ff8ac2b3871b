"""How this site speaks to a mail server: its addresses as they can be sent, and the name and password it gives."""

import ipaddress
import re
import smtplib
from collections.abc import Callable
from email import policy
from email.errors import HeaderParseError, ObsoleteHeaderDefect
from email.headerregistry import Address
from typing import Any

import idna
from django.conf import settings
from django.core.mail.backends import smtp

_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:.IPv]+\]")


def domain_in_ascii(domain: str) -> str:
    """
    Return `domain` as the DNS has it, by IDNA 2008 (RFC 5891, and UTS 46 for what people type).

    Python's own codec is of 2003, in which ß and ς lead to somebody else's domain. Raises UnicodeError, a ValueError.
    """
    if domain.isascii():
        return domain.lower()
    return idna.encode(domain, uts46=True, transitional=False).decode()


def address(text: str) -> Address:
    """
    Return the one address in `text`, like me@example.org or Me <me@example.org>, as it can stand in a mail.

    Raises ValueError: also for letters outside ASCII before the @, which only some servers take (RFC 6531).
    """
    found = addresses(text)
    if len(found) != 1:
        raise _no_address(text)
    return found[0]


def addresses(text: str) -> list[Address]:
    """Return the addresses in `text`, each once, with commas or line breaks between; raise ValueError as address()."""
    found: dict[str, Address] = {}
    for line in text.splitlines():
        try:
            header: Any = policy.default.header_factory("To", line.strip(" ,"))
        except (HeaderParseError, IndexError) as error:
            raise _no_address(line) from error
        # What is merely obsolete, such as a dot in a name, is common.
        if not all(isinstance(defect, ObsoleteHeaderDefect) for defect in header.defects):
            raise _no_address(line)
        for each in header.addresses:
            one = _in_ascii(each, line)
            found.setdefault(one.addr_spec, one)
    return list(found.values())


def _no_address(text: str) -> ValueError:
    return ValueError(f"“{' '.join(text.split())}” is not an e-mail address")


def _in_ascii(found: Address, line: str) -> Address:
    try:
        domain = domain_in_ascii(found.domain)
    except UnicodeError:
        domain = ""
    if not _DOMAIN.fullmatch(domain) or (not line.isprintable() and found.domain.isascii()):
        raise _no_address(line)
    return Address(found.display_name, found.username, domain)


def own_name() -> str:
    """Return the name by which this site greets a mail server (RFC 5321, 4.1.1.1): the site's, not the machine's."""
    host = settings.SITE_HOST.strip("[]")
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return str(settings.SITE_HOST)
    return f"[IPv6:{number}]" if number.version == 6 else f"[{number}]"


class _UTF8(str):
    """A text that smtplib, which always asks for ASCII, sends in UTF-8, as PLAIN (RFC 4616) and others want it."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return super().encode("utf-8", errors)


class _Login:
    """What smtplib's classes lack."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{**options, "local_hostname": own_name()})

    def login(self, user: str, password: str, **options: Any) -> Any:
        return super().login(_UTF8(user), _UTF8(password), **options)  # type: ignore[misc]

    def auth(self, mechanism: str, authobject: Callable[..., Any], **options: Any) -> Any:
        def answer(*challenge: Any) -> Any:
            text = authobject(*challenge)
            return text if text is None else _UTF8(text)

        return super().auth(mechanism, answer, **options)  # type: ignore[misc]


class SMTP(_Login, smtplib.SMTP):
    pass


class SMTP_SSL(_Login, smtplib.SMTP_SSL):
    pass


class EmailBackend(smtp.EmailBackend):
    """Django's, with the name of the site in its greeting, and with logins in any script."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return SMTP_SSL if self.use_ssl else SMTP
