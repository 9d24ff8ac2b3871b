import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from myweb.desk.line import Line, Sender
from myweb.desk.models import Version
from myweb.desk.schedule import publish_due
from myweb.desk.states import NAMES, in_state, states_of
from myweb.pages.models import Page
from tests.admin_forms import form_data, new_form
from tests.factories import make_page

pytestmark = pytest.mark.django_db


def plan(page: Page, hours: float, **fields) -> Line:
    line = Line(Page, page.pk)
    content = {**line.content, "fields": line.content["fields"] | fields}
    line.save_draft(content, Sender(None, base=line.base), publish_at=timezone.now() + timedelta(hours=hours))
    return Line(Page, page.pk)


def title(page: Page) -> str:
    return Page.objects.get(pk=page.pk).title


def test_draft_is_published_at_its_time():
    page, later = make_page("About"), make_page("Later")
    plan(page, -1, title="Now")
    plan(later, 1, title="Not yet")
    publish_due()
    assert (title(page), title(later)) == ("Now", "Later")
    assert Line(Page, page.pk).draft is None
    assert Line(Page, page.pk).planned is None


def test_what_was_saved_since_stays_a_draft():
    page = make_page("About")
    line = plan(page, -1, title="Planned")
    content = {**line.content, "fields": line.content["fields"] | {"title": "Half a sen"}}
    line.save_draft(content, Sender(None, base=line.base, form="x", count=1), by_itself=True)
    publish_due()
    assert title(page) == "Planned"
    assert Line(Page, page.pk).content["fields"]["title"] == "Half a sen"


def test_what_cannot_be_published_stays_a_draft_and_says_why(admin_client, home):
    page = make_page("About")
    plan(page, -1, slug="taken", title="Planned")
    make_page("Taken")
    publish_due()
    publish_due()
    assert title(page) == "About"
    assert Line(Page, page.pk).content["fields"]["title"] == "Planned"
    html = admin_client.get("/admin/").content.decode()
    assert "“Planned” was to be published at" in html
    assert "“Taken” has this address already." in html


def test_what_somebody_published_since_is_not_undone():
    page = make_page("About")
    plan(page, -1, title="Planned")
    line = Line(Page, page.pk)
    Version.objects.filter(pk=line.planned.pk).update(publish_at=timezone.now() + timedelta(hours=1))
    Page.objects.filter(pk=page.pk).update(title="Changed by a command")
    line = Line(Page, page.pk)
    line.save_draft(line.content, Sender(None, base=line.base))  # which finds the change
    Version.objects.exclude(publish_at=None).update(publish_at=timezone.now() - timedelta(hours=1))
    publish_due()
    assert title(page) == "Changed by a command"
    assert "Something else was published" in Version.objects.exclude(publish_at=None).get().refusal


def test_owner_plans_and_cancels(admin_client, home):
    url, data = new_form(admin_client)
    tomorrow = timezone.localtime() + timedelta(days=1)
    data |= {"title": "News", "slug": "news", "is_published": "on", "_plan": "1"}
    del data["_publish"]
    response = admin_client.post(url, data | {"_plan_at_0": "2001-01-01", "_plan_at_1": "10:00"}, follow=True)
    assert "This time has passed already. It is saved as a draft, and not planned." in response.content.decode()
    data = form_data(response) | {"_plan": "1"}
    del data["_publish"]
    response = admin_client.post(url, data, follow=True)
    assert "Please choose a day and a time. It is saved as a draft, and not planned." in response.content.decode()
    data = form_data(response) | {"_plan": "1", "_plan_at_0": f"{tomorrow:%Y-%m-%d}", "_plan_at_1": "10:00"}
    del data["_publish"]
    response = admin_client.post(url, data, follow=True)
    assert ", “News” will be published." in response.content.decode()
    page = Page.objects.get(title="News")
    assert states_of([page])[page.pk].words.startswith("planned for")
    assert admin_client.post(url.replace("change", "cancel")).status_code == 302
    assert states_of([page])[page.pk] == ("draft", "draft")
    assert Client().get("/news/").status_code == 404


