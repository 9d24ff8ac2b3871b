"""What drafts, and pages that come back, mean to old addresses."""

import pytest

from myweb.desk import several
from myweb.desk.content import content_of, new_key
from myweb.desk.deletion import bring_back, deleted_pages
from myweb.desk.line import Line, Sender
from myweb.pages.models import Page
from myweb.pages.redirects import Redirect
from tests.factories import make_page
from tests.pages.test_redirects import asked, rename

pytestmark = pytest.mark.django_db


def test_draft_has_no_old_address_until_it_is_published(client, home):
    line = Line(Page, new_key())
    content = content_of(Page(pk=line.key, title="New", slug="new"))
    line.save_draft(content, Sender(None, base=line.base))
    provisional = Page.objects.get(pk=line.key).path
    assert not Redirect.objects.exists()
    line = Line(Page, line.key)
    line.publish(content, Sender(None, base=line.base))
    assert asked(client, "/new/") == (200, "")
    assert asked(client, provisional) == (404, "")
    assert not Redirect.objects.left().exists()


def test_draft_of_another_address_changes_nothing_until_it_is_published(client, home):
    page = make_page("About")
    line = Line(Page, page.pk)
    content = {**line.content, "fields": line.content["fields"] | {"slug": "us"}}
    line.save_draft(content, Sender(None, base=line.base))
    assert asked(client, "/us/") == (404, "")
    line = Line(Page, page.pk)
    line.publish(content, Sender(None, base=line.base))
    assert asked(client, "/about/") == (301, "/us/")


def test_pages_that_come_back_have_their_old_addresses(client, home):
    page = make_page("About")
    below = make_page("Team", parent=page)
    rename(below, "crew")
    rename(page, "us")
    key = page.pk
    page.delete()
    for path in ("/about/", "/about/team/", "/us/crew/"):
        assert asked(client, path)[0] == 410
    bring_back(deleted_pages().get(key=key), None)
    assert asked(client, "/about/") == (301, "/us/")
    assert asked(client, "/about/team/") == (301, "/us/crew/")
    assert asked(client, "/us/crew/") == (200, "")
    below.refresh_from_db()
    assert below.path == "/us/crew/"


def test_page_that_is_hidden_may_come_back_and_one_that_is_deleted_is_gone(client, home):
    """410 has search engines forget an address; and of a hidden page nobody is to know that it is there."""
    page = make_page("About")
    page.slug = "us"
    page.save()

    def answers() -> list[int]:
        return [client.get(path).status_code for path in ("/about/", "/us/")]

    assert answers() == [301, 200]
    several.hide([page.pk], None)
    assert answers() == [404, 404]
    several.publish([page.pk], None)
    assert answers() == [301, 200]
    several.delete([page.pk], None)
    assert answers() == [410, 410]
    bring_back(deleted_pages().get(), None)
    assert answers() == [301, 200]
