import io
import re
from collections.abc import Iterator
from html import unescape

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from myweb.desk.models import Version
from myweb.pages.blocks import Block
from myweb.pages.blocks.picture import Picture
from myweb.pages.blocks.text import Text
from myweb.pages.demo import PICTURES, loading
from myweb.pages.models import Page, SiteSettings
from myweb.pages.redirects import Redirect
from tests.factories import make_page

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="class")
def demo(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[str]:
    """The demonstration site, made once for a class of tests, since it takes seconds; and what the command said."""
    output = io.StringIO()
    media = tmp_path_factory.mktemp("media")
    with django_db_blocker.unblock(), override_settings(MEDIA_ROOT=media):
        call_command("demo", stdout=output)
        yield output.getvalue()
        Page.objects.all().delete()
        Redirect.objects.all().delete()
        Version.objects.all().delete()
        SiteSettings.objects.all().delete()


@pytest.mark.slow("its pictures get all renditions")
class TestDemonstrationSite:
    def test_it_works(self, demo):
        assert Page.objects.published().count() >= 10
        assert SiteSettings.objects.get().name == "Far Hills 远山"

    def test_it_says_how_far_it_is(self, demo):
        assert demo.splitlines()[0] == "Preparing pictures … 1/9"
        assert "Preparing pictures … 9/9" in demo.splitlines()

    def test_the_tree_has_three_levels(self, demo):
        assert max(path.strip("/").count("/") for path in Page.objects.values_list("path", flat=True)) >= 2
        assert Page.objects.filter(parent__parent__isnull=False).exists()

    def test_pages_are_in_both_languages(self, demo, client):
        assert '<html lang="en">' in client.get("/").content.decode()
        assert '<html lang="zh-hans">' in client.get("/zh/关于我们/").content.decode()

    def test_every_page_answers(self, demo, client):
        for page in Page.objects.all():
            response = client.get(page.get_absolute_url())
            assert response.status_code == 200, page.path
            assert f"<h1>{page.title}</h1>" in response.content.decode()

    def test_every_page_has_text_and_description(self, demo):
        assert not Page.objects.filter(pages_text_set=None).exists()
        assert not Page.objects.filter(description="").exists()

    def test_texts_are_as_the_editor_would_store_them(self, demo):
        for text in Text.objects.all():
            stored = text.text
            text.full_clean()
            assert text.text == stored

    def test_home_page_has_text_and_picture(self, demo):
        home = Page.objects.get(path="/")
        assert Text.objects.filter(parent=home).exists()
        assert Picture.objects.filter(parent=home).exists()

    def test_menus_lead_to_the_other_language(self, demo, client):
        home = client.get("/")
        assert [page.path for page in home.context["frame"].footer_menu] == ["/privacy/"]
        assert [(code, page.path) for code, _name, page in home.context["frame"].languages] == [("zh-hans", "/zh/")]
        assert [page.path for _code, _name, page in client.get("/zh/").context["frame"].languages] == ["/"]

    def test_every_picture_is_described(self, demo):
        assert [text for text in Picture.objects.values_list("alt_text", flat=True) if len(text) < 20] == []

    def test_every_picture_has_its_renditions(self, demo):
        assert not Picture.unfinished().exists()
        for picture in Picture.objects.all():
            made = [
                name for mime_type in ("image/avif", "image/webp") for _width, name in picture.renditions[mime_type]
            ]
            assert made
            made.append(picture.renditions["share"])
            assert [name for name in made if not picture.image.storage.exists(name)] == []

    def test_pictures_are_all_different_and_large(self, demo):
        assert len({picture.image.name for picture in Picture.objects.all()}) == len(PICTURES) >= 7
        assert list(Picture.objects.filter(image_width__lt=1400)) == []

    def test_links_between_pages_resolve(self, demo, client):
        links = {unescape(link) for text in Text.objects.all() for link in re.findall(r'href="([^"]+)"', text.text)}
        assert len(links) >= 10
        for link in links:
            assert client.get(link).status_code == 200, link


def test_refused_when_there_are_pages():
    make_page()
    with pytest.raises(CommandError, match="There are pages already"):
        call_command("demo")
    assert Page.objects.count() == 1


def test_if_empty_does_nothing_when_there_are_pages(capsys):
    make_page()
    call_command("demo", "--if-empty")
    assert Page.objects.count() == 1
    assert capsys.readouterr().out == ""


def test_deleted_pages_do_not_come_back_at_the_next_start(small_pictures, admin_client):
    call_command("demo", stdout=io.StringIO())
    pages = list(Page.objects.values_list("pk", flat=True))
    assert admin_client.post("/admin/pages/page/demonstration/", {"pages": pages}).status_code == 302
    assert not Page.objects.exists()
    call_command("demo", "--if-empty")
    assert not Page.objects.exists()


def test_if_empty_loads_into_an_empty_site(small_pictures):
    call_command("demo", "--if-empty", stdout=io.StringIO())
    assert Page.objects.count() >= 10


def test_site_settings_of_the_owner_are_kept(small_pictures):
    SiteSettings.objects.create(name="Lake House")
    call_command("demo", stdout=io.StringIO())
    assert SiteSettings.objects.get().name == "Lake House"


def test_everything_or_nothing(small_pictures, monkeypatch):
    def save_no_blocks(instance):
        if isinstance(instance, Block):
            raise KeyboardInterrupt
        instance.save()

    monkeypatch.setattr(loading, "save", save_no_blocks)
    with pytest.raises(KeyboardInterrupt):
        call_command("demo", stdout=io.StringIO())
    assert not Page.objects.exists()
    assert not SiteSettings.objects.exists()
