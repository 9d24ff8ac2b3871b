from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path

from myweb import urls
from myweb.pages import views
from myweb.pages.models import Page
from myweb.urls import handler400, handler403, handler404  # noqa: F401

TRIVIAL = "benchmark-trivial/"
RENDERINGS = "renderings"  # in var/, a byte for each time that the home page was made


def counted(render_page: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    def render_and_count(request: HttpRequest, page: Page, *args: object, **kwargs: object) -> HttpResponse:
        if page.path == "/":
            with (settings.VAR / RENDERINGS).open("ab") as file:
                file.write(b".")
        return render_page(request, page, *args, **kwargs)

    return render_and_count


views.render_page = counted(views.render_page)


def trivial(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Hello")


urlpatterns = [path(TRIVIAL, trivial), *urls.urlpatterns]
