"""The owner in a browser without JavaScript: buttons do what matters, and nothing is shown that does nothing."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.test_visitor import WCAG_22_AA
from tests.factories import make_upload
from tests.site import Site

pytestmark = pytest.mark.browser

LIST = "/admin/pages/page/"
PASSWORD = "a-mill-in-the-morning"
MAKE = f"""
from django.contrib.auth.models import User
from django.test import Client
from tests.factories import make_page, make_text
from myweb.pages.models import Page
Page.objects.all().delete()
make_page("Home", slug="", menu="main")
rooms = make_page("Rooms")
make_page("Garden", parent=rooms)
make_page("News")
page = make_page("About")
make_text(page, "<p>First</p>", 10)
make_text(page, "<p>Second</p>", 20)
if not User.objects.filter(username="plain").exists():
    User.objects.create_superuser("plain", password="{PASSWORD}")
client = Client()
client.force_login(User.objects.get(username="plain"), "django.contrib.auth.backends.ModelBackend")
print(client.cookies["sessionid"].value, page.pk)
"""


@pytest.fixture(scope="module")
def served(site) -> Iterator[Site]:
    with site.sibling() as other:
        yield other.start()


class Owner:
    """Somebody at the form of a page with two texts."""

    def __init__(self, page: Page, scripted: Page, served: Site, key: str) -> None:
        self.page, self.scripted, self.url = page, scripted, served.url
        self.form = f"{served.url}{LIST}{key}/change/"

    def open(self, address: str = "") -> None:
        self.page.goto(self.url + address if address else self.form)

    def press(self, name: str, value: str = "") -> None:
        self.page.locator(f"[name={name}]" + (f"[value='{value}']" if value else "")).click()

    def field(self, name: str) -> Locator:
        return self.page.locator(f"[name='{name}']")

    @property
    def texts(self) -> list[str]:
        """What is in the fields of all texts, in the order in which they stand."""
        return [field.input_value() for field in self.page.locator(".desk-blocks textarea").all()]

    @property
    def said(self) -> Locator:
        return self.page.locator(".messagelist")

    def look(self) -> None:
        """See that nothing is wider than the screen, and that axe has nothing to say."""
        assert self.page.viewport_size is not None
        assert self.page.evaluate("document.documentElement.scrollWidth") <= self.page.viewport_size["width"]
        found = Axe().run(self._with_axe(), context="#content", options={"runOnly": WCAG_22_AA}).response["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []

    def _with_axe(self) -> Page:
        """Return what is shown in a page of another browser, as axe does not run without JavaScript."""
        html = re.sub(r"<script.*?</script>", "", self.page.content(), flags=re.DOTALL)
        html = html.replace("<noscript>", "<div>").replace("</noscript>", "</div>")
        self.scripted.unroute_all()
        self.scripted.route(self.page.url, lambda route: route.fulfill(body=html, content_type="text/html"))
        self.scripted.goto(self.page.url)
        return self.scripted


@pytest.fixture(params=[(360, "zh-CN"), (1280, "en-US")], ids=["phone", "computer"])
def owner(browser: Browser, served, request) -> Iterator[Owner]:
    made = served.manage("shell", "-v0", "--no-imports", "-c", MAKE)
    assert made.returncode == 0, made.stderr
    session, key = made.stdout.split()[-2:]
    width, language = request.param
    options: Any = {"viewport": {"width": width, "height": 800}, "locale": language}
    context, scripted = browser.new_context(java_script_enabled=False, **options), browser.new_context(**options)
    context.add_cookies([{"name": "sessionid", "value": session, "url": served.url}])
    owner = Owner(context.new_page(), scripted.new_page(), served, key)
    owner.open()
    yield owner
    context.close()
    scripted.close()


def test_new_page_with_texts_and_a_picture(owner, served, tmp_path):
    photo = tmp_path / "lake.jpg"
    photo.write_bytes(make_upload((900, 600)).read())
    owner.open(f"{LIST}add/")
    owner.look()
    owner.field("title").fill("On the lake")
    owner.field("slug").fill("lake")
    owner.field("parent_text").fill("rooms")
    owner.press("_add", "pages_text_set")
    expect(owner.page.locator("#pages_text_set-0")).to_be_in_viewport()
    owner.field("pages_text_set-0-text").fill("Water.\n\nAnd <strong>more</strong> water.")
    owner.press("_add", "pages_picture_set")
    owner.field("pages_picture_set-0-image").set_input_files(photo)
    owner.field("pages_picture_set-0-alt_text").fill("A lake")
    owner.field("_before").select_option("pages_picture_set-0")
    owner.press("_add", "pages_text_set")
    owner.field("pages_text_set-1-text").fill("<h2>Boats</h2>")
    owner.look()
    with owner.page.context.expect_page() as opened:
        owner.press("_preview")
    shown = opened.value
    expect(shown.locator("h1")).to_have_text("On the lake")
    expect(shown.locator("main h2")).to_have_text("Boats")
    expect(shown.locator("main img")).to_have_attribute("alt", "A lake")
    expect(shown.locator(".preview noscript")).to_be_visible()
    shown.close()
    owner.press("_publish")
    expect(owner.page.locator(".messagelist .success")).to_be_visible()
    text = served.get("/rooms/lake/").text
    assert (
        text.index("<p>Water.</p><p>And <strong>more</strong> water.</p>") < text.index("Boats") < text.index("A lake")
    )


def test_blocks_are_moved_deleted_and_brought_back(owner):
    assert owner.texts == ["<p>First</p>", "<p>Second</p>"]
    owner.field("title").fill("Typed meanwhile")
    owner.press("_up", "pages_text_set-1")
    expect(owner.page.locator("#pages_text_set-1")).to_be_in_viewport()
    assert owner.texts == ["<p>Second</p>", "<p>First</p>"]
    expect(owner.field("title")).to_have_value("Typed meanwhile")
    owner.look()
    owner.field("pages_text_set-0-DELETE").check()
    owner.press("_down", "pages_text_set-1")
    owner.field("pages_text_set-0-DELETE").uncheck()
    owner.field("pages_text_set-1-DELETE").check()
    owner.press("_draft")
    expect(owner.said).to_contain_text("Typed meanwhile")
    assert owner.texts == ["<p>First</p>"]
    # It comes back with what visitors see.
    owner.page.locator("a[href$='/versions/']").click()
    owner.page.locator("a[href*='change/?version=']").last.click()
    assert owner.texts == ["<p>First</p>", "<p>Second</p>"]
    expect(owner.page.locator(".comparison")).to_contain_text("Second")
    owner.press("_publish")
    expect(owner.page.locator(".messagelist .success")).to_be_visible()


def test_what_is_wrong_is_said_in_blocks_too(owner, tmp_path):
    owner.press("_add", "pages_picture_set")
    letter = tmp_path / "letter.jpg"
    letter.write_text("no picture")
    owner.field("pages_picture_set-0-image").set_input_files(letter)
    owner.field("pages_picture_set-0-caption").fill("Typed for an hour")
    owner.press("_draft")
    expect(owner.said).to_contain_text("“letter.jpg”")
    owner.field("pages_text_set-0-text").fill("")
    owner.press("_publish")
    expect(owner.page.locator(".desk-mistakes li")).to_have_count(3)
    owner.page.locator(".desk-mistakes a").last.click()
    expect(owner.field("pages_picture_set-0-alt_text")).to_be_in_viewport()
    expect(owner.field("pages_picture_set-0-caption")).to_have_value("Typed for an hour")
    owner.look()


def test_draft_is_planned_and_discarded(owner, served):
    owner.field("title").fill("Later")
    owner.page.locator(".desk-plan summary").click()
    moment = timezone.now() + timedelta(days=2)
    owner.field("_plan_at_0").fill(f"{moment:%Y-%m-%d}")
    owner.field("_plan_at_1").fill("18:30")
    owner.press("_up", "pages_text_set-1")
    expect(owner.field("_plan_at_1")).to_have_value("18:30")
    owner.press("_plan")
    expect(owner.page.locator(".messagelist .success")).to_contain_text("Later")
    owner.look()
    owner.page.locator("[formaction*=cancel]").click()
    owner.page.locator("[formaction*=discard]").click()
    expect(owner.field("title")).to_have_value("About")
    assert served.get("/about/").status == 200


def test_link_that_shows_a_draft(owner, served):
    owner.field("title").fill("Only for friends")
    owner.press("_draft")
    owner.page.locator("a[href$='/links/']").click()
    owner.press("make")
    address = owner.page.locator(".links input").input_value()
    place = address[address.index("/admin") :]
    assert "Only for friends" in served.get(place).text
    owner.look()
    owner.press("revoke")
    assert served.get(place).status in (404, 410)


def test_versions_are_compared(owner):
    for title in ("Second title", "Third title"):
        owner.field("title").fill(title)
        owner.press("_publish")
        owner.open()
    owner.page.locator("a[href$='/versions/']").click()
    owner.field("old").last.check()
    owner.page.locator("form .button").last.click()
    expect(owner.page.locator(".comparison ins").first).to_contain_text("Third title")
    owner.look()
    owner.page.locator("a[href*='preview/?version=']").last.click()
    expect(owner.page.locator("h1")).to_have_text("About")


def test_session_ends_while_a_block_is_added(owner):
    owner.field("pages_text_set-0-text").fill("Typed for an hour")
    owner.page.context.clear_cookies(name="sessionid")
    owner.press("_add", "pages_text_set")
    expect(owner.page.locator(".unsent")).to_be_visible()
    owner.page.locator("#id_username").fill("plain")
    owner.page.locator("#id_password").fill(PASSWORD)
    owner.page.locator("#login-form [type=submit]").click()
    expect(owner.field("pages_text_set-0-text")).to_have_value(re.compile("Typed for an hour"))


def test_token_is_old_while_a_block_is_moved(owner):
    owner.field("pages_text_set-0-text").fill("Typed for an hour")
    token = {"name": "csrftoken", "value": "n" * 32, "url": owner.url}
    owner.page.context.clear_cookies(name="csrftoken")
    owner.page.context.add_cookies([token])
    owner.press("_down", "pages_text_set-0")
    owner.page.locator("#content button.default").click()
    expect(owner.field("pages_text_set-0-text")).to_have_value(re.compile("Typed for an hour"))


def test_two_people(owner):
    other = owner.page.context.new_page()
    other.goto(owner.form)
    other.locator("[name=title]").fill("Faster")
    other.locator("[name=_publish]").click()
    owner.press("_add", "pages_text_set")
    owner.field("pages_text_set-2-text").fill("Later")
    owner.press("_publish")
    expect(owner.page.locator(".comparison")).to_contain_text("Faster")
    assert owner.texts == ["<p>First</p>", "<p>Second</p>", "<p>Later</p>"]
    owner.look()
    owner.press("_publish")
    expect(owner.page.locator(".messagelist .success")).to_be_visible()


def test_links_and_old_addresses(owner, served):
    owner.field("pages_text_set-0-text").fill('<a href="/news/">News</a>')
    owner.press("_publish")
    owner.open(f"{LIST}?q=news")
    owner.page.locator("#result_list a", has_text="News").first.click()
    owner.field("slug").fill("latest")
    owner.press("_publish")
    assert 'href="/latest/"' in served.get("/about/").text
    assert served.get("/news/").status == 301
    owner.open(f"{LIST}?q=news")
    owner.page.locator("#result_list a", has_text="News").first.click()
    owner.page.locator(".deletelink").click()
    owner.look()
    expect(owner.page.locator(".pointers")).to_contain_text("About")
    owner.page.locator("a[href$='/pointing/']").first.click()
    owner.page.get_by_role("radio", name="Rooms", exact=True).check()
    owner.page.locator(".submit-row [type=submit]").click()
    assert 'href="/rooms/"' in served.get("/about/").text


def test_deleted_page_comes_back(owner, served):
    owner.open(f"{LIST}?q=rooms")
    owner.page.locator("#result_list a", has_text="Rooms").first.click()
    owner.page.locator(".deletelink").click()
    owner.page.locator("#content form [type=submit]").last.click()
    assert served.get("/rooms/garden/").status == 410
    owner.open(f"{LIST}deleted/")
    owner.look()
    owner.page.locator("tr", has_text="Rooms").locator("form .button").first.click()
    assert served.get("/rooms/garden/").status == 200


def test_another_home_page(owner, served):
    owner.field("is_home").check()
    owner.press("_publish")
    assert "<h1>About</h1>" in served.get("/").text
    assert "<h1>Home</h1>" in served.get("/home/").text


def test_several_at_once(owner, served):
    def act(action: str, *titles: str) -> None:
        owner.open(LIST)
        for title in titles:
            owner.page.locator("#result_list tr", has=owner.page.get_by_role("link", name=title, exact=True)).locator(
                ".action-select"
            ).check()
        owner.field("action").select_option(action)
        owner.page.locator(".actions [type=submit]").click()
        owner.look()
        owner.page.locator(".page-buttons [type=submit]").click()
        expect(owner.said).to_be_visible()

    act("hide_pages", "News", "About")
    assert [served.get(path).status for path in ("/news/", "/about/")] == [404, 404]
    act("publish_pages", "News", "About")
    assert [served.get(path).status for path in ("/news/", "/about/")] == [200, 200]
    act("delete_selected", "News", "About")
    assert [served.get(path).status for path in ("/news/", "/about/")] == [410, 410]


def test_only_what_works_is_shown(owner):
    for tool in (".block-tools", ".order-machine", ".toggle-nav-sidebar", ".empty-form", ".theme-toggle"):
        assert owner.page.locator(tool).filter(visible=True).count() == 0
    owner.open(LIST)
    assert owner.page.locator("#action-toggle, .action-counter").filter(visible=True).count() == 0
