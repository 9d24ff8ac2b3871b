"""What visitors see where there is nothing to be seen."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import resolve
from django.utils import translation

from myweb import csrf

from . import language


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
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
    return _error(request, 404)


def _error(request: HttpRequest, status: int, sentence: str = "") -> HttpResponse:
    """Answer with the page for `status`, in the visitor's language; a `sentence` says more than the page does."""
    translation.activate(language.of_link(request))
    return render(request, f"{status}.html", {"sentence": sentence}, status=status)
