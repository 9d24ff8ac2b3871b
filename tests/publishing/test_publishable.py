import pytest
import time_machine
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLResolver

from myweb.pages.blocks import blocks_of
from myweb.pages.models import Page
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


@pytest.mark.usefixtures("addresses")
def test_no_page_shows_blocks_of_another_or_when_it_was_changed():
    """When blocks of a page are published, what is published of all others is kept."""
    for path in page_paths():
        others = [address for address in publishable_paths() if address.endswith("/") and address != path]
        before = [Client().get(address).content for address in others]
        changed = Page.objects.get(path=path)
        for block in blocks_of(changed):
            block.delete()
        Page.objects.filter(pk=changed.pk).update(updated_at="2030-01-01T00:00Z")
        assert [Client().get(address).content for address in others] == before


def test_whatever_is_no_page_is_at_the_top(addresses):
    """There it is removed with every change; further down, nobody would look for it."""
    assert {address.rpartition("/")[0] for address in addresses if not address.endswith("/")} == {""}
    names = {pattern.name for pattern in patterns(get_resolver()) if getattr(pattern.callback, "publishable", False)}
    assert names - {"home", "page"} == {"robots", "sitemap", "sitemap_part"}
    assert reverse("sitemap_part", args=[2]).rpartition("/")[0] == ""
