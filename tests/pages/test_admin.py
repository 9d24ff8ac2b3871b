import json
import re
import unicodedata
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from myweb.pages.blocks import kinds
from myweb.pages.blocks.picture import Picture
from myweb.pages.blocks.text import Text
from myweb.pages.models import Page, SiteSettings
from tests.admin_forms import ADD, add_block, form_data, new_form
from tests.factories import make_page, make_picture, make_text, make_upload

pytestmark = pytest.mark.django_db


def change_url(obj: Page | SiteSettings) -> str:
    return reverse(f"admin:pages_{obj._meta.model_name}_change", args=[obj.pk])


def test_it_works(admin_client, media):
    url, data = new_form(admin_client)
    data |= {
        "title": "关于我们",
        "slug": "关于我们",
        "is_published": "on",
        "menu": "main",
    }
    add_block(data, "text", text="<p>我们在<strong>湖边</strong>。</p>", ordering=20)
    add_block(data, "picture", image=make_upload(name="湖.jpg"), alt_text="湖", image_ppoi="0.5x0.5", ordering=10)
    response = admin_client.post(url, data | {"is_home": ""})
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/pages/page/")
    page = Page.objects.get()
    assert (page.path, page.is_public, page.menu) == ("/关于我们/", True, "main")
    html = admin_client.get("/关于我们/").content.decode()
    assert html.index("<picture>") < html.index("我们在<strong>湖边</strong>")


def test_blocks_are_reordered_changed_and_deleted(admin_client, home, media):
    first, second = make_text(home, "<p>First</p>", 10), make_text(home, "<p>Second</p>", 20)
    picture = make_picture(home, ordering=30)
    data = form_data(admin_client.get(change_url(home)))
    data |= {
        "pages_text_set-0-ordering": 25,
        "pages_text_set-1-text": "<p>Changed</p>",
        "pages_picture_set-0-DELETE": "on",
    }
    assert admin_client.post(change_url(home), data).status_code == 302
    html = admin_client.get("/").content.decode()
    assert html.index("Changed") < html.index("First")
    assert "Second" not in html
    assert not Picture.objects.filter(pk=picture.pk).exists()
    assert set(Text.objects.values_list("pk", flat=True)) == {first.pk, second.pk}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"title": ""}, "This field is required."),
        ({"slug": "a/b"}, "Please use only letters, digits, hyphens and underscores"),
        ({"slug": "taken"}, "“Taken” has this address already."),
        ({"slug": "admin"}, "This address is used by the site itself."),
        ({"parent": "999"}, "has been deleted"),
        ({"parent": "9" * 50}, "has been deleted"),
        ({"parent": "x\0"}, "Null characters are not allowed."),
        ({"publish_from_0": "yesterday", "publish_from_1": "noon"}, "Enter a valid date."),
        ({"title": "NUL \0 byte"}, "Null characters are not allowed."),
        ({"title": "\u200b\u3164 \u0301"}, "Please fill in something that can be seen."),
        ({"slug": "TAKEN"}, "“Taken” has this address already."),
        ({"slug": "café"}, "“Café” has this address already."),
        ({"slug": "Healthz"}, "This address is used by the site itself."),
        ({"slug": "a b", "parent": "999"}, "Please use only letters, digits, hyphens and underscores"),
        ({"title": "", "slug": ""}, "This field is required."),
        ({"publish_from_0": "1899-12-31"}, "Please choose a date from 1900 to 9000."),
        ({"publish_until_0": "9999-12-31", "publish_until_1": "23:59:59"}, "Please choose a date from 1900 to 9000."),
        ({"publish_until_1": "12:00"}, "Enter a valid date."),
    ],
)
def test_bad_input_is_said_at_the_field(admin_client, change, sentence):
    make_page("Taken")
    make_page("Café", slug=unicodedata.normalize("NFC", "café"))
    make_page("Home", slug="")
    url, data = new_form(admin_client)
    response = admin_client.post(url, data | {"title": "New", "slug": "new"} | change)
    assert response.status_code == 200
    errors = response.context["adminform"].form.errors
    assert sentence in str(errors)
    # None that follows from another
    assert {name.removesuffix("_0").removesuffix("_1") for name in change} >= set(errors)
    assert [name for name in errors if len(errors[name]) != 1 and f"{name}_1" not in change] == []
    assert Page.objects.published().count() == 3


