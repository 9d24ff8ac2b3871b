"""What visitors see where there is nothing to be seen."""

from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import resolve
from django.utils import translation
from django.utils.translation import get_language_from_request

from myweb import csrf, nginx_pages

from . import language
from .missing import NotThere, lead_on, suggestions
from .models import Page, view_at


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent):
        page = nginx_pages.render("too_large", get_language_from_request(request))
        return HttpResponse(page, status=413, headers={"Cache-Control": "no-store"})
    return _error(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Let the view that was asked for answer, if it has something better to say."""
    view, sentence = resolve(request.path_info).func, csrf.sentence_for(reason)
    # Django's admin says of its views whose they are.
    asked = getattr(view, "model_admin", view)
    answer: HttpResponse | None = asked.csrf_failed(request, sentence) if hasattr(asked, "csrf_failed") else None
    return answer or _error(request, 403, sentence)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say what is near, and whether something was there."""
    path = f"{request.path_info}/"
    if is_page_without_slash(request.path_info):
        try:
            return lead_on(request, path)
        except DatabaseError:
            pass
        except NotThere as missing:
            # To a 404, CommonMiddleware adds the slash.
            if missing.was_there:
                exception = NotThere(path, list(Page.objects.published().on_the_way_to(path)), was_there=True)
    if not isinstance(exception, NotThere):
        return _error(request, 404)
    near: dict[str, Any] = {"above": exception.above, "suggestions": suggestions(exception)}
    return _error(request, 410 if exception.was_there else 404, **near)


def is_page_without_slash(path: str) -> bool:
    return not path.endswith("/") and view_at(path) is None and view_at(f"{path}/") == "page"


def _error(request: HttpRequest, status: int, sentence: str = "", **context: Any) -> HttpResponse:
    """
    Answer with the page for `status`; a `sentence` says more than the page does.

    In the language of the page `above`, unless that is the home page, or in the visitor's.
    """
    above = context.get("above")
    translation.activate(above.language_code if above and above.path != "/" else language.of_link(request))
    return render(request, f"{status}.html", {"status": status, "sentence": sentence, **context}, status=status)
