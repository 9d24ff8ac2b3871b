"""Asks the site as a visitor would, within this process."""

import io
from functools import cache
from urllib.parse import urlsplit

from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from .decorators import publishable

OWN = "myweb.publishing.own"  # in the environ of the requests that the site makes of itself


@cache
def headers() -> dict[str, str]:
    """Return the headers, beside those of the body, that every published answer has: what all middleware adds."""
    response = _loaded(_Empty).get_response(_request("/"))
    return {name: value for name, value in response.items() if name not in ("Content-Type", "Content-Length")}


def render(path: str) -> HttpResponseBase:
    """Return the site's answer for the address `path`; the middleware publishes it."""
    return _loaded(BaseHandler).get_response(_request(path))


def render_unpublished(path: str) -> HttpResponseBase:
    """Return the site's answer for the address `path`, with a query, so that it is not published."""
    return _loaded(BaseHandler).get_response(_request(path, "fresh"))


class _Empty(BaseHandler):
    """All middleware, around an empty answer."""

    def _get_response(self, request: HttpRequest) -> HttpResponse:
        return publishable(list)(lambda request: HttpResponse())(request)


@cache
def _loaded(kind: type[BaseHandler]) -> BaseHandler:
    handler = kind()
    handler.load_middleware()
    return handler


def _request(path: str, query: str = "") -> WSGIRequest:
    url = urlsplit(settings.SITE_URL)
    return WSGIRequest(
        {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path.encode().decode("latin-1"),  # PEP 3333
            "QUERY_STRING": query,
            "HTTP_HOST": url.netloc,
            "SERVER_NAME": settings.SITE_HOST,
            "SERVER_PORT": str(url.port or {"http": 80, "https": 443}[url.scheme]),
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": url.scheme,
            "wsgi.input": io.BytesIO(),
            OWN: True,
        }
    )
