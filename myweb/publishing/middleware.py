from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from . import files, rendering
from .files import Directory
from .publisher import publisher
from .turns import turn


class PublishingMiddleware:
    """
    Keeps the answers of publishable views as files. Comes first, to see the headers as they are sent.

    A file goes where the generation was before the view's first query: with what is written meanwhile, it stays behind.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # While this request waited for a worker, another one may have had its answer made.
        if answer := published(request):
            return answer
        with ExitStack() as request.making:  # type: ignore[attr-defined]
            response = self.get_response(request)
            directory: Directory | None = getattr(request, "published_in", None)
            if directory and isinstance(response, HttpResponse):
                name = files.file_name(request.path_info)
                if name and is_as_published(response, name):
                    publisher().write(directory, name, response.content)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        if not getattr(view, "publishable", False) or not is_the_same_for_everybody(request):
            return None
        directory = publisher().to_write_into()
        request.published_in = directory  # type: ignore[attr-defined]
        if directory is None:
            return None
        with suppress(OSError):  # the disk is full
            making = turn(request.path_info, lambda: published(request) is not None)
            request.making.enter_context(making)  # type: ignore[attr-defined]
        return published(request)


def is_the_same_for_everybody(request: HttpRequest) -> bool:
    return (
        request.method == "GET"
        and not request.META["QUERY_STRING"]
        and settings.SESSION_COOKIE_NAME not in request.COOKIES
    )


def published(request: HttpRequest) -> HttpResponse | None:
    """Return what Nginx would send by now, if that is kept as a file, and made as this process makes it."""
    name = files.file_name(request.path_info)
    if name is None or not is_the_same_for_everybody(request) or rendering.OWN in request.META:
        return None
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        return None
    directory = publisher().current
    if directory is None or not publisher().makes(directory):
        return None
    try:
        content = (directory.path / name).read_bytes()
    except OSError:
        return None
    own = {"Content-Type": files.content_type(name), "Content-Length": str(len(content))}
    return HttpResponse(content, headers=rendering.headers() | own)


def is_as_published(response: HttpResponse, name: str) -> bool:
    """Return whether Nginx sends the same status, cookies and headers with the file `name`."""
    sent = {header: value for header, value in response.items() if header != "Content-Length"}
    expected = rendering.headers() | {"Content-Type": files.content_type(name)}
    return (
        response.status_code == 200
        and getattr(response, "publishable", False)
        and not response.cookies
        and sent == expected
    )
