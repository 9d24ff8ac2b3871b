"""What the desk asks of the database does not grow with the site, and looking at a draft changes and locks nothing."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from myweb.desk.deletion import bring_back, deleted_pages
from myweb.desk.models import Version
from myweb.pages.models import Page
from tests.admin_forms import add_block, form_data
from tests.factories import make_page, make_text


def url_of(page: Page) -> str:
    return f"/admin/pages/page/{page.pk}/change/"


def form_of(client: Client, page: Page, **change: Any) -> dict[str, Any]:
    data = form_data(client.get(url_of(page))) | change
    del data["_publish"]
    return data


def queries_of(client: Client, page: Page) -> dict[str, int]:
    """Do everything once, and return how many queries each took."""
    counts, url = {}, url_of(page)

    def count(name: str, ask: Any) -> Any:
        with CaptureQueriesContext(connection) as queries:
            response = ask()
        assert response.status_code in (200, 302), name
        counts[name] = len(queries)
        return response

    count("form", lambda: client.get(url))
    count("new form", lambda: client.get("/admin/pages/page/add/", follow=True))
    data = form_of(client, page, title="First")
    count("preview", lambda: client.post(url.replace("change", "preview"), data))
    count("autosave", lambda: client.post(url, data | {"_autosave": "1"}))
    data = form_of(client, page, title="Second")
    count("draft", lambda: client.post(url, data))
    data = form_of(client, page, title="Third")
    count("publish", lambda: client.post(url, data | {"_publish": "1"}))
    data = form_of(client, page, slug="renamed")
    count("publish elsewhere", lambda: client.post(url, data | {"_publish": "1"}))
    versions = url.replace("change", "versions")
    count("versions", lambda: client.get(versions))
    old, new = Version.objects.of(Page, page.pk).order_by("pk")[:2]
    count("comparison", lambda: client.get(f"{versions}?old={old.pk}&new={new.pk}"))
    data = form_data(count("old version", lambda: client.get(f"{url}?version={old.pk}")))
    count("restored", lambda: client.post(url, data))
    return counts


@pytest.mark.slow("makes hundreds of pages, whose form lists all of them")
@pytest.mark.django_db
def test_queries_do_not_grow_with_the_site(admin_client, home):
    counts = []
    for title, others in (("First", 1), ("Among few", 7), ("Among many", 290)):
        fillers = [Page(title=f"P {index}", slug=f"{others}-{index}") for index in range(others)]
        for filler in fillers:
            filler.derive(None)
        Page.objects.bulk_create(fillers)
        page = make_page(title, menu="main")
        make_text(page)
        counts.append(queries_of(admin_client, page))
        page.delete()
    # What is asked once a process is asked by the first.
    assert counts[1] == counts[2]


@pytest.mark.django_db
def test_pages_that_are_deleted_cost_next_to_no_queries(home):
    counts = []
    for number in (1, 2, 20):
        root = make_page(f"Branch {number}")
        key = root.pk
        for index in range(number):
            make_page(f"Page {index}", parent=root)
        with CaptureQueriesContext(connection) as gone:
            root.delete()
        with CaptureQueriesContext(connection) as back:
            assert len(bring_back(deleted_pages().get(key=key), None)) == number + 1
        counts.append((len(gone), len(back)))
    # What is asked once a process is asked by the first.
    assert counts[1] == counts[2]


def previews_of(client: Client) -> list[tuple[str, str, dict[str, Any] | None]]:
    """Return what opens a preview of a form and of a saved draft, and what it shows."""
    page = make_page("About", menu="main")
    data = form_of(client, page, title="Not yet")
    add_block(data, "text", text="<p>Words</p>")
    client.post(url_of(page), data)
    preview = url_of(page).replace("change", "preview")
    return [(preview, "<h1>Not yet</h1>", None), (preview, "<h1>Never</h1>", data | {"title": "Never"})]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="is about PostgreSQL")
def test_preview_where_nothing_can_be_written(admin_client):
    make_page("Home", slug="")
    previews = previews_of(admin_client)
    connection.cursor().execute("SET default_transaction_read_only = on")
    try:
        for url, words, data in previews:
            response = admin_client.post(url, data) if data else admin_client.get(url)
            assert words in response.content.decode()
    finally:
        connection.cursor().execute("SET default_transaction_read_only = off")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="is about SQLite")
def test_preview_while_somebody_else_writes(admin_client):
    make_page("Home", slug="")
    previews = previews_of(admin_client)
    with closing(sqlite3.connect(connection.settings_dict["NAME"], uri=True, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for url, words, data in previews:
            response = admin_client.post(url, data) if data else admin_client.get(url)
            assert words in response.content.decode()
        other.execute("ROLLBACK")
