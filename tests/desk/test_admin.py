"""The form that is opened on a version and sent as one."""

import json
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from myweb.contact.models import ContactSettings
from myweb.desk.deletion import deleted_pages
from myweb.desk.line import Line
from myweb.desk.models import Version
from myweb.desk.states import states_of
from myweb.pages.blocks import blocks_of
from myweb.pages.models import Page, SiteSettings
from tests.admin_forms import add_block, form_data, new_form
from tests.factories import make_page, make_picture, make_text, make_upload

pytestmark = pytest.mark.django_db

Event = Version.Event


def url_of(page: Page) -> str:
    return f"/admin/pages/page/{page.pk}/change/"


def as_draft(data: dict) -> dict:
    return {name: value for name, value in data.items() if name != "_publish"}


def opened(client: Client, page: Page) -> tuple[str, dict]:
    url = url_of(page)
    return url, form_data(client.get(url))


def client_of(*codenames: str) -> Client:
    user = User.objects.create_user("-".join(codenames) or "none", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def events(page: Page) -> list[str]:
    return list(Version.objects.of(Page, page.pk).order_by("pk").values_list("event", flat=True))


def test_draft_is_seen_by_nobody_until_it_is_published(admin_client, client, home):
    url, data = new_form(admin_client)
    data |= {"title": "News", "slug": "news", "is_published": "on"}
    add_block(data, "text", text="<p>Words</p>")
    response = admin_client.post(url, as_draft(data), follow=True)
    assert response.redirect_chain == [(url, 302)]
    assert "The draft of “News” is saved." in response.content.decode()
    assert "It was never published." in response.content.decode()
    assert Client().get("/news/").status_code == 404
    data = form_data(response)
    assert data["title"] == "News"
    assert data["is_published"] is True
    assert admin_client.post(url, data).status_code == 302
    assert "Words" in Client().get("/news/").content.decode()
    assert events(Page.objects.get(path="/news/")) == [Event.DRAFT, Event.PUBLISHED]


def test_what_cannot_be_published_is_kept_and_marked(admin_client, home):
    page = make_page("About")
    url, data = opened(admin_client, page)
    add_block(data, "text", text="<p>Typed for an hour</p>")
    change = {"title": "", "slug": "a/b", "publish_from_0": "tomorrow", "publish_from_1": ""}
    response = admin_client.post(url, data | change)
    assert response.status_code == 200
    assert "Not published yet, but nothing is lost." in response.content.decode()
    assert set(response.context["adminform"].form.errors) == {"title", "slug", "publish_from"}
    # Somebody closes the tab, and comes back
    response = admin_client.get(url)
    html = response.content.decode()
    assert "Typed for an hour" in html
    assert 'value="a/b"' in html
    assert 'value="tomorrow"' in html
    data = form_data(response) | {"title": "About", "slug": "about", "publish_from_0": "", "publish_from_1": ""}
    assert admin_client.post(url, data).status_code == 302
    assert "Typed for an hour" in Client().get("/about/").content.decode()


def test_texts_of_drafts_are_sanitised(admin_client, home):
    page = make_page("About")
    url, data = opened(admin_client, page)
    add_block(data, "text", text="<p>a<script>alert(1)</script></p>")
    admin_client.post(url, as_draft(data) | {"title": ""})
    assert "<script>alert" not in admin_client.get(f"/admin/pages/page/{page.pk}/preview/").content.decode()
    assert "alert" not in json.dumps(Line(Page, page.pk).content)


def test_who_is_later_sees_both(admin_client, home):
    page = make_page("About")
    other = Client()
    other.force_login(User.objects.create_superuser("anna"))
    url, mine = opened(admin_client, page)
    _url, hers = opened(other, page)
    assert other.post(url, hers | {"title": "Hers"}).status_code == 302
    response = admin_client.post(url, mine | {"title": "Mine"}, follow=True)
    html = response.content.decode()
    assert "anna has saved this. Nothing is lost" in html
    assert "<del>Hers</del><ins>Mine</ins>" in html
    assert "<h1>Hers</h1>" in Client().get("/about/").content.decode()
    assert admin_client.post(response.redirect_chain[-1][0], form_data(response)).status_code == 302
    assert "<h1>Mine</h1>" in Client().get("/about/").content.decode()


def test_page_is_deleted_while_somebody_writes(admin_client, home):
    page = make_page("About")
    url, data = opened(admin_client, page)
    page.delete()
    response = admin_client.post(url, data | {"title": "Mine"}, follow=True)
    assert "This was deleted while you had it open." in response.content.decode()
    assert admin_client.post(url, form_data(response)).status_code == 302
    assert "<h1>Mine</h1>" in Client().get("/about/").content.decode()


def test_block_is_deleted_while_somebody_writes_in_it(admin_client, home):
    page = make_page("About")
    make_text(page, "<p>Old</p>")
    url, data = opened(admin_client, page)
    _url, other = opened(admin_client, page)
    admin_client.post(url, other | {"pages_text_set-0-DELETE": "on"})
    response = admin_client.post(url, data | {"pages_text_set-0-text": "<p>New words</p>"}, follow=True)
    assert "New words" in response.content.decode()
    admin_client.post(url, form_data(response))
    assert "New words" in Client().get("/about/").content.decode()


def autosave(client: Client, url: str, data: dict, **fields) -> tuple[int, dict]:
    response = client.post(url, as_draft(data) | {"_autosave": "1", **fields})
    return response.status_code, response.json()


def test_autosave(admin_client, home):
    page = make_page("About")
    url, data = opened(admin_client, page)
    add_block(data, "text", text="")
    for count, words in enumerate(("<p>A</p>", "<p>AB</p>", "<p>ABC</p>"), start=1):
        data |= {"_count": count, "pages_text_set-0-text": words}
        status, answer = autosave(admin_client, url, data)
        assert (status, answer["message"][:19]) == (200, "Saved as a draft at")
        data |= {"_base": answer["base"], "_opened": answer["opened"], **answer["keys"]}
    assert events(page) == [Event.ELSEWHERE, Event.AUTOSAVE]
    key = data["pages_text_set-0-id"]
    assert admin_client.post(url, data | {"_count": 4}).status_code == 302
    assert [(block.pk, block.text) for block in blocks_of(page)] == [(key, "<p>ABC</p>")]
    status, answer = autosave(admin_client, url, data, _count=5, title="Late")
    assert status == 409
    assert Line(Page, page.pk).draft is None


def test_autosave_keeps_what_it_takes_away(admin_client, home):
    page = make_page("About")
    url, data = opened(admin_client, page)
    add_block(data, "text", text=f"<p>{'Typed for an hour. ' * 20}</p>")

    def sent(count: int, **fields: str) -> int:
        answer = autosave(admin_client, url, data, _count=count, **fields)[1]
        data.update({"_base": answer["base"], "_opened": answer["opened"]})
        data.update({name: key for name, key in answer["keys"].items() if key})
        return answer["opened"]

    prefix = "pages_text_set-0"
    first = sent(1)
    assert sent(2, **{f"{prefix}-text": f"<p>{'Typed for an hour. ' * 19}</p>"}) == first
    second = sent(3, **{f"{prefix}-text": "<p>Selected all of it and typed this</p>"})
    third = sent(4, **{f"{prefix}-text": "<p>And went on</p>"})
    assert first != second == third
    fourth = sent(5, **{f"{prefix}-DELETE": "on"})
    assert fourth != third
    said = [version.said["blocks"] for version in Version.objects.filter(event=Event.AUTOSAVE).order_by("pk")]
    assert [[block["fields"]["text"][:9] for block in blocks] for blocks in said] == [["<p>Typed "], ["<p>And we"], []]


def test_what_is_typed_after_publishing_from_the_same_form_is_kept(admin_client, home):
    page = make_page("About")
    url, data = opened(admin_client, page)
    admin_client.post(url, data | {"_count": 2})
    status, answer = autosave(admin_client, url, data, _count=3, title="Typed while it was sent")
    assert status == 409
    assert form_data(admin_client.get(answer["url"]))["title"] == "Typed while it was sent"
    assert form_data(admin_client.get(url))["title"] == "About"


def test_autosave_in_two_tabs(admin_client, home):
    page = make_page("About")
    url, one = opened(admin_client, page)
    _url, two = opened(admin_client, page)
    assert autosave(admin_client, url, one, title="One")[0] == 200
    status, answer = autosave(admin_client, url, two, title="Two", _count=1)
    assert status == 409
    assert "Two" in admin_client.get(answer["url"]).content.decode()
    # Going on in that tab loses nothing, and makes no more versions.
    _status, again = autosave(admin_client, url, two, title="Two, longer", _count=2)
    assert again["url"] == answer["url"]
    assert "Two, longer" in admin_client.get(answer["url"]).content.decode()
    assert Line(Page, page.pk).content["fields"]["title"] == "One"


def test_conflict_is_shown_even_if_it_was_saved_by_itself_before(admin_client, home):
    """As by whoever reads that somebody else has saved, and publishes all the same."""
    page = make_page("About")
    url, one = opened(admin_client, page)
    _url, two = opened(admin_client, page)
    admin_client.post(url, one | {"title": "One"})
    assert autosave(admin_client, url, two, title="Two")[0] == 409
    response = admin_client.post(url, two | {"title": "Two", "_count": 2}, follow=True)
    assert "Nothing is lost: here is what you sent" in response.content.decode()
    assert form_data(response)["title"] == "Two"
    # What this form saved last is in the line, but somebody else has published since.
    url, mine = opened(admin_client, page)
    answer = autosave(admin_client, url, mine, title="Mine")[1]
    _url, theirs = opened(admin_client, page)
    admin_client.post(url, theirs | {"title": "Theirs"})
    mine |= {"title": "Mine", "_count": 2, "_base": answer["base"], "_opened": answer["opened"]}
    assert "version=" in admin_client.post(url, mine).url
    assert Page.objects.get(pk=page.pk).title == "Theirs"


def test_draft_whose_answer_was_lost_is_published(admin_client, home):
    """Without JavaScript a form counts nothing: back, and to the other button."""
    url, data = opened(admin_client, make_page("About"))
    admin_client.post(url, as_draft(data) | {"title": "New"})
    response = admin_client.post(url, data | {"title": "New"})
    assert "version=" in response.url
    assert admin_client.post(url, form_data(admin_client.get(response.url))).status_code == 302
    assert Page.objects.get(slug="about").title == "New"


def test_sent_twice(admin_client, home):
    page = make_page("About")
    url, data = opened(admin_client, page)
    for _time in range(2):
        assert admin_client.post(url, data | {"title": "New"}).status_code == 302
    assert events(page) == [Event.ELSEWHERE, Event.PUBLISHED]


@pytest.mark.parametrize("way", ["sent", "saved"])
def test_preview_writes_and_locks_nothing(admin_client, home, media, way):
    page = make_page("About", menu="main")
    make_picture(page)
    url, data = opened(admin_client, page)
    preview = url.replace("change", "preview")
    data = as_draft(data) | {"title": "Not yet"}
    add_block(data, "text", text="<p>Words</p>")
    if way == "saved":
        admin_client.post(url, data)
    with CaptureQueriesContext(connection) as queries:
        response = admin_client.get(preview) if way == "saved" else admin_client.post(preview, data)
    assert not [query["sql"] for query in queries if not query["sql"].lstrip("(").startswith("SELECT")]
    html = response.content.decode()
    assert "<h1>Not yet</h1>" in html
    assert "Words" in html
    assert html.count(">Not yet</a>") == 1  # in the menu
    assert ">About</a>" not in html
    assert "Visitors do not see this yet." in html
    assert "frame-ancestors 'self'" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Robots-Tag"].startswith("noindex")
    assert "<h1>About</h1>" in Client().get("/about/").content.decode()


def test_preview_of_a_page_that_is_nowhere_yet(admin_client, home):
    above = make_page("Above")
    url, data = new_form(admin_client)
    data = as_draft(data) | {"title": "New", "slug": "new", "parent": above.pk}
    html = admin_client.post(url.replace("change", "preview"), data).content.decode()
    assert "<h1>New</h1>" in html
    assert ">Above</span></a>" in html
    assert not Version.objects.exists()


def test_every_version_can_be_seen_compared_and_restored(admin_client, home):
    page = make_page("About")
    make_text(page, "<p>The first words</p>")
    url, data = opened(admin_client, page)
    change = {"title": "New", "pages_text_set-0-text": "<p>The second words</p>", "_comment": "After the summer"}
    admin_client.post(url, data | change)
    first, second = Version.objects.of(Page, page.pk).order_by("pk")
    versions = url.replace("change", "versions")
    html = admin_client.get(versions).content.decode()
    assert "Title, Text changed" in html
    assert "<q>After the summer</q>" in html
    html = admin_client.get(f"{versions}?old={first.pk}&new={second.pk}").content.decode()
    assert "<del>first </del><ins>second </ins>" in html
    assert (
        "The first words" in admin_client.get(f"{url.replace('change', 'preview')}?version={first.pk}").content.decode()
    )
    response = admin_client.get(f"{url}?version={first.pk}")
    assert "Nothing has changed yet" in response.content.decode()
    assert admin_client.post(url, form_data(response)).status_code == 302
    assert "The first words" in Client().get("/about/").content.decode()
    # The version of another page is none of this one.
    other = make_page("Other")
    assert admin_client.get(f"{url_of(other)}?version={first.pk}").status_code == 404


def test_draft_is_discarded_and_can_be_found_again(admin_client, home):
    page = make_page("About")
    url, data = opened(admin_client, page)
    admin_client.post(url, as_draft(data) | {"title": "Draft"})
    assert admin_client.post(url.replace("change", "discard")).status_code == 302
    assert form_data(admin_client.get(url))["title"] == "About"
    version = Version.objects.get(event=Event.DISCARDED)
    assert form_data(admin_client.get(f"{url}?version={version.pk}"))["title"] == "Draft"


def test_discarding_leads_back_to_what_is_live(admin_client, home):
    page = make_page("About")
    for title in ("First draft", "Second draft"):
        url, data = opened(admin_client, page)
        admin_client.post(url, as_draft(data) | {"title": title})
    admin_client.post(url.replace("change", "discard"))
    assert form_data(admin_client.get(url))["title"] == "About"
    assert states_of([page])[page.pk].name == "live"


def test_discarding_keeps_what_was_typed_since(admin_client, home):
    page = make_page("About")
    url, data = opened(admin_client, page)
    admin_client.post(url, as_draft(data) | {"title": "Draft"})
    data = as_draft(form_data(admin_client.get(url)))
    assert admin_client.post(url.replace("change", "discard"), data | {"title": "Typed since"}).status_code == 302
    assert form_data(admin_client.get(url))["title"] == "About"
    assert set(map(str, Version.objects.filter(event=Event.DISCARDED))) == {"Draft", "Typed since"}


def test_discarding_without_a_login_keeps_what_was_typed(home):
    page = make_page("About")
    client = Client()
    client.force_login(User.objects.create_superuser("owner", password="a-lake-in-the-morning"))
    url, data = opened(client, page)
    client.post(url, as_draft(data) | {"title": "Draft"})
    data = as_draft(form_data(client.get(url))) | {"title": "Typed since"}
    client.logout()
    token = client.post(url.replace("change", "discard"), data).context["unsent"]
    login = {"username": "owner", "password": "a-lake-in-the-morning", "_unsent": token}
    response = client.post("/admin/login/", login, follow=True)
    assert form_data(response)["title"] == "Typed since"
    assert form_data(client.get(url))["title"] == "Draft"


def test_publishing_says_whether_visitors_see_it(admin_client, home):
    page = make_page("About")
    url = f"/admin/pages/page/{page.pk}/change/"
    for changes, sentence in (
        ({"is_published": "on"}, "“About” is published."),
        ({}, "“About” is saved. Visitors do not see it now."),
        ({"is_published": "on", "publish_from_0": "8000-01-01", "publish_from_1": "00:00"}, "do not see it now."),
    ):
        data = form_data(admin_client.get(url))
        data.pop("is_published", None)
        assert sentence in admin_client.post(url, data | changes, follow=True).content.decode()


def test_nobody_discards_what_they_have_not_seen(admin_client, home):
    page = make_page("About")
    url, data = opened(admin_client, page)
    admin_client.post(url, as_draft(data) | {"title": "Draft"})
    stale = as_draft(form_data(admin_client.get(url)))
    admin_client.post(url, as_draft(form_data(admin_client.get(url))) | {"title": "Of somebody else"})
    response = admin_client.post(url.replace("change", "discard"), stale | {"title": "Mine"}, follow=True)
    assert "Meanwhile, at" in response.content.decode()
    assert form_data(response)["title"] == "Mine"
    data = as_draft(form_data(admin_client.get(url)))
    assert data["title"] == "Of somebody else"
    # What the same form has saved by itself, it has seen, even if the answer was lost.
    autosave(admin_client, url, data, title="Seen")
    admin_client.post(url.replace("change", "discard"), data | {"title": "Seen", "_count": 2})
    assert form_data(admin_client.get(url))["title"] == "About"


def test_draft_that_was_discarded_meanwhile(admin_client, home):
    page = make_page("About")
    url, data = opened(admin_client, page)
    admin_client.post(url, as_draft(data) | {"title": "Draft"})
    elsewhere = form_data(admin_client.get(url))
    admin_client.post(url.replace("change", "discard"))
    assert "differs from" in admin_client.post(url, as_draft(elsewhere), follow=True).content.decode()
    # Another draft is not taken for the one that this form was opened on.
    admin_client.post(url, as_draft(form_data(admin_client.get(url))) | {"title": "Another"})
    admin_client.post(url, as_draft(elsewhere) | {"_form": "another", "title": "Late"})
    assert form_data(admin_client.get(url))["title"] == "Another"


def test_page_that_is_only_a_draft_goes_with_it_and_comes_back(admin_client, home):
    url, data = new_form(admin_client)
    admin_client.post(url, as_draft(data) | {"title": "News", "slug": "news"})
    page = Page.objects.get(title="News")
    below = make_page("Below", parent=page)
    discard = url.replace("change", "discard")
    assert "There are pages below this one." in admin_client.post(discard, follow=True).content.decode()
    below.delete()
    assert admin_client.post(discard, follow=True).status_code == 200
    assert not Page.objects.filter(pk=page.pk).exists()
    [version] = [version for version in deleted_pages() if version.key == page.pk]
    assert str(version.author) == "admin"
    admin_client.post(f"/admin/pages/page/deleted/{version.pk}/")
    assert form_data(admin_client.get(url))["title"] == "News"


def test_list_of_what_is_deleted_has_branches_with_what_went_with_them(admin_client, home):
    above = make_page("Above")
    below = make_page("Below", parent=above)
    many = [Page(title=f"Page {number}", slug=f"page-{number}", parent=below) for number in range(600)]
    for page in many:
        page.derive(below)
    Page.objects.bulk_create(many)
    make_page("Earlier").delete()
    above.delete()
    Page.objects.filter(pk__in=[make_page("First").pk, make_page("Second").pk]).delete()
    html = admin_client.get("/admin/pages/page/deleted/").content.decode()
    rows = re.findall(r'<td>(\w+)(?: <span class="quiet">(.*?)</span>)?</td>', html)
    assert rows == [("Second", ""), ("First", ""), ("Above", "(602 pages)"), ("Earlier", "")]
    assert html.count("Bring all 2 back that went at once") == html.count("that went at once") == 1


def test_who_may_only_draft_publishes_nothing(home):
    page = make_page("About")
    client = client_of("draft_page")
    assert '<a href="/admin/pages/page/"' in client.get("/admin/").content.decode()
    assert client.post("/admin/pasted/", {"field": "pages.text.text", "html": "<p>x</p>"}).status_code == 200
    response = client.get(url_of(page))
    assert 'name="_publish"' not in response.content.decode()
    data = form_data(response) | {"title": "Mine"}
    # What was typed is kept, even if somebody lost the right meanwhile.
    response = client.post(url_of(page), data, follow=True)
    assert "You may not publish this." in response.content.decode()
    data = form_data(response)
    assert data["title"] == "Mine"
    assert client.post(url_of(page), as_draft(data)).status_code == 302
    tomorrow = timezone.localtime() + timedelta(days=1)
    plan = {"_plan": "1", "_plan_at_0": f"{tomorrow:%Y-%m-%d}", "_plan_at_1": "10:00"}
    data = as_draft(form_data(client.get(url_of(page)))) | plan
    assert "You may not publish this." in client.post(url_of(page), data, follow=True).content.decode()
    assert not Version.objects.exclude(publish_at=None).exists()
    move = {"pages": page.pk, "where": "before", "target": home.pk}
    assert client.post("/admin/pages/page/move/", move).status_code == 403
    assert client.post(f"/admin/pages/page/{page.pk}/delete/", {"post": "yes"}).status_code == 403
    url, data = new_form(client)
    assert client.post(url, as_draft(data) | {"title": "New", "slug": "new"}).status_code == 302
    assert set(Page.objects.published()) == {home, page}
    page.refresh_from_db()
    assert page.title == "About"


@pytest.mark.parametrize("codenames", [(), ("view_page",), ("change_contactmessage",)])
def test_who_may_not_draft_sends_nothing(home, codenames):
    page = make_page("About")
    client = client_of(*codenames)
    for button in ("_autosave", "_draft", "_publish", "_keep"):
        assert client.post(url_of(page), {"title": "Mine", button: "1"}).status_code == 403
    for name in ("discard", "preview"):
        assert client.post(f"/admin/pages/page/{page.pk}/{name}/").status_code == 403
    assert not Version.objects.exists()


def test_keys_that_a_browser_makes_up(admin_client, home):
    for key in ("99", "0", "-1", str(2**63), str(2**51 - 1), "x"):
        url = f"/admin/pages/page/{key}/change/"
        assert admin_client.get(url).status_code in (302, 404)
    page = make_page("About")
    url, data = opened(admin_client, page)
    add_block(data, "text", text="<p>Words</p>", id="7")
    admin_client.post(url, data)
    [block] = blocks_of(page)
    assert block.pk >= 2**51


def test_files_of_drafts_and_versions_are_in_use(admin_client, home, media):
    from myweb.operations.backup.references import names_in_use

    page = make_page("About")
    url, data = opened(admin_client, page)
    add_block(data, "picture", image=make_upload(), alt_text="A", image_ppoi="0.5x0.5")
    admin_client.post(url, as_draft(data))
    [name] = [name for name in names_in_use() if name.startswith("pictures/")]
    assert (media / name).exists()
    response = admin_client.get(url)
    admin_client.post(url, form_data(response))
    response = admin_client.get(url)
    admin_client.post(url, form_data(response) | {"pages_picture_set-0-DELETE": "on"})
    assert blocks_of(page) == []
    assert name in names_in_use()
    version = Version.objects.of(Page, page.pk).filter(event=Event.PUBLISHED).first()
    assert name in admin_client.get(f"{url.replace('change', 'preview')}?version={version.pk}").content.decode()


def test_preview_with_a_file_that_is_gone(admin_client, home, media):
    page = make_page("About")
    picture = make_picture(page)
    (media / picture.image.name).unlink()
    assert admin_client.get(f"/admin/pages/page/{page.pk}/preview/").status_code == 200
    assert admin_client.get(url_of(page)).status_code == 200


def test_what_is_wrong_is_listed_in_the_order_of_the_page(admin_client, home, media):
    page = make_page("About")
    for ordering in (10, 30):
        make_picture(page, ordering)
    url, data = opened(admin_client, page)
    data |= {
        "title": "",
        "publish_from_0": "soon",
        "pages_picture_set-0-alt_text": "",
        "pages_picture_set-1-DELETE": "on",
    }
    data["pages_picture_set-1-alt_text"] = ""
    add_block(data, "text", ordering=5, text="<p>Fine</p>")
    response = admin_client.post(url, data)
    assert response.context["mistakes"] == [
        ("id_title", "Title", ["This field is required."]),
        ("id_publish_from_0", "Shown from", ["Enter a valid date."]),
        ("id_pages_picture_set-0-alt_text", "Picture › Alternative text", ["This field is required."]),
    ]
    assert '<a href="#id_title">Title</a>: This field is required.' in response.content.decode()
    # What was deleted meanwhile stays so in the draft that is kept.
    assert len(Line(Page, page.pk).content["blocks"]) == 2


def test_preview_of_a_picture_that_is_not_chosen_yet(admin_client, home):
    url, data = opened(admin_client, make_page("About"))
    data = as_draft(data)
    add_block(data, "picture", alt_text="Words of a picture")
    preview = url.replace("change", "preview")
    assert "Words of a picture" not in admin_client.post(preview, data).content.decode()
    admin_client.post(url, data)
    assert admin_client.get(preview).status_code == 200


@pytest.mark.parametrize(("model", "field"), [(SiteSettings, "name"), (ContactSettings, "recipients")])
def test_settings_have_versions(admin_client, model, field):
    label = model._meta.label_lower.replace(".", "/")
    url = admin_client.get(f"/admin/{label}/").headers["Location"]
    for value in ("one@example.org", "two@example.org"):
        admin_client.post(url, form_data(admin_client.get(url)) | {field: value})
    assert getattr(model.objects.get(), field) == "two@example.org"
    versions = Version.objects.of(model, 1).order_by("number")
    assert [version.said["fields"][field] for version in versions] == ["one@example.org", "two@example.org"]
    response = admin_client.get(f"{url}?version={versions[0].pk}")
    admin_client.post(url, form_data(response))
    assert getattr(model.objects.get(), field) == "one@example.org"


@pytest.mark.slow("sends 160 forms")
@pytest.mark.parametrize("odd", ["x", "-1", "9" * 5000, "\0", "\ud7ff", "١", "1.5", "x" * 5000])
def test_odd_values_of_what_the_form_carries(admin_client, home, odd):
    page = make_page("About")
    url, data = opened(admin_client, page)
    for name in ("_form", "_count", "_base", "_opened", "_comment"):
        for button in ("_draft", "_autosave", "_publish", "_plan"):
            sent = as_draft(data) | {name: odd, button: "1"}
            assert admin_client.post(url, sent).status_code in (200, 302, 409)


def test_page_is_saved_although_the_file_of_a_picture_is_gone(admin_client, home, media):
    page = make_page("About")
    picture = make_picture(page)
    name = picture.image.name
    picture.image.storage.delete(name)
    url, data = opened(admin_client, page)
    data |= {"title": "Typed"}
    status, answer = autosave(admin_client, url, data)
    assert status == 200
    assert admin_client.post(url, as_draft(data) | {"_count": 2, "_base": answer["base"]}).status_code == 302
    response = admin_client.post(url, form_data(admin_client.get(url)))
    assert "This picture is not there any more. Please choose it again." in response.content.decode()
    assert str(media) not in response.content.decode()
    for version in Version.objects.filter(author__isnull=False):
        assert version.said["blocks"][0]["fields"]["image"] == name


def test_who_deleted_a_page_is_said(admin_client, home):
    page = make_page("About")
    admin_client.post(f"/admin/pages/page/{page.pk}/delete/", {"post": "yes"})
    [version] = deleted_pages()
    assert str(version.author) == "admin"


def test_page_comes_back_without_the_one_above(admin_client, home):
    above = make_page("Above")
    page = make_page("About", parent=above)
    key = page.pk
    page.delete()
    above.delete()
    opened_on_it = admin_client.get(f"/admin/pages/page/{key}/change/").content.decode()
    assert "What was chosen at “Page above” is not there any more." in opened_on_it
    version = deleted_pages().get(key=key)
    response = admin_client.post(f"/admin/pages/page/deleted/{version.pk}/", follow=True)
    assert "It is at the top now, until you move it." in response.content.decode()
    assert Page.objects.get(pk=key).path == "/about/"


class TestWhoWasFaster:
    @pytest.fixture
    def draft(self, admin_client, home) -> tuple[str, dict]:
        """The form of somebody, which stays open on a draft of hers, with a link to the home page."""
        page = make_page("About")
        ann = Client()
        ann.force_login(User.objects.create_superuser("ann"), "django.contrib.auth.backends.ModelBackend")
        url, data = opened(ann, page)
        add_block(data, "text", text=f'<p><a href="/" data-page="{home.pk}">Start</a></p>')
        ann.post(url, as_draft(data))
        self.ann, self.page = ann, page
        return url, as_draft(form_data(ann.get(url)))

    def said(self, url: str, data: dict) -> str:
        return self.ann.post(url, data | {"title": "Mine"}, follow=True).content.decode()

    def test_who_moved_the_page_is_named(self, admin_client, draft, home):
        above = make_page("Above")
        admin_client.post("/admin/pages/page/move/", {"pages": self.page.pk, "where": "below", "target": above.pk})
        assert "admin has saved this" in self.said(*draft)

    def test_nobody_is_named_for_links_that_follow(self, admin_client, draft, home):
        other = make_page("Other")
        admin_client.post(f"/admin/pages/page/{home.pk}/pointing/", {"target": other.pk})
        html = self.said(*draft)
        assert "ann has saved this" not in html
        assert "This has been changed since you opened it." in html

    def test_who_discarded_the_draft_is_not_taken_for_its_author(self, admin_client, draft):
        url, data = draft
        admin_client.post(url.replace("change", "discard"))
        assert "This has been changed since you opened it." in self.said(url, data)

    @pytest.mark.parametrize("base", ["", "x", "9" * 30 + "-", "-", "\0"])
    def test_odd_base(self, draft, base):
        url, data = draft
        assert "Nothing is lost" in self.said(url, data | {"_base": base})
