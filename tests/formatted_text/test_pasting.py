"""What the admin says of HTML from elsewhere, pasted or posted."""

import json

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from myweb.desk.models import Version
from myweb.library_texts import PROSE_EDITOR
from myweb.pages.models import SiteSettings
from tests.admin_forms import add_block, form_data
from tests.factories import make_page
from tests.formatted_text.test_cleaning import WRITTEN, read
from tests.pages.test_admin import change_url
from tests.site import ROOT

pytestmark = pytest.mark.django_db

URL = "/admin/pasted/"


def paste(client, html: str = "<h1>A</h1><img>", field: str = "pages.text.text"):
    return client.post(URL, {"html": html, "field": field})


def test_it_works(admin_client):
    answer = paste(admin_client)
    assert answer.status_code == 200
    assert answer.json()["html"] == "<h2>A</h2>"
    [sentence] = answer.json()["sentences"]
    assert sentence.startswith("1 picture was left out")
    assert "no-store" in answer.headers["Cache-Control"]


def test_each_editor_is_answered_what_it_can_hold(admin_client):
    assert paste(admin_client, field="pages.sitesettings.footer_text").json()["html"] == "<p>A</p>"


def test_all_that_was_left_out_is_said_in_the_language_of_the_owner(admin_client):
    answer = admin_client.post(
        URL,
        {"html": "<img><img><video></video><a class=msocomanchor>x</a>", "field": "pages.text.text"},
        headers={"Accept-Language": "zh-hans"},
    ).json()
    pictures, embedded, comments = answer["sentences"]
    assert "2 张图片" in pictures
    assert "1 个视频" in embedded
    assert "1 条批注" in comments


@pytest.mark.parametrize(
    "field", ["", "text", "pages.text", "pages.text.id", "pages.nothing.text", "a.b.c.d", "pages..", "\0"]
)
def test_other_fields_do_not_exist(admin_client, field):
    assert paste(admin_client, field=field).status_code in (400, 404)


def test_only_who_has_to_do_with_texts_is_answered(client):
    client.force_login(User.objects.create_user("clerk", is_staff=True), "django.contrib.auth.backends.ModelBackend")
    assert paste(client).status_code == 403
    client.logout()
    assert paste(client).status_code == 302


def test_it_is_only_posted_to(admin_client):
    assert admin_client.get(URL).status_code == 405


def test_what_is_posted_directly_is_cleaned_and_said(admin_client, home):
    data = form_data(admin_client.get(change_url(home))) | {"is_published": "on"}
    add_block(data, "text", text=read("word.html"))
    answer = admin_client.post(change_url(home), data, follow=True)
    said = [str(message) for message in answer.context["messages"]]
    assert any("1 picture was left out" in sentence for sentence in said)
    assert any("1 comment was left out" in sentence for sentence in said)
    text = home.pages_text_set.get().text
    assert text.startswith("<h2>The house by the lake</h2>")
    assert "<ul><li><p>Beds</p>" in text


def test_posted_settings_are_cleaned_and_said(admin_client, home):
    row = SiteSettings.objects.get()
    data = form_data(admin_client.get(change_url(row))) | {"footer_text": "<h1>Lake House</h1><img>"}
    answer = admin_client.post(change_url(row), data, follow=True)
    assert any("1 picture was left out" in str(message) for message in answer.context["messages"])
    row.refresh_from_db()
    assert row.footer_text == "<p>Lake House</p>"


def test_what_only_had_a_picture_is_said_to_be_empty(admin_client, home):
    data = form_data(admin_client.get(change_url(home))) | {"is_published": "on"}
    add_block(data, "text", text="<p><img></p>")
    answer = admin_client.post(change_url(home), data)
    assert answer.status_code == 200
    assert "This field cannot be blank." in answer.content.decode()


def test_drafts_are_cleaned_and_it_is_said(admin_client, home):
    data = form_data(admin_client.get(change_url(home)))
    data.pop("_publish", None)
    add_block(data, "text", text="<h1>A</h1><img>")
    answer = admin_client.post(change_url(home), data | {"_save": "draft"}, follow=True)
    assert any("1 picture was left out" in str(message) for message in answer.context["messages"])
    [block] = Version.objects.filter(key=home.pk).last().content["blocks"]
    assert block["fields"]["text"] == "<h2>A</h2>"


def test_clean_texts_cause_no_message(admin_client):
    page = make_page("Top")
    data = form_data(admin_client.get(change_url(page))) | {"is_published": "on"}
    for html in filter(None, WRITTEN):
        add_block(data, "text", text=html)
    answer = admin_client.post(change_url(page), data, follow=True)
    assert [message.level_tag for message in answer.context["messages"]] == ["success"]
    assert {block.text for block in page.pages_text_set.all()} == {*filter(None, WRITTEN)}


def test_editor_has_all_its_words_in_the_language_of_the_owner(admin_client):
    script = admin_client.get(reverse("admin:jsi18n"), headers={"Accept-Language": "zh-hans"}).content.decode()
    catalog = json.loads(script.partition("const newcatalog = ")[2].partition(";\n")[0])
    assert {text for text in PROSE_EDITOR if catalog.get(text, text) == text} == set()
    assert catalog["Today"] == "今天"  # one of Django's


def test_names_of_tools_can_be_translated():
    script = (ROOT / "static/myweb/text_editor.js").read_text()
    names = script.partition("const NAMES = {")[2].partition("}")[0]
    texts = [line.split(": ")[-1].strip(' ",') for line in names.strip().splitlines()]
    assert len(texts) > 20
    assert set(texts) <= set(PROSE_EDITOR)
