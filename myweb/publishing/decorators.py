from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import translation

View = Callable[..., HttpResponse]
Paths = Callable[[], "Sequence[str] | QuerySet[Any, str]"]

_paths: list[Paths] = []


def publishable(paths: Paths) -> Callable[[View], View]:
    """
    Say of a view that its answers are the same for everybody, and change only when the database or the release does:
    it reads neither the query string nor the clock, nor anything else of the request but its path.

    `paths` returns the addresses that the view answers, the most important ones first.
    """
    _paths.append(paths)

    def decorate(view: View) -> View:
        @wraps(view)
        def publishable_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            with translation.override(settings.LANGUAGE_CODE):
                response = view(request, *args, **kwargs)
            response.publishable = True  # type: ignore[attr-defined]
            # Keep a copy, and ask each time whether it is still the newest.
            response.headers["Cache-Control"] = "no-cache"
            return response

        publishable_view.publishable = True  # type: ignore[attr-defined]
        return publishable_view

    return decorate


def publishable_paths(limit: int | None = None) -> Iterable[str]:
    """Go through all addresses that publishable views answer, but at most `limit` of each."""
    for paths in _paths:
        yield from paths()[:limit]