def test_form_is_opened_with_odd_dates_in_its_address(admin_client):
    response = admin_client.get(f"{ADD}?publish_from=soon&publish_until=9999-12-31", follow=True)
    assert response.status_code == 200
    assert response.redirect_chain[0][0].endswith("/change/?publish_from=soon&publish_until=9999-12-31")


def test_schedule_names_the_time_zone(admin_client, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    html = admin_client.get(ADD, follow=True).content.decode()
    assert "Leave it empty to show the page at once. Time zone: Europe/Berlin." in html


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 10, 25, 0, 30, 7, 123456, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, 7, tzinfo=UTC),
        datetime(1999, 6, 1, 12, 0, 59, tzinfo=UTC),
    ],
)
def test_page_saved_as_it_is_keeps_its_times(admin_client, settings, language, moment):
    """Also in the hour that autumn has twice, and with the seconds that the formats of Chinese leave out."""
    settings.TIME_ZONE, settings.LANGUAGE_CODE = "Europe/Berlin", language
    page = make_page(publish_from=moment)
    url = change_url(page)
    response = admin_client.get(url, headers={"accept-language": language})
    shown = dict(re.findall(r'name="(publish_from_[01])" value="([^"]*)"', response.content.decode()))
    data = form_data(response) | shown
    assert admin_client.post(url, data, headers={"accept-language": language}).status_code == 302
    page.refresh_from_db()
    assert page.publish_from == moment


def test_broken_picture_is_said_at_the_field_and_the_text_is_kept(admin_client, home, media):
    data = form_data(admin_client.get(change_url(home)))
    upload = make_upload((1600, 1000))
    upload.file.truncate(1000)
    add_block(data, "picture", image=upload, alt_text="Broken", image_ppoi="0.5x0.5")
    add_block(data, "text", text="<p>Typed for an hour</p>")
    response = admin_client.post(change_url(home), data)
    html = response.content.decode()
    assert response.status_code == 200
    assert html.count("cannot be read as a picture") == 2  # at its field, and in the list above the form
    assert "Typed for an hour" in html
    assert not Picture.objects.exists()
    assert not media.exists()


def test_pictures_are_decoded_before_the_transaction(admin_client, home, media, monkeypatch):
    in_transaction = []
    prepare = "myweb.pages.pictures._decode_and_rewrite"
    from myweb.pages import pictures

    original = pictures._decode_and_rewrite
    # The test itself is in a transaction, so what counts is how deep.
    monkeypatch.setattr(
        prepare, lambda upload: in_transaction.append(len(connection.savepoint_ids)) or original(upload)
    )
    data = form_data(admin_client.get(change_url(home)))
    add_block(data, "picture", image=make_upload(), alt_text="A field", image_ppoi="0.5x0.5")
    assert admin_client.post(change_url(home), data).status_code == 302
    assert in_transaction == [0]


