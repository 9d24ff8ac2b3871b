"""The list of pages, and the search for a page, as the owner uses them: with the mouse, the keyboard, and neither."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.console import complaints_of
from tests.browser.test_visitor import WCAG_22_AA
from tests.site import Site

pytestmark = pytest.mark.browser

LIST = "/admin/pages/page/"
MAKE = """
from django.contrib.auth.models import User
from django.test import Client
from tests.factories import make_page
Page.objects.all().delete()
make_page("Home", slug="")
rooms = make_page("Rooms")
make_page("Over the lake", parent=rooms)
make_page("花园", slug="花园", parent=rooms)
archive = make_page("Archive")
for number in range(1, 121):
    make_page(f"Year {number}", parent=archive)
make_page("News")
owner, _is_new = User.objects.get_or_create(username="owner", is_superuser=True, is_staff=True)
client = Client()
client.force_login(owner, "django.contrib.auth.backends.ModelBackend")
print(client.cookies["sessionid"].value)
"""


@pytest.fixture(scope="module")
def served(site) -> Iterator[Site]:
    with site.sibling() as other:
        yield other.start()


def make_pages(served: Site) -> str:
    """Make all pages anew, and return a session of the owner."""
    made = served.manage("shell", "--no-imports", "-c", "from myweb.pages.models import Page\n" + MAKE)
    assert made.returncode == 0, made.stderr
    return made.stdout.split()[-1]


@pytest.fixture(scope="module")
def session(served) -> str:
    return make_pages(served)


@pytest.fixture
def anew(served, session) -> Iterator[None]:
    """For tests that change pages: the next one finds them as they were."""
    yield
    make_pages(served)


@pytest.fixture
def complaints(page) -> list[str]:
    return complaints_of(page)


@pytest.fixture
def owner(served, session, page, complaints) -> Iterator[Page]:
    log_in(page, served, session)
    page.goto(served.url + LIST)
    yield page
    assert complaints == []


def log_in(page: Page, served: Site, session: str) -> None:
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": served.url}])


def row(page: Page, title: str) -> Locator:
    return page.locator("#result_list tbody tr", has=page.get_by_role("link", name=title, exact=True))


def branch(page: Page, title: str) -> Locator:
    return row(page, title).locator(".page-branch")


def titles(page: Page) -> list[str]:
    return page.locator(".page-title").all_text_contents()


def options(page: Page) -> Locator:
    return page.locator(".page-input").get_by_role("option")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


class TestByKeyboard:
    def test_move_to_another_branch_and_undo(self, anew, owner):
        branch(owner, "Rooms").focus()
        press(owner, "Enter")
        expect(branch(owner, "Rooms")).to_have_attribute("aria-expanded", "true")
        expect(owner.locator("#page-list [role=status]")).to_have_text("2 pages below “Rooms” are shown.")
        row(owner, "花园").locator(".page-move").focus()
        press(owner, "Enter")
        expect(owner.get_by_role("region", name="Moving pages")).to_contain_text("“花园” is being moved.")
        expect(row(owner, "花园").get_by_role("button", name="Cancel")).to_be_focused()
        press(owner, "ArrowDown", "ArrowDown")
        expect(owner.get_by_role("button", name="Put before “News”")).to_be_focused()
        press(owner, "Tab", "Tab", "Enter")
        expect(owner.get_by_role("link", name="花园", exact=True)).to_be_focused()
        assert titles(owner) == ["Home", "Rooms", "Over the lake", "Archive", "News", "花园"]
        bar = owner.get_by_role("region", name="Moving pages")
        expect(bar).to_contain_text("“花园” is below “News” now. Its address is /news/花园/.")
        bar.get_by_role("button", name="Undo").focus()
        press(owner, "Enter")
        expect(bar).to_contain_text("“花园” is below “Rooms” now.")
        assert titles(owner) == ["Home", "Rooms", "Over the lake", "花园", "Archive", "News"]

    def test_escape_moves_nothing(self, owner):
        row(owner, "News").locator(".page-move").focus()
        press(owner, "Enter", "Escape")
        expect(owner.get_by_role("region", name="Moving pages")).to_be_hidden()
        expect(row(owner, "News").locator(".page-move")).to_be_focused()
        assert titles(owner) == ["Home", "Rooms", "Archive", "News"]

    def test_arrows_go_along_the_tree(self, owner):
        branch(owner, "Rooms").focus()
        press(owner, "ArrowRight")
        expect(branch(owner, "Rooms")).to_have_attribute("aria-expanded", "true")
        press(owner, "ArrowDown")
        expect(branch(owner, "Archive")).to_be_focused()
        row(owner, "花园").get_by_role("link", name="花园", exact=True).focus()
        press(owner, "ArrowLeft")
        expect(row(owner, "Rooms").locator(".page-title")).to_be_focused()
        press(owner, "ArrowLeft")
        expect(branch(owner, "Rooms")).to_have_attribute("aria-expanded", "false")

    def test_to_a_page_that_is_found_while_a_search_is_on(self, anew, owner):
        row(owner, "News").locator(".page-move").focus()
        press(owner, "Enter")
        owner.get_by_role("textbox", name=re.compile("Search")).fill("year 77")
        press(owner, "Enter")
        expect(row(owner, "Year 77").locator(".page-where")).to_have_text("Archive")
        owner.get_by_role("button", name="Put after “Year 77”").press("Enter")
        bar = owner.get_by_role("region", name="Moving pages")
        expect(bar).to_contain_text("“News” is below “Archive” now. Its address is /archive/news/.")
        bar.get_by_role("link", name="Show it").click()
        expect(row(owner, "Year 76")).to_be_visible()
        assert titles(owner)[75:78] == ["Year 76", "Year 77", "News"]


class TestByDrag:
    def test_onto_a_page_of_a_branch_that_is_closed(self, anew, owner):
        branch(owner, "Rooms").click()
        expect(row(owner, "花园")).to_be_visible()
        row(owner, "花园").locator(".page-grip").drag_to(row(owner, "Archive"))
        expect(row(owner, "花园")).to_have_class("page-moved")
        expect(branch(owner, "Archive")).to_have_attribute("aria-expanded", "true")
        assert titles(owner)[-3:] == ["Year 120", "花园", "News"]
        assert titles(owner)[:4] == ["Home", "Rooms", "Over the lake", "Archive"]

    def test_into_a_branch_that_opens_meanwhile(self, anew, owner):
        row(owner, "News").locator(".page-grip").hover()
        owner.mouse.down()
        box = row(owner, "Rooms").bounding_box()
        for step in range(3):
            owner.mouse.move(box["x"] + 100 + step, box["y"] + box["height"] / 2)
        expect(row(owner, "花园")).to_be_visible()
        box = row(owner, "花园").bounding_box()
        for step in range(3):
            owner.mouse.move(box["x"] + 100 + step, box["y"] + 2)
        expect(row(owner, "花园")).to_have_class(re.compile("page-before"))
        owner.mouse.up()
        expect(row(owner, "News")).to_have_class("page-moved")
        assert titles(owner) == ["Home", "Rooms", "Over the lake", "News", "花园", "Archive"]

    def test_several_that_are_ticked(self, anew, owner):
        branch(owner, "Rooms").click()
        for title in ("Over the lake", "花园"):
            row(owner, title).locator(".action-select").check()
        expect(owner.locator(".action-counter")).to_have_text("2 selected")
        row(owner, "花园").locator(".page-grip").drag_to(row(owner, "News"), target_position={"x": 200, "y": 3})
        expect(owner.get_by_role("region", name="Moving pages")).to_contain_text("2 pages were moved.")
        assert titles(owner) == ["Home", "Rooms", "Archive", "Over the lake", "花园", "News"]

    def test_among_what_was_found(self, anew, owner, served):
        owner.set_viewport_size({"width": 1280, "height": 1200})
        owner.goto(f"{served.url}{LIST}?q=year+11")
        row(owner, "Year 11").locator(".page-grip").drag_to(row(owner, "Year 119"), target_position={"x": 200, "y": 3})
        bar = owner.get_by_role("region", name="Moving pages")
        expect(bar).to_contain_text("“Year 11” comes after “Year 118” now.")

    def test_what_is_refused_is_said(self, owner, complaints):
        branch(owner, "Rooms").click()
        row(owner, "Rooms").locator(".page-grip").drag_to(row(owner, "花园"))
        bar = owner.get_by_role("region", name="Moving pages")
        expect(bar).to_contain_text("A page cannot be moved below itself.")
        assert titles(owner) == ["Home", "Rooms", "Over the lake", "花园", "Archive", "News"]
        assert len(complaints) == 1  # of the status 400
        complaints.clear()


def test_many_below_one_page_are_shown_some_at_a_time(owner):
    branch(owner, "Archive").click()
    expect(row(owner, "Year 100")).to_be_visible()
    expect(row(owner, "Year 101")).to_have_count(0)
    owner.get_by_role("button", name="Show more of the 120 pages below “Archive”").click()
    expect(row(owner, "Year 120")).to_be_visible()
    expect(row(owner, "Year 101").locator("a, button").first).to_be_focused()
    # Still so when the owner comes back from a page
    row(owner, "Year 120").get_by_role("link", name="Year 120", exact=True).click()
    expect(owner.locator("#id_title")).to_have_value("Year 120")
    owner.get_by_role("link", name="Pages", exact=True).first.click()
    expect(row(owner, "Year 120")).to_be_visible()
    branch(owner, "Archive").click()
    expect(row(owner, "Year 1")).to_have_count(0)


def test_pages_of_several_branches_are_hidden_at_once(anew, owner):
    branch(owner, "Rooms").click()
    for title in ("花园", "News"):
        row(owner, title).locator(".action-select").check()
    owner.get_by_label("Action:").select_option("Hide…")
    owner.get_by_role("button", name="Go", exact=True).click()
    expect(owner.locator("h1")).to_have_text("Hide pages")
    owner.get_by_role("button", name="Hide").click()
    expect(owner.locator(".messagelist")).to_have_text("2 pages were hidden.")
    expect(row(owner, "花园")).to_be_visible()


def test_session_that_is_over_is_said(owner):
    owner.context.clear_cookies()
    branch(owner, "Rooms").click()
    expect(owner.get_by_role("region", name="Moving pages")).to_contain_text("you may have to log in")


class TestPageAbove:
    def test_by_keyboard(self, anew, owner):
        row(owner, "News").get_by_role("link", name="News", exact=True).click()
        field = owner.get_by_role("combobox", name="Page above")
        field.focus()
        owner.keyboard.type("year 77")
        expect(options(owner)).to_have_text("Year 77 Archive")
        press(owner, "ArrowDown")
        expect(owner.locator(".page-input [aria-selected=true]")).to_have_text("Year 77 Archive")
        press(owner, "Enter")
        expect(field).to_have_value("Year 77 – /archive/year-77/")
        expect(options(owner)).to_have_count(0)
        owner.get_by_role("button", name="Publish").first.click()
        expect(owner.locator(".messagelist .success")).to_contain_text("News")
        expect(row(owner, "News")).to_have_count(0)

    def test_in_chinese_by_touch_and_emptied_again(self, owner):
        row(owner, "News").get_by_role("link", name="News", exact=True).click()
        field = owner.get_by_role("combobox", name="Page above")
        field.click()
        expect(options(owner).first).to_have_text("Rooms /rooms/")
        field.fill("花")
        options(owner).filter(has_text="花园").click()
        expect(field).to_have_value("花园 – /rooms/花园/")
        expect(owner.locator("[name=parent]")).not_to_have_value("")
        field.fill("")
        expect(owner.locator("[name=parent]")).to_have_value("")

    def test_escape_leaves_what_was_typed(self, owner, served):
        owner.goto(f"{served.url}{LIST}add/")
        field = owner.get_by_role("combobox", name="Page above")
        field.press_sequentially("room")
        expect(options(owner)).not_to_have_count(0)
        press(owner, "Escape")
        expect(options(owner)).to_have_count(0)
        expect(field).to_have_value("room")


def test_without_javascript(browser: Browser, served, session, anew):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    log_in(page, served, session)
    page.goto(served.url + LIST)
    branch(page, "Rooms").click()
    expect(page.locator("h1")).to_have_text("Pages below “Rooms”")
    assert titles(page) == ["Over the lake", "花园"]
    row(page, "花园").get_by_role("link", name="Move").click()
    page.get_by_label("after this page").check()
    page.get_by_label("Page:").fill("News")
    page.get_by_role("button", name="Move").click()
    expect(page.locator(".messagelist")).to_contain_text("“花园” is at the top now. Its address is /花园/.")
    assert titles(page) == ["Over the lake"]
    page.get_by_role("link", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    assert titles(page) == ["Over the lake", "花园"]
    row(page, "花园").get_by_role("link", name="Copy").click()
    page.get_by_role("button", name="Copy").click()
    assert titles(page) == ["Over the lake", "花园", "花园 (copy)"]
    page.goto(served.url + LIST)
    row(page, "News").get_by_role("link", name="News", exact=True).click()
    page.get_by_label("Page above").fill("rooms")
    page.get_by_role("button", name="Publish").first.click()
    page.goto(f"{served.url}/rooms/news/")
    expect(page.locator("h1")).to_have_text("News")
    context.close()


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_to_complain_of(browser: Browser, served, session, tmp_path, width, scheme, language):
    context = browser.new_context(viewport={"width": width, "height": 740}, color_scheme=scheme, locale=language)
    page = context.new_page()
    log_in(page, served, session)

    def look(name: str, *parts: str) -> None:
        page.screenshot(path=tmp_path / f"{name}.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        found = Axe().run(page, context=list(parts), options={"runOnly": WCAG_22_AA}).response["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == [], name

    page.goto(served.url + LIST)
    branch(page, "Rooms").click()
    expect(row(page, "花园")).to_be_visible()
    look("branches", "#page-list")
    row(page, "花园").locator(".page-move").click()
    look("moving", "#page-list")
    press(page, "Escape")
    key = row(page, "花园").get_attribute("data-key")
    page.goto(f"{served.url}{LIST}move/?pages={key}")
    page.locator("#id_target").press_sequentially("year")
    expect(options(page)).to_have_count(20)
    press(page, "ArrowDown")
    look("question", "#content")
    page.goto(f"{served.url}{LIST}{key}/change/")
    page.locator("#id_parent").click()
    expect(options(page).first).to_be_visible()
    look("page above", ".field-parent")
    context.close()
