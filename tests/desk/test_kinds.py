"""A kind of block that only the tests have gets everything of the desk, without a line of its own."""

import re
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from myweb.desk.forms import BlockInline
from myweb.desk.line import Line
from myweb.desk.models import Version
from myweb.pages.admin import PageAdmin
from myweb.pages.blocks import blocks_of, kinds
from myweb.pages.models import Page
from tests.admin_forms import form_data
from tests.factories import make_page
from tests.pages.test_blocks import note_kind  # noqa: F401 (a fixture)

NOTE = {
    "ordering": 10,
    "region": "main",
    "words": "Less is more",
    "at_0": "2026-02-28",
    "at_1": "12:30:00",
    "on": "2026-02-28",
    "price": "0.10",
    "is_new": "on",
    "tags": '{"a": [1, "湖", null]}',
}


@pytest.fixture
def page(home, note_kind, monkeypatch) -> Page:  # noqa: F811
    # As it is when the admin is loaded
    monkeypatch.setattr(PageAdmin, "inlines", [kind.inline(BlockInline) for kind in kinds()])
    return make_page("About")


def change(client: Client, page: Page, query: str = "", **note: str) -> tuple[str, dict]:
    """Open the form, and return where it is sent, and what: with a note, or the note that there is with a change."""
    url = f"/admin/pages/page/{page.pk}/change/"
    response = client.get(url + query)
    assert response.status_code == 200
    data = form_data(response)
    if data["notes_note_set-TOTAL_FORMS"] == 0:
        data["notes_note_set-TOTAL_FORMS"] = 1
        said = {**NOTE, "seen_by": Page.objects.get(slug="").pk}
        data |= {f"notes_note_set-0-{name}": value for name, value in said.items()}
    return url, data | {f"notes_note_set-0-{name}": value for name, value in note.items()}


def pressed(data: dict, button: str) -> dict:
    return {name: value for name, value in data.items() if name != "_publish"} | {button: "1"}


def seen(client: Client, url: str) -> str:
    """Return what stands in the page."""
    response = client.get(url)
    assert response.status_code == 200
    return "".join(re.findall(r'<p class="note">(.*?)</p>', response.content.decode()))


def test_from_draft_to_restore(page, admin_client):
    public, preview = "/about/", reverse("admin:pages_page_preview", args=[page.pk])

    # What is typed, in a preview
    url, data = change(admin_client, page)
    assert '<p class="note">Less is more</p>' in admin_client.post(preview, pressed(data, "_preview")).content.decode()
    assert not Version.objects.exists()

    # A draft, by itself and by its button
    answer = admin_client.post(url, pressed(data, "_autosave"))
    assert answer.status_code == 200
    data |= {"_base": answer.json()["base"], "_opened": answer.json()["opened"], "_count": 2}
    data |= {name: key for name, key in answer.json()["keys"].items() if key}
    assert admin_client.post(url, pressed(data, "_draft")).status_code == 302
    assert blocks_of(page) == []
    assert seen(admin_client, preview) == "Less is more"
    assert seen(Client(), public) == ""
    assert Line(Page, page.pk).draft

    # Published, with all that its columns can say
    url, data = change(admin_client, page)
    assert admin_client.post(url, data).status_code == 302
    first = Line(Page, page.pk).last
    assert seen(Client(), public) == "Less is more"
    [note] = blocks_of(page)
    assert (note.price, note.tags, note.seen_by.slug) == (Decimal("0.10"), {"a": [1, "湖", None]}, "")

    # Another version, and the two compared
    url, data = change(admin_client, page, words="More is less", price="2.50")
    assert admin_client.post(url, data).status_code == 302
    second = Line(Page, page.pk).last
    assert [block.pk for block in blocks_of(page)] == [note.pk]
    versions = reverse("admin:pages_page_versions", args=[page.pk])
    html = admin_client.get(versions, {"old": first.pk, "new": second.pk}).content.decode()
    assert "Note: changed" in html
    assert re.search(r"<del>Less </del>.*<ins>less</ins>", html)
    assert "<dt>Price</dt>" in html
    assert seen(admin_client, f"{preview}?version={first.pk}") == "Less is more"

    # The old one restored: the same row, with all that it said
    url, data = change(admin_client, page, query=f"?version={first.pk}")
    assert admin_client.post(url, data).status_code == 302
    assert seen(Client(), public) == "Less is more"
    assert Line(Page, page.pk).last.digest == first.digest
    [restored] = blocks_of(page)
    assert (restored.pk, restored.tags, restored.at) == (note.pk, note.tags, note.at)


def test_it_comes_back_with_its_page(page, admin_client):
    url, data = change(admin_client, page)
    assert admin_client.post(url, data).status_code == 302
    [before] = blocks_of(page)
    admin_client.post(reverse("admin:pages_page_delete", args=[page.pk]), {"post": "yes"})
    assert not type(before).objects.exists()
    deleted = Line(Page, page.pk).last
    assert admin_client.post(reverse("admin:pages_page_bring_back", args=[deleted.pk])).status_code == 302
    [after] = blocks_of(Page.objects.get(pk=page.pk))
    assert (after.pk, after.words, after.tags) == (before.pk, before.words, before.tags)


def test_conflict_shows_both(page, admin_client):
    url, mine = change(admin_client, page, words="Mine")
    _url, hers = change(admin_client, page, words="Hers")
    assert admin_client.post(url, hers).status_code == 302
    response = admin_client.post(url, mine, follow=True)
    html = response.content.decode()
    assert "Note: removed" in html or "Note: added" in html
    assert 'value="Mine"' in html
    assert seen(Client(), "/about/") == "Hers"