def test_showing_a_form_takes_no_lock(admin_client, home):
    for url in (change_url(home), ADD, "/admin/pages/page/"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert admin_client.get(url, follow=True).status_code == 200
        assert not [query["sql"] for query in queries if "SAVEPOINT" in query["sql"]]


class TestPermissions:
    @pytest.fixture
    def reader(self, client):
        user = User.objects.create_user("reader", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="view_page"))
        client.force_login(user)
        return client

    @pytest.fixture
    def staff(self, client):
        client.force_login(User.objects.create_user("staff", is_staff=True))
        return client

    def urls(self, page) -> list[str]:
        urls = ["/admin/pages/page/", ADD, "/admin/pages/sitesettings/"]
        return urls + [f"/admin/pages/page/{page.pk}/{view}/" for view in ("change", "delete", "versions", "preview")]

    def test_strangers_see_nothing(self, client, home):
        for url in self.urls(home):
            assert client.get(url).headers["Location"].startswith("/admin/login/")

    def test_staff_without_rights_sees_nothing(self, staff, home):
        assert {url: staff.get(url).status_code for url in self.urls(home)} == dict.fromkeys(self.urls(home), 403)

    def test_reader_sees_blocks_as_they_look(self, reader, home):
        make_text(home, "<p>Open <strong>daily</strong></p>")
        assert "<p>Open <strong>daily</strong></p>" in reader.get(change_url(home)).content.decode()

    def test_reader_changes_nothing(self, reader, home):
        assert reader.get(change_url(home)).status_code == 200
        assert reader.post(change_url(home), {"title": "Mine"}).status_code == 403
        data = {"pages": make_page("Other").pk, "where": "before", "target": home.pk}
        assert reader.post("/admin/pages/page/move/", data).status_code == 403


class TestPreview:
    def test_hidden_page_is_shown_to_its_editors(self, admin_client, home):
        page = make_page("Draft", is_published=False)
        response = admin_client.get(reverse("admin:pages_page_preview", args=[page.pk]))
        assert "<h1>Draft</h1>" in response.content.decode()
        assert (
            reverse("admin:pages_page_preview", args=[page.pk]) in admin_client.get(change_url(page)).content.decode()
        )

    def test_unknown_page(self, admin_client):
        assert admin_client.get("/admin/pages/page/99/preview/").status_code == 404


class TestSiteSettings:
    def test_they_are_one_form(self, admin_client):
        url = admin_client.get("/admin/pages/sitesettings/").headers["Location"]
        fields = {"name": "Lake House", "tagline": "Rooms", "footer_text": "<p>Open <strong>daily</strong></p>"}
        admin_client.post(url, form_data(admin_client.get(url)) | fields)
        row = SiteSettings.objects.get()
        assert admin_client.get("/admin/pages/sitesettings/").headers["Location"] == url == change_url(row)
        admin_client.post(url, form_data(admin_client.get(url)) | {"name": "Sea House"})
        make_page("Home", slug="")
        html = admin_client.get("/").content.decode()
        assert "Sea House" in html
        assert "Open <strong>daily</strong>" in html

    def test_there_is_no_second_row_and_no_way_to_delete_it(self, admin_client):
        row = SiteSettings.objects.create(name="Lake House")
        assert admin_client.get("/admin/pages/sitesettings/add/").status_code == 403
        assert admin_client.get(reverse("admin:pages_sitesettings_delete", args=[row.pk])).status_code == 403


def test_only_the_import_map_is_inline_and_carries_the_nonce(admin_client, home):
    response = admin_client.get(change_url(home))
    html, policy = response.content.decode(), response.headers["Content-Security-Policy"]
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert f'<script type="importmap" nonce="{nonce}">' in html or f'nonce="{nonce}" type="importmap"' in html
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    context = html.split('id="content-editor-context"')[1].split(">", 1)[1].split("</script>")[0]
    assert [plugin["model"] for plugin in json.loads(context)["plugins"]] == [
        kind._meta.label_lower for kind in kinds()
    ]


def test_owners_things_come_first(admin_client):
    html = admin_client.get("/admin/").content.decode()
    assert html.index("Site settings") < html.index("Users")


def test_saving_a_page_takes_no_look_at_the_whole_tree(admin_client):
    page = make_page("Team", parent=make_page("About us"))
    data = form_data(admin_client.get(change_url(page))) | {"title": "Our team", "is_published": "on"}
    with CaptureQueriesContext(connection) as queries:
        assert admin_client.post(change_url(page), data).status_code == 302
    assert Page.objects.get(pk=page.pk).title == "Our team"
    assert not [query for query in queries if "RECURSIVE" in query["sql"]]
