from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from . import files, rendering
from .files import Directory
from .publisher import publisher


class PublishingMiddleware:
    """
    Keeps the answers of publishable views as files. Comes first, to see the headers as they are sent.

    A file goes where the generation was before the view's first query: with what is written meanwhile, it stays behind.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        directory: Directory | None = getattr(request, "published_in", None)
        if directory and isinstance(response, HttpResponse):
            name = files.file_name(request.path_info)
            if name and is_as_published(response, name):
                publisher().write(directory, name, response.content)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        is_the_same_for_everybody = (
            request.method == "GET"
            and not request.META["QUERY_STRING"]
            and settings.SESSION_COOKIE_NAME not in request.COOKIES
        )
        if getattr(view, "publishable", False) and is_the_same_for_everybody:
            request.published_in = publisher().to_write_into()  # type: ignore[attr-defined]


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
