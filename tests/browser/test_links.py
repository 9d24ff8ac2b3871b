"""The dialog in which the owner links to pages, by keyboard alone."""

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from myweb.pages.links import _new_id
from tests.browser.console import complaints_of
from tests.pages.test_texts import TITLES
from tests.site import ROOT, Site

pytestmark = pytest.mark.browser

PASSWORD = "a-heron-at-the-shore"
MAKE_EDITOR = f"""
import json
from django.contrib.auth.models import Permission, User
from myweb.pages.blocks.text import Text
from myweb.pages.models import Page
user = User.objects.filter(username="linker").first() or User.objects.create_user("linker", is_staff=True)
user.set_password("{PASSWORD}")
user.save()
user.user_permissions.set(Permission.objects.filter(content_type__app_label="pages"))
Page.objects.filter(slug__in=["links", "team"]).delete()
page = Page.objects.create(title="Links", slug="links", is_published=True)
Text.objects.create(parent=page, region="main", ordering=10, text="<h2>First part</h2><p>Our people</p>")
team = Page.objects.create(title="我们的团队", slug="team", parent=page, is_published=True)
Text.objects.create(parent=team, region="main", ordering=10, text="<h2>历史</h2><p>x</p>")
print(json.dumps([page.pk, team.pk]))
"""
WORDS = {"en-US": ("Set link", "Please choose a page"), "zh-CN": ("设置链接", "请选择页面或小标题")}


def make_pages(site: Site) -> list[int]:
    return json.loads(site.manage("shell", "--no-imports", "-v0", "-c", MAKE_EDITOR).stdout)


def log_in(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/admin/")
    page.locator("[name=username]").fill("linker")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[type=submit]").click()
    expect(page.locator("#user-tools")).to_be_visible()


def enter(page: Page, editor: Locator) -> None:
    """Put the cursor into the editor, which puts it back for a moment if it was moved right after that."""
    editor.click()
    page.keyboard.type("§")
    expect(editor).to_contain_text("§")
    page.keyboard.press("Backspace")
    expect(editor).not_to_contain_text("§")


def publish(page: Page) -> None:
    page.locator("[name=_publish]").press("Enter")
    expect(page.locator(".messagelist .success")).to_be_visible()


@pytest.mark.parametrize("locale", WORDS)
@pytest.mark.parametrize("width", [360, 1280])
def test_linking_by_keyboard(site, browser, locale, width):
    key, team = make_pages(site)
    page = browser.new_context(locale=locale, viewport={"width": width, "height": 800}).new_page()
    complaints = complaints_of(page)
    log_in(site, page)
    page.goto(f"{site.url}/admin/pages/page/{key}/change/")
    editor = page.locator(".ProseMirror[contenteditable]")
    dialog, field = page.locator("dialog[open]"), page.locator("#link-page")
    error = dialog.get_by_role("alert")
    words, refusal = WORDS[locale]

    # Words that are selected, and a page with a heading of it
    enter(page, editor)
    page.keyboard.press("Control+End")
    page.keyboard.press("Shift+Control+ArrowLeft")
    page.keyboard.press("Control+k")
    expect(field).to_be_focused()
    page.keyboard.press("Enter")
    expect(error).to_contain_text(refusal)
    page.keyboard.type("团队")
    expect(page.locator("[role=option]")).to_contain_text("我们的团队")
    expect(page.locator("[role=option]")).to_contain_text("Links")
    page.keyboard.press("Escape")
    expect(page.locator("#link-pages")).to_be_hidden()
    expect(dialog).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.locator("[role=option]")).to_have_count(1)
    expect(field).to_have_attribute("aria-activedescendant", "link-pages_0")
    page.keyboard.press("Enter")
    expect(field).to_have_value("我们的团队")
    heading = page.locator("#link-heading")
    page.keyboard.press("Tab")
    expect(heading).to_be_focused()
    expect(heading.locator("option", has_text="历史")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(heading).to_have_value("历史")
    for _step in range(3):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=words)).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(editor).to_be_focused()
    link = editor.locator("a")
    expect(link).to_have_text("people")
    expect(link).to_have_attribute("data-page", str(team))
    expect(link).to_have_attribute("href", "/links/team/#历史")

    # It is shown again as it was chosen; Escape leaves it so.
    page.keyboard.press("Control+k")
    expect(field).to_have_value("我们的团队")
    expect(heading).to_have_value("历史")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(link).to_have_attribute("data-page", str(team))

    # Nothing selected: a heading of this page, with its own words
    publish(page)
    page.goto(f"{site.url}/admin/pages/page/{key}/change/")
    enter(page, editor)
    page.keyboard.press("Control+Home")
    page.keyboard.press("Control+k")
    expect(heading.locator("option")).to_have_count(2)
    heading.select_option("first-part")
    page.keyboard.press("Tab")
    heading.press("Enter")
    expect(editor.locator("a[href='#first-part']")).to_have_text("First part")

    # An address that is completed
    page.keyboard.press("Control+End")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+k")
    page.locator("#link-address").fill("name@example.org")
    page.locator("#link-address").press("Enter")
    expect(editor.locator("a[href='mailto:name@example.org']")).to_have_text("name@example.org")

    publish(page)
    page.goto(f"{site.url}/links/")
    expect(page.locator("article a", has_text="people")).to_have_attribute("href", "/links/team/#历史")
    page.locator("article a", has_text="people").click()
    expect(page).to_have_url(re.compile("/links/team/#"))
    expect(page.locator("h2:target")).to_have_text("历史")
    assert complaints == []


def test_without_an_answer_there_is_the_plain_dialog(site, page: Page):
    key, _team = make_pages(site)
    log_in(site, page)
    page.route("**/page/link/", lambda route: route.abort())
    page.goto(f"{site.url}/admin/pages/page/{key}/change/")
    page.locator(".ProseMirror[contenteditable]").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+k")
    page.locator("dialog[open] input").first.fill("/links/team/")
    page.keyboard.press("Enter")
    expect(page.locator(".ProseMirror[contenteditable] a[href='/links/team/']").first).to_be_visible()


def test_whoever_is_logged_out_is_told(site, page: Page):
    key, _team = make_pages(site)
    log_in(site, page)
    page.goto(f"{site.url}/admin/pages/page/{key}/change/")
    page.locator(".ProseMirror[contenteditable]").click()
    page.keyboard.press("Control+k")
    expect(page.locator("#link-page")).to_be_focused()
    page.context.clear_cookies()
    page.keyboard.type("team")
    expect(page.locator("#link-status")).to_contain_text("still logged in")


def test_browser_and_server_make_the_same_ids(page: Page):
    headings = [*TITLES, "Content", "Content", "About us", "!", "?"]
    script = (ROOT / "static/myweb/links.js").read_text()
    script = re.sub(r"^import .*$|^askForMarkup.*$|^export const Link[\s\S]*", "", script, flags=re.MULTILINE)
    page.set_content("<div class='inline-related'><div contenteditable></div></div>")
    page.add_script_tag(path=ROOT / "static/myweb/address.js")
    page.add_script_tag(content=script + "window.headingsHere = headingsHere;")
    made = page.evaluate(
        """words => {
            for (const each of words) {
                const heading = document.createElement("h2");
                heading.textContent = each;
                document.querySelector("[contenteditable]").append(heading);
            }
            return headingsHere(["content", "subpages"]).map(({id}) => id);
        }""",
        headings,
    )
    ids = {"content", "subpages"}
    assert made == [_new_id(" ".join(words.split()), ids) for words in headings]
