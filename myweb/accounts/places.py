"""
The places for those who sign in, of which there is one less than uWSGI's workers: a password takes long to hash.

They are counted here, and not by Nginx, where somebody could keep one by sending a form slowly.
"""

import fcntl
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import get_language_from_request

from myweb import nginx_pages

try:
    import uwsgi
except ImportError:  # tests and commands
    uwsgi = None

PATH = re.compile("/admin/(?:login|password_reset|reset|setup)/")
RETRY_AFTER = 10  # seconds


class PlacesMiddleware:
    """Answers 503 when all places are taken. The last one is for browsers in which somebody has logged in before."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not uwsgi:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method in ("GET", "HEAD") or not PATH.match(request.path_info):
            return self.get_response(request)
        with place(range(uwsgi.numproc - 1), known="MYWEB_DEVICE" in request.META) as found:
            return self.get_response(request) if found else busy(request)


@contextmanager
def place(places: range, known: bool) -> Iterator[bool]:
    """Take one of `places`, if there is one, for as long as this lasts; the last of several only if `known`."""
    choice = reversed(places) if known else places[: max(len(places) - 1, 1)]
    with ExitStack() as stack:
        for number in choice:
            # A lock ends with its process, however that ends.
            file = stack.enter_context((settings.VAR / "run" / f"place{number}").open("a"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield True
            return
        yield False


def busy(request: HttpRequest) -> HttpResponse:
    """Return the page that Nginx has for a site with too much to do."""
    page = nginx_pages.render("unavailable", get_language_from_request(request))
    return HttpResponse(page, status=503, headers={"Retry-After": RETRY_AFTER, "Cache-Control": "no-store"})
