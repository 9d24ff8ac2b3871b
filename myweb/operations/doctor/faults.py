"""What a probe may end with, other than with a sentence on what it saw."""

import base64
import re
from collections.abc import Iterator

from django.conf import settings

from myweb.fault import Fault as Fault  # which all probes raise


class NotChecked(Exception):
    """There is nothing to look at, or no way to."""


def quote(words: object) -> str:
    """Return what somebody else said: on one line, not too long, and without the secrets of this site."""
    text = str(words)
    for secret in _secrets():
        text = text.replace(secret, "…")
    text = re.sub(r"\s+", " ", "".join(letter if letter.isprintable() else " " for letter in text)).strip()
    return f"“{text[:200].rstrip('.')}”"


def capitalize(sentence: str) -> str:
    """Return `sentence` with a capital letter in front; str.capitalize would make the names of settings small."""
    return sentence[:1].upper() + sentence[1:]


def _secrets() -> Iterator[str]:
    password = settings.EMAIL_HOST_PASSWORD
    login = f"\0{settings.EMAIL_HOST_USER}\0{password}"
    for secret in (settings.SECRET_KEY, settings.DATABASES["default"].get("PASSWORD"), password):
        if secret:
            yield secret
            # as it stands in a URL, or in a dialogue with the mail server
            yield base64.b64encode(secret.encode()).decode()
    if password:
        yield base64.b64encode(login.encode()).decode()
