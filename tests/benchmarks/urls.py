from django.http import HttpRequest, HttpResponse
from django.urls import path

from myweb import urls
from myweb.urls import handler400, handler403, handler404  # noqa: F401

TRIVIAL = "benchmark-trivial/"


def trivial(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Hello")


urlpatterns = [path(TRIVIAL, trivial), *urls.urlpatterns]
