"""What Django and django-csp leave out."""

import mimetypes
from collections.abc import Callable
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from csp.constants import HEADER
from csp.middleware import CSPMiddleware as BaseCSPMiddleware
from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.templatetags.static import static
from django.utils import translation

from myweb.pages import language

# For manage.py dev; Nginx is told by its configuration.
mimetypes.add_type("application/speculationrules+json", ".speculationrules")


class CSPMiddleware(BaseCSPMiddleware):
    """
    Sends the policy of the admin below /admin/, and the strict one everywhere else, unless the view has one of its own.

    Sorted, because django-csp's order differs from process to process, and published pages have the headers of others.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.path_info.startswith("/admin/") and not hasattr(response, "_csp_config"):
            response._csp_config = settings.ADMIN_CONTENT_SECURITY_POLICY  # type: ignore[attr-defined]
        response = super().process_response(request, response)
        if HEADER in response.headers:
            response.headers[HEADER] = "; ".join(sorted(response.headers[HEADER].split("; ")))
        return response


class SpeculationRulesMiddleware:
    """
    Has browsers fetch the page that a link leads to while the pointer rests on it.

    Not for who may be logged in: what a browser has fetched is shown for five minutes, also after a save.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_in_admin = request.path_info.startswith("/admin/")
        if self.rules and not is_in_admin and settings.SESSION_COOKIE_NAME not in request.COOKIES:
            response.headers["Speculation-Rules"] = self.rules
        return response

    @cached_property
    def rules(self) -> str:
        try:
            return f'"{static("myweb/prefetch.speculationrules")}"'
        except ValueError:  # not collected: pages come without, rather than not at all
            return ""


class LanguageMiddleware(LocaleMiddleware):
    """Follows Accept-Language, or the way that led here, except in answers that are the same for everybody."""

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        if getattr(view, "follows_language_of_link", False):
            translation.activate(language.of_link(request))

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if getattr(response, "publishable", False):
            return response
        return super().process_response(request, response)


class RenamedCookiesMiddleware:
    """Takes cookies by the names that they had in the release before, so that an upgrade logs nobody out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        old = [name for name in settings.RENAMED_COOKIES if name in request.COOKIES]
        missing = [name for name in old if settings.RENAMED_COOKIES[name] not in request.COOKIES]
        request.COOKIES.update({settings.RENAMED_COOKIES[name]: request.COOKIES[name] for name in missing})
        response = self.get_response(request)
        for name in missing:
            new = settings.RENAMED_COOKIES[name]
            if new not in response.cookies:
                is_session = new == settings.SESSION_COOKIE_NAME
                response.set_cookie(
                    new,
                    request.COOKIES[new],
                    max_age=settings.SESSION_COOKIE_AGE if is_session else settings.CSRF_COOKIE_AGE,
                    secure=True,
                    httponly=is_session,
                    samesite="Lax",
                )
        for name in old:
            response.delete_cookie(name)
        return response


class StorableTextMiddleware:
    """
    Refuses requests with text that no database can store, before it reaches a query and ends in an error.

    Forms have to be in UTF-8: Django decodes them as whatever codec of Python they name, of which some fail with errors
    that nobody expects (zlib, idna) and others bring lone surrogates (utf-7). PostgreSQL does not take NUL, which
    can be in addresses, queries and quoted cookies; the fields of forms check for it themselves.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if (request.encoding or "utf-8").lower().replace("_", "-") not in ("utf-8", "utf8"):
            raise BadRequest("not in UTF-8")
        texts = [request.path_info, unquote(request.META["QUERY_STRING"]), *request.COOKIES.values()]
        if any("\0" in text for text in texts):
            raise BadRequest("a NUL character")
        return self.get_response(request)
