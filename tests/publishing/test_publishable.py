import pytest
import time_machine
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLResolver

from myweb.pages.views import page_paths
from myweb.publishing.decorators import publishable_paths
from tests.factories import make_page, make_picture, make_text

pytestmark = pytest.mark.django_db


def patterns(resolver: URLResolver):
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern)
        else:
            yield pattern


def test_every_address_that_is_published():
    found = {pattern.name for pattern in patterns(get_resolver()) if getattr(pattern.callback, "publishable", False)}
    assert found == {"home", "page", "robots", "sitemap", "sitemap_part"}


def test_paths(home):
    about = make_page("About us")
    make_page("关于我们", parent=about, slug="关于我们")
    make_page("Hidden", is_published=False)
    assert sorted(publishable_paths()) == ["/", "/about-us/", "/about-us/关于我们/", "/robots.txt", "/sitemap.xml"]
    assert list(page_paths()[:2]) == ["/about-us/", "/about-us/关于我们/"]


class Unreadable(dict):
    """A query string that must not be read."""

    def __getitem__(self, key):
        raise AssertionError("the query string was read")

    get = getlist = __contains__ = __iter__ = keys = items = values = urlencode = __getitem__


@pytest.fixture
def addresses(home, media) -> list[str]:
    page = make_page("About us", menu="footer")
    make_text(page, "<p>A page with a picture.</p>")
    make_picture(page).finish()
    make_page("Below", parent=page)
    return list(publishable_paths())


def test_answers_depend_on_neither_query_nor_clock_nor_visitor(addresses, monkeypatch):
    answers = {}
    for moment in ("2001-01-01", "2026-11-21", "2099-12-31 23:59:59"):
        with time_machine.travel(moment, tick=False):
            for address in addresses:
                for query, headers in [
                    ("", {}),
                    ("?page=2&lang=zh-hans&preview=1", {"accept-language": "zh-hans", "user-agent": "iPhone"}),
                    ("", {"host": "127.0.0.1", "x-forwarded-for": "192.0.2.1", "accept": "text/plain"}),
                ]:
                    response = Client().get(address + query, headers=headers)
                    assert response.status_code == 200
                    answers.setdefault(address, set()).add((response.content, str(response.headers)))
    assert len(answers) == 5
    assert {address: len(found) for address, found in answers.items()} == dict.fromkeys(answers, 1)


def test_the_query_string_is_not_read(addresses, monkeypatch):
    monkeypatch.setattr("django.core.handlers.wsgi.WSGIRequest.GET", Unreadable())
    for address in addresses:
        assert Client().get(address).status_code == 200


def test_headers_of_an_answer(addresses):
    for address in addresses:
        response = Client().get(address)
        assert response.headers["Cache-Control"] == "no-cache"
        assert "Vary" not in response.headers
        assert "Content-Language" not in response.headers
