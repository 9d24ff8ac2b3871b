"""The certificate that is really served at SITE_URL, or by the mail server."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from . import network, web
from .faults import Fault, NotChecked, quote

LONGEST_WARNING = timedelta(days=14)
# OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python has no name for
NO_CHECK_TIME = 0x200000
# X509_V_ERR_… of OpenSSL
NOT_YET_VALID, EXPIRED, SELF_SIGNED = 9, 10, 18
UNKNOWN_ISSUER = (2, 19, 20, 21)
WRONG_NAME = (62, 64)
RENEW = "Renew it: certbot renew, then reload Nginx."


def valid() -> str:
    certificate = served()
    names = ", ".join(value for _kind, value in certificate.get("subjectAltName", ()))
    return f"it is valid for {names}"


def days_left() -> str:
    certificate = served()
    begin, end = _time(certificate["notBefore"]), _time(certificate["notAfter"])
    left = end - datetime.now(UTC)
    # Whoever renews does so when a third is left.
    if left < min(LONGEST_WARNING, (end - begin) / 4):
        raise Fault(
            f"The certificate ends in {_days(left)}, on {end:%d %B %Y}: it should have been renewed by now.",
            "Run certbot renew, and see why it did not happen by itself: systemctl status certbot.timer.",
        )
    return f"{_days(left)}, until {end:%d %B %Y}"


def served() -> dict[str, Any]:
    """Return the certificate that a browser would be shown, and accept."""
    if not settings.SITE_URL.startswith("https:"):
        raise NotChecked("SITE_URL is http, which has no certificate.")
    where = web.service()

    def look(context: ssl.SSLContext) -> dict[str, Any]:
        with network.connect(where) as sock, context.wrap_socket(sock, server_hostname=where.host) as connection:
            return dict(connection.getpeercert() or {})

    try:
        return look(ssl.create_default_context())
    except ssl.SSLCertVerificationError as error:
        raise explain(error, urlsplit(settings.SITE_URL).hostname or "", RENEW, look) from error


def explain(
    error: ssl.SSLCertVerificationError, host: str, renew: str, look: Callable[[ssl.SSLContext], dict[str, Any]]
) -> Fault:
    """Return what is wrong with the certificate of `host`; `look` fetches it with fewer demands."""
    code = error.verify_code
    context = ssl.create_default_context()
    if code in (EXPIRED, NOT_YET_VALID):
        context.verify_flags |= NO_CHECK_TIME
        context.check_hostname = False
        certificate = look(context)
        if code == NOT_YET_VALID:
            begin = _time(certificate["notBefore"])
            return Fault(
                f"The certificate of {host} is not valid before {begin:%d %B %Y %H:%M} UTC; this machine has"
                f" {datetime.now(UTC):%d %B %Y %H:%M}.",
                "Set this machine's clock: timedatectl set-ntp true.",
            )
        end = _time(certificate["notAfter"])
        ago = _days(datetime.now(UTC) - end)
        return Fault(f"The certificate of {host} ended {ago} ago, on {end:%d %B %Y}.", renew)
    if code in WRONG_NAME:
        context.check_hostname = False
        names = ", ".join(value for _kind, value in look(context).get("subjectAltName", ()))
        return Fault(
            f"The certificate is for {quote(names)}, not for {host}.",
            f"Get one for {host}, or use the name that the certificate is for.",
        )
    if code == SELF_SIGNED:
        return Fault(
            f"The certificate of {host} is signed by itself, which no browser or mail program accepts.",
            "Get one of an authority: certbot does so.",
        )
    if code in UNKNOWN_ISSUER:
        return Fault(
            f"Who signed the certificate of {host} is not known here: an intermediate certificate is missing, or it"
            " is no public authority.",
            "Serve the whole chain (certbot's fullchain.pem, not cert.pem), or install ca-certificates.",
        )
    return Fault(f"The certificate of {host} is not accepted: {quote(error.verify_message)}.", renew)


def _time(words: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(words), UTC)


def _days(time: timedelta) -> str:
    hours = int(time.total_seconds()) // 3600
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours"
