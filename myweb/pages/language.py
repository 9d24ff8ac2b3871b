"""In which language to answer a visitor who follows a link."""

from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from django.utils.translation import get_language

from .models import LANGUAGE_NAMES, Page

PARAMETER = "lang"


def of_link(request: HttpRequest) -> str:
    """
    Return the language of the page from which a link has led to `request`.

    The links of the menus name it. Of all others, browsers tell from which page they come; if not, the language is the
    one that the visitor's browser asks for.
    """
    named = _named_in(request.META["QUERY_STRING"])
    return named or _of_referer(request) or get_language() or settings.LANGUAGE_CODE


def _of_referer(request: HttpRequest) -> str:
    try:
        url = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return ""
    path = unquote(url.path)
    if f"{url.scheme}://{url.netloc}" not in settings.CSRF_TRUSTED_ORIGINS or "\0" in path:
        return ""
    if named := _named_in(url.query):
        return named
    try:
        page = Page.objects.published().without_tree_fields().filter(path=path).first()
    except DatabaseError:
        return ""
    return page.language_code if page else ""


def _named_in(query: str) -> str:
    # Not request.GET, which can fail, and this is asked for pages that say what has failed.
    [language] = parse_qs(query).get(PARAMETER, [""])[:1]
    return language if language in LANGUAGE_NAMES else ""
