"""
How the doctor learns what the site received.

/healthz answers a question that is signed with SECRET_KEY, and not older than a minute, with what came with it. Nobody
else can ask, and who asks learns of nothing but the request, and whether two sets of settings are the same.
"""

import secrets
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

PARAMETER = "doctor"
SECONDS = 60
_SALT = "myweb.operations.doctor"
_SETTINGS = [
    *("SITE_URL", "LANGUAGE_CODE", "TIME_ZONE", "TRUSTED_PROXIES", "DEFAULT_FROM_EMAIL"),
    *("EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD", "EMAIL_USE_TLS", "EMAIL_USE_SSL"),
    *("CONTACT_RECIPIENTS", "CONTACT_RETENTION_DAYS", "DEBUG"),
]
_DATABASE = ["ENGINE", "HOST", "PORT", "NAME", "USER", "PASSWORD"]


def question() -> str:
    """Return the path that is asked."""
    return f"/healthz?{PARAMETER}={signing.TimestampSigner(salt=_SALT).sign(secrets.token_urlsafe(9))}"


def answer(request: HttpRequest) -> dict[str, Any]:
    """Return what is added to the answer; nothing for strangers."""
    try:
        signing.TimestampSigner(salt=_SALT).unsign(request.GET.get(PARAMETER, ""), max_age=SECONDS)
    except signing.BadSignature:
        return {}
    return {
        "received": {
            "host": request.META.get("HTTP_HOST", ""),
            "scheme": request.scheme,
            "client": request.META.get("REMOTE_ADDR", ""),
            "peer": request.META.get("MYWEB_PEER", ""),
            "names_visitor": request.META.get("MYWEB_NAMES_VISITOR", ""),
            "origin": request.META.get("HTTP_ORIGIN", ""),
            "referer": request.META.get("HTTP_REFERER", ""),
        },
        "settings": fingerprints(),
    }


def fingerprints() -> dict[str, str]:
    """Return a keyed hash of each setting, which tells whether it is the same elsewhere, and nothing else."""
    database = settings.DATABASES["default"]
    values = {name: getattr(settings, name) for name in _SETTINGS}
    values["DATABASE_URL"] = [str(database.get(part)) for part in _DATABASE]
    return {name: salted_hmac(_SALT, repr(value), algorithm="sha256").hexdigest() for name, value in values.items()}
