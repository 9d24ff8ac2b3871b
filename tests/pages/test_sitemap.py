import xml.etree.ElementTree as ET
from datetime import datetime

import pytest
from django.test import Client

from myweb.pages import sitemap
from myweb.pages.models import Page
from myweb.publishing.decorators import publishable_paths
from tests.factories import make_page

pytestmark = pytest.mark.django_db

CONTACT = "http://localhost:8099/contact/"


def listed(client: Client, path: str = "/sitemap.xml") -> list[str]:
    tree = ET.fromstring(client.get(path).content)
    assert tree.tag.startswith("{http://www.sitemaps.org/schemas/sitemap/0.9}")
    return [each.text or "" for each in tree.iter(tree.tag.partition("}")[0] + "}loc")]


def test_public_pages_and_the_contact_form(client, home, django_assert_num_queries):
    make_page("关于我们", slug="关于我们")
    make_page("About us")
    make_page("Draft", is_published=False)
    public = [page.absolute_url for page in Page.objects.published().order_by("path")]
    assert len(public) == 3
    with django_assert_num_queries(2):
        assert listed(client) == [*public, CONTACT]


def test_when_a_page_was_changed(client, home):
    text = client.get("/sitemap.xml").content.decode()
    assert datetime.fromisoformat(text.partition("<lastmod>")[2].partition("<")[0]) == home.updated_at


@pytest.mark.parametrize(("pages", "parts"), [(1, 1), (2, 2), (3, 2), (4, 3)])
def test_more_than_one_file_may_have(client, monkeypatch, pages, parts):
    monkeypatch.setattr(sitemap, "MOST", 2)
    wanted = [make_page(f"Page {number}").absolute_url for number in range(pages)]
    names = [f"http://localhost:8099/sitemap-{number}.xml" for number in range(1, parts + 1)]
    paths = [name.removeprefix("http://localhost:8099") for name in names]
    published = [path for path in publishable_paths() if "sitemap" in path]
    if parts == 1:
        assert listed(client) == [*wanted, CONTACT]
        assert published == ["/sitemap.xml"]
        assert client.get(paths[0]).status_code == 404
    else:
        assert listed(client) == names
        assert [address for path in paths for address in listed(client, path)] == [*wanted, CONTACT]
        assert sorted(published) == sorted(["/sitemap.xml", *paths])
    for number in (0, parts + 1, 9**30):
        assert client.get(f"/sitemap-{number}.xml").status_code == 404
