"""What django-reversion kept is carried over."""

import importlib

import pytest
import reversion
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from myweb.desk.deletion import deleted_pages
from myweb.desk.line import Line
from myweb.desk.models import Version
from myweb.pages.models import Page, SiteSettings
from tests.factories import make_page, make_picture, make_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def reversion_registered():
    """As the release before registered them."""
    models = [Page, SiteSettings, *(apps.get_model("pages", name) for name in ("text", "picture"))]
    for model in models:
        reversion.register(model)
    yield
    for model in models:
        reversion.unregister(model)


def carry_over() -> None:
    class Editor:
        pass

    Editor.connection = connection
    importlib.import_module("myweb.desk.migrations.0002_history_of_reversion").carry_over(apps, Editor)


def test_history_is_carried_over(reversion_registered, media, admin_client):
    owner = User.objects.create_user("anna")
    with reversion.create_revision():
        reversion.set_user(owner)
        reversion.set_comment("Begun.")
        page = make_page("About")
        text = make_text(page, "<p>First</p>")
        reversion.add_to_revision(page)
    with reversion.create_revision():
        page.title = "New"
        page.save()
        text.text = "<p>Second</p>"
        text.save()
        picture = make_picture(page)
    with reversion.create_revision():
        gone = make_page("Gone")
        make_text(gone, "<p>Deleted words</p>")
    key = gone.pk
    gone.delete()
    Version.objects.all().delete()
    with reversion.create_revision():
        SiteSettings.objects.create(name="Lake House")
    carry_over()
    first, second = Version.objects.of(Page, page.pk).order_by("number")
    assert (str(first.author), first.comment, first.said["fields"]["title"]) == ("anna", "Begun.", "About")
    assert [block["fields"].get("text") for block in first.said["blocks"]] == ["<p>First</p>"]
    assert second.said["blocks"][1]["fields"]["image"] == picture.image.name
    html = admin_client.get(f"/admin/pages/page/{page.pk}/preview/?version={first.pk}").content.decode()
    assert "<h1>About</h1>" in html
    assert "First" in html
    assert Version.objects.of(SiteSettings, SiteSettings.objects.get().pk).get().said["fields"]["name"] == "Lake House"
    [deleted] = deleted_pages()
    assert deleted.key == key
    admin_client.post(f"/admin/pages/page/deleted/{deleted.pk}/")
    assert "Deleted words" in Client().get("/gone/").content.decode()
    assert Line(Page, page.pk).content["fields"]["title"] == "New"
