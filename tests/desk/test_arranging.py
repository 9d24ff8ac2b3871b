"""Blocks that are added and moved by buttons of the form: it comes back as it was sent, and nothing is written."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from myweb.desk.line import Line
from myweb.desk.models import Version
from myweb.pages.blocks import blocks_of
from myweb.pages.models import Page
from myweb.pages.uploads import Upload
from tests.admin_forms import add_block, form_data
from tests.desk.test_kinds import NOTE
from tests.desk.test_kinds import page as noted_page  # noqa: F401 (a fixture)
from tests.factories import make_page, make_picture, make_text, make_upload
from tests.pages.test_blocks import note_kind  # noqa: F401 (a fixture)

pytestmark = pytest.mark.django_db

HIDDEN = ("_form", "_base", "_opened", "_count")


@pytest.fixture
def page(home, media) -> Page:
    page = make_page("About")
    make_text(page, "<p>First</p>", 10)
    make_picture(page, 20)
    make_text(page, "<p>Third</p>", 30)
    return page


def url_of(page: Page) -> str:
    return f"/admin/pages/page/{page.pk}/change/"


def opened(client: Client, page: Page) -> dict:
    return form_data(client.get(url_of(page)))


def pressed(data: dict, button: str, value: str = "1") -> dict:
    return {name: each for name, each in data.items() if name != "_publish"} | {button: value}


def order(response) -> list[str]:
    """Return the ids of the blocks in the order in which they are shown."""
    return re.findall(r'class="inline-related[^"]*" id="(pages_\w+-\d+)"', response.content.decode())


def draft_of(page: Page) -> list[str]:
    content = Line(Page, page.pk).content
    assert content
    return [block["fields"].get("text") or block["kind"] for block in content["blocks"]]


def test_blocks_are_shown_in_their_order(admin_client, page):
    assert order(admin_client.get(url_of(page))) == ["pages_text_set-0", "pages_picture_set-0", "pages_text_set-1"]


def test_block_is_added_without_a_write(admin_client, page):
    data = opened(admin_client, page) | {"title": "Typed", "_comment": "Why", "_plan_at_0": "2036-01-01"}
    with CaptureQueriesContext(connection) as queries:
        response = admin_client.post(url_of(page), pressed(data, "_add", "pages_text_set"))
    assert response.status_code == 200
    assert not [each["sql"] for each in queries if not each["sql"].startswith("SELECT")]
    assert not Version.objects.exists()
    assert order(response)[-1] == "pages_text_set-2"
    again = form_data(response)
    assert again["title"] == "Typed"
    assert {name: str(again[name]) for name in HIDDEN} == {name: str(data[name]) for name in HIDDEN}
    html = response.content.decode()
    assert 'name="_comment" value="Why"' in html
    assert 'value="2036-01-01"' in html
    assert "errornote" not in html
    again["pages_text_set-2-text"] = "<p>Fourth</p>"
    assert admin_client.post(url_of(page), again).status_code == 302
    assert [str(block) for block in blocks_of(page)] == ["First", "A red field", "Third", "Fourth"]


def test_block_begins_as_any_new_one(admin_client, page):
    response = admin_client.post(url_of(page), pressed(opened(admin_client, page), "_add", "pages_picture_set"))
    assert 'name="pages_picture_set-1-image_ppoi" value="0.5x0.5"' in response.content.decode()
    data = form_data(response)
    assert (data["pages_picture_set-1-region"], data["pages_picture_set-1-ordering"]) == ("main", 40)
    assert data["pages_picture_set-1-parent"] == page.pk
    data |= {"pages_picture_set-1-alt_text": "A lake", "pages_picture_set-1-image": make_upload()}
    response = admin_client.post(url_of(page), pressed(data, "_add", "pages_picture_set"))
    assert form_data(response)["pages_picture_set-1-alt_text"] == "A lake"


def test_block_is_added_before_another(admin_client, page):
    data = opened(admin_client, page) | {"_before": "pages_picture_set-0"}
    response = admin_client.post(url_of(page), pressed(data, "_add", "pages_picture_set"))
    assert order(response) == ["pages_text_set-0", "pages_picture_set-1", "pages_picture_set-0", "pages_text_set-1"]


def test_blocks_are_moved(admin_client, page):
    data = opened(admin_client, page)
    response = admin_client.post(url_of(page), pressed(data, "_up", "pages_text_set-1"))
    assert order(response) == ["pages_text_set-0", "pages_text_set-1", "pages_picture_set-0"]
    response = admin_client.post(url_of(page), pressed(form_data(response), "_down", "pages_text_set-0"))
    assert order(response) == ["pages_text_set-1", "pages_text_set-0", "pages_picture_set-0"]
    admin_client.post(url_of(page), pressed(form_data(response), "_draft"))
    assert draft_of(page) == ["<p>Third</p>", "<p>First</p>", "pages.picture"]


@pytest.mark.parametrize(
    ("button", "value"),
    [
        ("_up", "pages_text_set-0"),
        ("_down", "pages_text_set-1"),
        ("_up", "pages_text_set-7"),
        ("_down", ""),
        ("_add", "nothing"),
        ("_add", ""),
    ],
)
def test_what_cannot_be_done_changes_nothing(admin_client, page, button, value):
    response = admin_client.post(url_of(page), pressed(opened(admin_client, page), button, value))
    assert response.status_code == 200
    assert order(response) == ["pages_text_set-0", "pages_picture_set-0", "pages_text_set-1"]


def test_numbers_that_no_form_has(admin_client, page):
    data = opened(admin_client, page)
    for change in (
        {"pages_text_set-0-ordering": "9" * 30},
        {"pages_text_set-0-id": "0"},
        {"pages_text_set-TOTAL_FORMS": "x"},
        {"_base": "\0", "_form": "x" * 1000, "_count": "-1"},
    ):
        response = admin_client.post(url_of(page), pressed(data | change, "_add", "pages_text_set"))
        assert response.status_code in (200, 400)
    assert not Version.objects.exists()


def test_deleted_one_stays_marked(admin_client, page):
    data = opened(admin_client, page) | {"pages_text_set-0-DELETE": "on"}
    response = admin_client.post(url_of(page), pressed(data, "_up", "pages_text_set-1"))
    again = form_data(response)
    assert again["pages_text_set-0-DELETE"] is True
    admin_client.post(url_of(page), pressed(again, "_draft"))
    assert draft_of(page) == ["<p>Third</p>", "pages.picture"]


def test_who_was_faster_is_still_noticed(admin_client, page):
    data = opened(admin_client, page)
    other = opened(admin_client, page)
    assert admin_client.post(url_of(page), other | {"title": "Faster"}).status_code == 302
    response = admin_client.post(url_of(page), pressed(data | {"title": "Later"}, "_up", "pages_text_set-1"))
    response = admin_client.post(url_of(page), form_data(response), follow=True)
    assert "Nothing is lost" in response.content.decode()
    assert Page.objects.get(pk=page.pk).title == "Faster"


def test_draft_that_appeared_meanwhile_is_not_taken_for_what_was_opened(admin_client, page):
    data = opened(admin_client, page)
    other = opened(admin_client, page)
    admin_client.post(url_of(page), pressed(other | {"title": "Theirs"}, "_draft"))
    response = admin_client.post(url_of(page), pressed(data, "_up", "pages_text_set-1"))
    assert form_data(response)["_opened"] == ""
    assert form_data(response)["title"] == "About"


def test_picture_that_came_along_is_kept(admin_client, page):
    data = opened(admin_client, page)
    add_block(data, "picture", image=make_upload((900, 600)), alt_text="A lake")
    response = admin_client.post(url_of(page), pressed(data, "_add", "pages_text_set"))
    number = Upload.objects.get().pk
    assert f'name="pages_picture_set-1-image_number" value="{number}"' in response.content.decode()
    again = form_data(response) | {"pages_picture_set-1-image_number": number}
    admin_client.post(url_of(page), pressed(again, "_draft"))
    assert Line(Page, page.pk).content["blocks"][1]["fields"]["image"] == Upload.objects.get().file.name  # type: ignore[index]


@pytest.mark.parametrize("button", ["_draft", "_add"])
def test_file_that_is_no_picture_is_said(admin_client, page, button):
    data = opened(admin_client, page)
    data["pages_picture_set-0-image"] = SimpleUploadedFile("letter.jpg", b"no picture")
    response = admin_client.post(url_of(page), pressed(data, button, "pages_text_set"), follow=True)
    assert "“letter.jpg”: This file cannot be read as a picture." in response.content.decode()
    # The picture that was there is there.
    assert "pages_picture_set-0-image" in response.content.decode()
    assert "Currently" in response.content.decode()


def test_login_in_between_keeps_what_was_sent(admin_client, page, admin_user):
    data = opened(admin_client, page) | {"title": "Typed for an hour"}
    stranger = Client()
    response = stranger.post(url_of(page), pressed(data, "_add", "pages_text_set"))
    token = re.search(r'name="_unsent" value="([^"]*)"', response.content.decode())
    assert token
    login = {"username": admin_user.username, "password": "password", "next": url_of(page), "_unsent": token[1]}
    response = stranger.post("/admin/login/", login, follow=True)
    assert form_data(response)["title"] == "Typed for an hour"
    assert Version.objects.get().event == Version.Event.UNSENT


def test_any_kind_is_added_and_moved(admin_client, noted_page):  # noqa: F811
    make_text(noted_page, "<p>Words</p>", 10)
    response = admin_client.post(
        url_of(noted_page), pressed(opened(admin_client, noted_page), "_add", "notes_note_set")
    )
    assert 'name="_add" value="notes_note_set"' in response.content.decode()
    data = form_data(response)
    place = data["notes_note_set-0-ordering"]
    data |= {f"notes_note_set-0-{name}": value for name, value in NOTE.items()} | {"notes_note_set-0-ordering": place}
    response = admin_client.post(url_of(noted_page), pressed(data, "_up", "notes_note_set-0"))
    admin_client.post(url_of(noted_page), pressed(form_data(response), "_draft"))
    assert draft_of(noted_page) == ["notes.note", "<p>Words</p>"]


def test_blocks_after_a_deleted_one_come_back_when_publishing_is_refused(admin_client, page):
    """The draft that was saved by itself has fewer blocks than the form was opened with."""
    data = opened(admin_client, page) | {"pages_text_set-0-DELETE": "on"}
    answer = admin_client.post(url_of(page), pressed(data, "_autosave")).json()
    data |= {"_base": answer["base"], "_opened": answer["opened"], "_count": 2, "title": ""}
    response = admin_client.post(url_of(page), data)
    assert "Not published yet" in response.content.decode()
    assert "pages_text_set-1" in order(response)