def test_publishing_says_that_a_plan_is_cancelled(admin_client, home):
    page = make_page("About")
    plan(page, 1, title="Planned")
    url = f"/admin/pages/page/{page.pk}/change/"
    data = form_data(admin_client.get(url)) | {"title": "Today"}
    response = admin_client.post(url, data, follow=True).content.decode()
    assert "“Today” is published." in response
    assert re.search("What was planned for .* is not published by itself any more.", response)


def test_cancelling_saves_what_was_typed(admin_client, home):
    page = make_page("About")
    plan(page, 1, title="Planned")
    url = f"/admin/pages/page/{page.pk}/change/"
    data = form_data(admin_client.get(url)) | {"title": "Typed since"}
    del data["_publish"]
    response = admin_client.post(url.replace("change", "cancel"), data, follow=True)
    assert "It is not published by itself any more." in response.content.decode()
    assert form_data(response)["title"] == "Typed since"
    assert Line(Page, page.pk).planned is None
    # Nothing was typed: nothing is new
    number = Version.objects.count()
    data = form_data(admin_client.get(url))
    del data["_publish"]
    admin_client.post(url.replace("change", "cancel"), data)
    assert Version.objects.count() == number


def test_states():
    pages = {name: make_page(name) for name in ("live", "changes", "planned", "hidden")}
    pages["later"] = make_page("later", publish_from=timezone.now() + timedelta(days=1))
    for name in ("changes",):
        line = Line(Page, pages[name].pk)
        line.save_draft(line.content, Sender(None, base=line.base))
    plan(pages["planned"], 1)
    ideas = make_page("Ideas", slug="draft-ideas", is_published=False)
    line = Line(Page, ideas.pk)
    line.save_draft(line.content, Sender(None, base=line.base))
    assert states_of([ideas])[ideas.pk].name == "changes"
    assert ideas in in_state(Page.objects.all(), "changes")
    ideas.delete()
    pages["hidden"].is_published = False
    pages["hidden"].save()
    line = Line(Page, 2**51 + 1)
    line.save_draft({"format": 1, "fields": {"title": "x"}, "blocks": []}, Sender(None, base=line.base))
    pages["draft"] = Page.objects.get(pk=2**51 + 1)
    states = states_of(pages.values())
    assert {name: states[page.pk].name for name, page in pages.items()} == {
        **{name: name for name in NAMES},
        "later": "planned",
    }
    found = {name: set(in_state(Page.objects.all(), name)) for name in NAMES}
    assert found == {name: {page for page in pages.values() if states[page.pk].name == name} for name in NAMES}


def test_one_that_fails_keeps_no_other_from_its_time(monkeypatch):
    broken, page = make_page("Broken"), make_page("About")
    plan(broken, -2, title="x")
    plan(page, -1, title="Now")
    Version.objects.filter(key=broken.pk).exclude(publish_at=None).update(content={"format": 1})
    publish_due()
    assert (title(broken), title(page)) == ("Broken", "Now")
    assert "publish it by hand" in Version.objects.get(key=broken.pk, publish_at__isnull=False).refusal


def test_plan_goes_along_when_the_page_is_moved():
    page, above = make_page("About"), make_page("Above")
    plan(page, 1, title="Planned")
    line = Line(Page, page.pk)
    content = {**line.content, "fields": line.content["fields"] | {"title": "Half a sen"}}
    line.save_draft(content, Sender(None, base=line.base, form="x", count=1), by_itself=True)
    page.parent = above
    page.save()
    Line(Page, page.pk).note(None, "moved", ("parent",))
    Version.objects.exclude(publish_at=None).update(publish_at=timezone.now() - timedelta(hours=1))
    publish_due()
    page.refresh_from_db()
    assert (page.path, page.title) == ("/above/about/", "Planned")
    assert Line(Page, page.pk).content["fields"]["title"] == "Half a sen"
