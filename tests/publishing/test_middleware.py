import pytest
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path

from myweb.publishing import middleware
from myweb.publishing.decorators import publishable
from myweb.publishing.models import Generation
from tests.factories import make_page

pytestmark = pytest.mark.django_db(transaction=True)


def answer(request, **headers: str) -> HttpResponse:
    return HttpResponse("<p>Text</p>", headers=headers)


def answer_with_a_cookie(request) -> HttpResponse:
    response = HttpResponse()
    response.set_cookie("colour", "blue")
    return response


def answer_about_the_session(request) -> HttpResponse:
    return HttpResponse(request.session.get("name", "nobody"))


class urls:
    urlpatterns = [
        path("right/", publishable(list)(answer)),
        path("vary/", publishable(list)(lambda request: answer(request, Vary="Accept-Language"))),
        path("own-header/", publishable(list)(lambda request: answer(request, **{"X-Own": "1"}))),
        path("type/", publishable(list)(lambda request: HttpResponse("{}", content_type="application/json"))),
        path("status/", publishable(list)(lambda request: HttpResponse(status=202))),
        path("cookie/", publishable(list)(answer_with_a_cookie)),
        path("session/", publishable(list)(answer_about_the_session)),
        path("stream/", publishable(list)(lambda request: StreamingHttpResponse([b"x"]))),
        path("x/" * 20 + "x" * 300 + "/", publishable(list)(answer)),
        path("no-slash", publishable(list)(answer)),
        path("private/", answer),
    ]


@pytest.fixture
def own_urls(published, settings):
    settings.ROOT_URLCONF = urls
    return published


def names(published) -> list[str]:
    return sorted(str(file.relative_to(published)) for file in published.rglob("*") if file.is_file())


def test_it_works(client, published):
    content = client.get("/").content
    assert (published / "index.html").read_bytes() == content
    assert names(published) == ["index.html", "index.html.br", "index.html.gz"]


def test_right_answer(client, own_urls):
    assert client.get("/right/").status_code == 200
    assert names(own_urls) == ["right/index.html"]


@pytest.mark.parametrize(
    "name", ["vary", "own-header", "type", "status", "cookie", "session", "stream", "x/" * 20 + "x" * 300, "private"]
)
def test_answer_that_is_not_published(client, own_urls, name):
    assert client.get(f"/{name}/").status_code in (200, 202)
    client.get("/no-slash")
    assert names(own_urls) == []


@pytest.mark.parametrize("ask", ["post", "head", "options"])
def test_only_get(client, own_urls, ask):
    getattr(client, ask)("/right/")
    assert names(own_urls) == []


def test_not_for_a_query(client, own_urls):
    client.get("/right/?page=2")
    assert names(own_urls) == []


def test_not_for_somebody_with_a_session(client, own_urls):
    client.cookies["sessionid"] = "x"
    client.get("/right/")
    assert names(own_urls) == []


@pytest.mark.parametrize("address", ["/nothing/", "/right", "/admin/", "/contact/", "/healthz"])
def test_errors_and_redirects_and_forms_are_not_published(client, published, address):
    client.get(address)
    assert names(published) == []


def test_generation_is_read_before_anything_else(client, published):
    with CaptureQueriesContext(connection) as queries:
        client.get("/")
    assert "publishing_generation" in queries[0]["sql"]


def test_what_changes_while_a_page_is_made(client, published, monkeypatch):
    """Its file must not be where the next visitor looks."""
    original = middleware.is_as_published

    def save_and_go_on(*args):
        make_page("Second")
        return original(*args)

    monkeypatch.setattr(middleware, "is_as_published", save_and_go_on)
    before = published.resolve()
    client.get("/")
    assert names(published) == []
    assert (before / "index.html").exists()


def test_another_release_writes_nothing(client, published, monkeypatch):
    monkeypatch.setattr("myweb.publishing.publisher.own_release", lambda: "other")
    client.get("/")
    assert names(published) == []


def test_switched_off(client, published):
    Generation.objects.update(is_on=False)
    client.get("/")
    assert names(published) == []


def test_database_that_fails_while_the_menus_are_made(published, monkeypatch):
    """A page without its menus is not kept."""
    from django.db import DatabaseError

    monkeypatch.setattr("myweb.pages.models.SiteSettings.load", lambda: (_ for _ in ()).throw(DatabaseError("locked")))
    client = Client(raise_request_exception=False)
    assert client.get("/").status_code == 500
    assert names(published) == []
