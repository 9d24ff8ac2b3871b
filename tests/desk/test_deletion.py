"""What is deleted stays so until somebody brings it back, and then is what it was."""

from datetime import timedelta

import pytest
from django.utils import timezone

from myweb.desk import branches, several
from myweb.desk.deletion import bring_back, deleted_pages
from myweb.desk.line import Line, Sender
from myweb.desk.models import Version
from myweb.desk.schedule import publish_due
from myweb.pages.blocks.text import Text
from myweb.pages.models import Page
from tests.factories import make_page, make_text

pytestmark = pytest.mark.django_db

NEXT_HOUR = timedelta(hours=1)


def save_draft(key: int, publish_in: timedelta | None = None, **fields: object) -> None:
    line = Line(Page, key)
    content = {**line.content, "fields": line.content["fields"] | fields}
    line.save_draft(
        content, Sender(None, base=line.base), publish_at=timezone.now() + publish_in if publish_in else None
    )


def an_hour_passes() -> None:
    Version.objects.exclude(publish_at=None).update(publish_at=timezone.now() - timedelta(seconds=1))


class TestPlan:
    @pytest.fixture
    def key(self) -> int:
        page = make_page("About")
        save_draft(page.pk, NEXT_HOUR, title="Planned")
        return page.pk

    def test_page_that_is_deleted_is_not_published(self, key, admin_client, home):
        Page.objects.get(pk=key).delete()
        an_hour_passes()
        publish_due()
        assert not Page.objects.filter(pk=key).exists()
        assert "was to be published" not in admin_client.get("/admin/").content.decode()

    def test_it_comes_back(self, key):
        save_draft(key, title="Later")
        Page.objects.get(pk=key).delete()
        bring_back(deleted_pages().get(), None)
        assert Line(Page, key).content["fields"]["title"] == "Later"
        an_hour_passes()
        publish_due()
        assert Page.objects.get(pk=key).title == "Planned"
        assert Line(Page, key).content["fields"]["title"] == "Later"

    def test_page_that_was_never_published(self):
        key = 2**51 + 1
        content = {
            "format": 1,
            "fields": {"title": "New", "slug": "new", "parent": None, "is_published": True},
            "blocks": [],
        }
        Line(Page, key).save_draft(content, Sender(None, base=Line(Page, key).base))
        save_draft(key, NEXT_HOUR)
        Page.objects.get(pk=key).delete()
        bring_back(deleted_pages().get(), None)
        assert Version.objects.planned().get().number == Line(Page, key).last.number
        an_hour_passes()
        publish_due()
        assert Page.objects.get(pk=key).path == "/new/"

    def test_time_that_has_passed_meanwhile(self, key, admin_client, home):
        Page.objects.get(pk=key).delete()
        an_hour_passes()
        bring_back(deleted_pages().get(), None)
        publish_due()
        assert Page.objects.get(pk=key).title == "About"
        assert "The page was deleted at that time." in admin_client.get("/admin/").content.decode()


def test_what_was_public_comes_back_whatever_forms_refuse_today():
    page = make_page("About")
    make_text(page)
    Text.objects.update(text='<p><a href="/nowhere/">Prices</a></p>')
    page.delete()
    bring_back(deleted_pages().get(), None)
    assert Text.objects.get().text == '<p><a href="/nowhere/">Prices</a></p>'


class TestAddress:
    def test_it_gives_way(self, admin_client, client, home):
        page = make_page("About")
        key, below = page.pk, make_page("Team", parent=page)
        save_draft(key, title="Draft")
        page.delete()
        other = make_page("Other", slug="about")
        response = admin_client.post(f"/admin/pages/page/deleted/{deleted_pages().get(key=key).pk}/", follow=True)
        assert "The address of “About” is /about-2/ now" in response.content.decode()
        assert (Page.objects.get(pk=below.pk).path, Page.objects.get(pk=other.pk).path) == ("/about-2/team/", "/about/")
        assert client.get("/about/team/").headers["Location"] == "/about-2/team/"
        line = Line(Page, key)
        line.publish(line.content, Sender(None, base=line.base))
        assert Page.objects.get(pk=key).path == "/about-2/"

    def test_draft_of_the_home_page_does_not_take_the_place_of_another(self, home):
        key = home.pk
        save_draft(key, NEXT_HOUR, title="Planned")
        save_draft(key, title="Draft")
        home.delete()
        about = make_page("About")
        several.make_home(about, None)
        bring_back(deleted_pages().get(), None)
        assert Line(Page, key).content["fields"]["slug"] == "home"
        an_hour_passes()
        publish_due()
        assert dict(Page.objects.values_list("title", "path")) == {"About": "/", "Planned": "/home/"}

    def test_address_that_is_free_is_what_it_was(self, admin_client, home):
        make_page("About").delete()
        response = admin_client.post(f"/admin/pages/page/deleted/{deleted_pages().get().pk}/", follow=True)
        assert "The address of" not in response.content.decode()
        assert Page.objects.filter(path="/about/").exists()


def test_somebody_else_deletes_it_at_the_same_moment(monkeypatch):
    above = make_page("Above")
    root, page = above.pk, make_page("Page", parent=above)
    read = branches._lines

    def read_too_early(keys):
        lines = read(keys)
        monkeypatch.undo()
        Page.objects.get(pk=root).delete()
        return lines

    monkeypatch.setattr(branches, "_lines", read_too_early)
    above.delete()
    assert len(bring_back(deleted_pages().get(key=root), None)) == 2
    assert Page.objects.get(pk=page.pk).path == "/above/page/"
