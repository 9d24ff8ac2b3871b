"""How django-axes counts."""

from typing import Any

from django.http import HttpRequest


def username(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str | None:
    """Return the name that somebody tries, as it can be stored: axes asks before the form has checked it."""
    name = (credentials or request.POST).get("username")
    return str(name).replace("\0", "")[:255] if name else None
