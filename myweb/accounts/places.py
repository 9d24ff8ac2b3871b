"""
The places for those who sign in, of which there is one less than uWSGI's workers: a password takes long to hash.

They are counted here, and not by Nginx, where somebody could keep one by sending a form slowly.
"""

import re
from collections.abc import Callable

from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import get_language_from_request

from myweb import nginx_pages
from myweb.places import place, workers

PATH = re.compile("/admin/(?:login|password_reset|reset|setup)/")
RETRY_AFTER = 10  # seconds


class PlacesMiddleware:
    """Answers 503 when all places are taken. The last one is for browsers in which somebody has logged in before."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not workers():
            raise MiddlewareNotUsed
        self.get_response, self.places = get_response, range(workers() - 1)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method in ("GET", "HEAD") or not PATH.match(request.path_info):
            return self.get_response(request)
        is_known = "MYWEB_DEVICE" in request.META
        strangers = self.places[: max(len(self.places) - 1, 1)]
        with place("place", reversed(self.places) if is_known else strangers) as found:
            return self.get_response(request) if found else busy(request)


def busy(request: HttpRequest) -> HttpResponse:
    """Return the page that Nginx has for a site with too much to do."""
    page = nginx_pages.render("unavailable", get_language_from_request(request))
    return HttpResponse(page, status=503, headers={"Retry-After": RETRY_AFTER, "Cache-Control": "no-store"})
