"""A page from its beginning to its end with nothing but the keyboard, and what a screen reader is told meanwhile."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.console import complaints_of
from tests.browser.test_desk import PASSWORD, log_in, page_url, state, wait_until_opened
from tests.factories import make_upload

pytestmark = pytest.mark.browser

__all__ = ["page_url"]
MAKE_OWNER = f"""
from django.contrib.auth.models import User
User.objects.create_superuser("keyboard", "keyboard@example.org", "{PASSWORD}")
"""
FOCUSED = "document.activeElement"


@pytest.fixture(scope="module")
def owner(site) -> str:
    site.manage("shell", "-v0", "-c", MAKE_OWNER)
    return "keyboard"


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def tab_to(page: Page, selector: str, key: str = "Tab", most: int = 90) -> None:
    """Press Tab until something is reached, and see that the focus is somewhere and to be seen all the way."""
    for _step in range(most):
        press(page, key)
        if page.evaluate(f"selector => {FOCUSED}.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached by {key}")


def focus_is_kept(page: Page) -> bool:
    return bool(
        page.evaluate(f"{FOCUSED} !== document.body && {FOCUSED}.checkVisibility({{visibilityProperty: true}})")
    )


def announced(page: Page) -> str:
    return page.locator(".desk-announce").inner_text()


def add(page: Page, kind: str) -> None:
    tab_to(page, ".order-machine-insert-target.last")
    press(page, "Enter")
    expect(page.get_by_role("menu", name="Kinds of blocks")).to_be_visible()
    for _step in range(5):
        if page.evaluate(f"{FOCUSED}.textContent.trim().endsWith({kind!r})"):
            break
        press(page, "ArrowDown")
    press(page, "Enter")


def test_page_from_beginning_to_end(page, owner, site, tmp_path):
    complaints = complaints_of(page)
    log_in(page, owner, f"{site.url}/admin/pages/page/")
    tab_to(page, ".addlink[href$='page/add/']")
    press(page, "Enter")
    wait_until_opened(page)
    page.locator("#id_title").focus()
    page.keyboard.type("By keyboard")
    tab_to(page, "#id_parent", most=3)
    page.keyboard.type("welcome")
    press(page, "Tab")
    page.locator("#id_parent").fill("")

    # Each kind of block: the focus goes into it.
    add(page, "Text")
    expect(page.locator(".ProseMirror[contenteditable]")).to_be_focused()
    page.keyboard.type("The first words")
    add(page, "Picture")
    expect(page.locator("input[type=file]:visible")).to_be_focused()
    assert announced(page).startswith("Added: Picture")
    photo = tmp_path / "field.jpg"
    photo.write_bytes(make_upload((1200, 800)).read())
    page.locator("input[type=file]:visible").set_input_files(photo)
    expect(page.locator(".upload-state")).to_have_text("field.jpg ✓")
    tab_to(page, "[name$=alt_text]", most=4)
    page.keyboard.type("A field")

    # Move, duplicate, delete, undo, close and open: the focus stays, and it is said what happened.
    tab_to(page, ".block-up", "Shift+Tab")
    press(page, "Enter")
    assert re.fullmatch(r"Picture .* is at place 1 of 2 now\.", announced(page))
    assert page.evaluate(f"{FOCUSED}.matches('.block-up')")
    press(page, "Enter")
    assert re.fullmatch(r"Picture .* stays at place 1 of 2\.", announced(page))
    tab_to(page, ".block-duplicate", most=3)
    press(page, "Enter")
    expect(page.locator(".block-tools")).to_have_count(3)
    assert page.evaluate(f"{FOCUSED}.matches('.block-duplicate')")
    assert announced(page).startswith("Duplicated: Picture")
    tab_to(page, ".block-delete", most=2)
    press(page, "Enter")
    assert page.evaluate(f"{FOCUSED}.matches('.block-undo')")
    assert announced(page).startswith("Deleted: Picture")
    press(page, "Enter")
    assert page.evaluate(f"{FOCUSED}.matches('.block-delete')")
    assert announced(page).startswith("Back again: Picture")
    press(page, "Enter")
    tab_to(page, ".block-toggle", most=10)
    press(page, "Enter")
    assert page.evaluate(f"{FOCUSED}.getAttribute('aria-expanded')") == "false"
    press(page, "Enter")
    assert page.evaluate(f"{FOCUSED}.getAttribute('aria-expanded')") == "true"
    tab_to(page, ".collapse-items input", "Shift+Tab")
    press(page, "Space")
    expect(page.locator(".inline-related.collapsed:not(.empty-form)")).not_to_have_count(0)
    press(page, "Space")

    # Save, look at it, publish
    press(page, "Control+s")
    expect(state(page)).to_contain_text("Saved as a draft at")
    press(page, "Control+s")
    expect(state(page)).to_have_text("All of it is saved.")
    tab_to(page, "[name=_preview]")
    press(page, "Enter")
    expect(page.frame_locator("iframe[name=preview]").get_by_text("The first words")).to_be_visible()
    expect(page.get_by_role("button", name="Computer")).to_be_focused()
    press(page, "Tab", "Enter")
    expect(page.locator("iframe[name=preview]")).to_have_count(0)
    assert page.evaluate(f"{FOCUSED}.name") == "_preview"
    tab_to(page, "[name=_publish]", most=2)
    press(page, "Enter")
    expect(page.locator(".messagelist .success")).to_contain_text("is published")

    # Another draft, its versions, a comparison, an old version, and back
    page.locator(".page-title", has_text="By keyboard").press("Enter")
    wait_until_opened(page)
    page.locator("#id_title").focus()
    page.keyboard.type("Written by keyboard")
    tab_to(page, "[name=_draft]")
    press(page, "Enter")
    expect(page.locator(".messagelist")).to_contain_text("is saved. Visitors do not see it yet.")
    tab_to(page, ".object-tools a[href$='/versions/']")
    press(page, "Enter")
    expect(page.locator(".versions")).to_be_visible()
    tab_to(page, ".versions [type=radio]")
    tab_to(page, "#content button", most=30)
    press(page, "Enter")
    expect(page.locator(".comparison")).to_contain_text("Written")
    tab_to(page, ".versions a[href*='/change/?version=']")
    press(page, "Enter")
    expect(page.locator(".desk")).to_contain_text("This is a")
    page.goto(page.url.split("?")[0])
    tab_to(page, "[formaction$='/discard/']")
    press(page, "Enter")
    expect(page.locator("#id_title")).to_have_value("By keyboard")
    assert complaints == []


def test_menu_of_text_styles(page, owner, page_url):
    log_in(page, owner, page_url)
    wait_until_opened(page)
    add(page, "Text")
    editor = page.locator(".ProseMirror[contenteditable]")
    expect(editor).to_be_focused()
    page.keyboard.type("Words")
    opener = page.get_by_role("button", name="Text style: Paragraph")
    tab_to(page, ".prose-menubar__selected", "Shift+Tab", 20)
    expect(opener).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "false")
    press(page, "Enter")
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("menuitem", name="Heading", exact=True)).to_be_focused()
    press(page, "ArrowDown")
    expect(page.get_by_role("menuitem", name="Subheading")).to_be_focused()
    press(page, "Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    expect(opener).to_be_focused()
    press(page, "ArrowUp")
    expect(page.get_by_role("menuitem").last).to_be_focused()
    press(page, "Home", "Enter")
    expect(editor.locator("h2")).to_have_text("Words")
    expect(editor).to_be_focused()
    # One step on is the next tool, and not another half of the opener.
    tab_to(page, ".prose-menubar__selected", "Shift+Tab", 20)
    expect(page.get_by_role("button", name="Text style: Heading")).to_be_focused()
    press(page, "Tab")
    expect(page.get_by_role("button", name="Bulleted list")).to_be_focused()
    bold = page.get_by_role("button", name="Bold")
    expect(bold).to_have_attribute("aria-pressed", "false")
    tab_to(page, "[data-name=bold]", most=10)
    press(page, "Enter")
    expect(bold).to_have_attribute("aria-pressed", "true")


def test_list_of_kinds_is_left_as_it_was_entered(page, owner, page_url):
    log_in(page, owner, page_url)
    wait_until_opened(page)
    page.locator("#id_title").focus()
    tab_to(page, ".order-machine-insert-target.last")
    for key in ("Escape", "Tab"):
        press(page, "Enter")
        expect(page.get_by_role("menuitem", name="Text")).to_be_focused()
        press(page, key)
        expect(page.get_by_role("menu")).to_have_count(0)
    assert focus_is_kept(page)
    tab_to(page, ".order-machine-insert-target.last", "Shift+Tab", 3)


def test_what_is_wrong_is_listed_and_leads_to_its_field(page, owner, page_url):
    log_in(page, owner, page_url)
    wait_until_opened(page)
    add(page, "Picture")
    expect(page.locator("input[type=file]:visible")).to_be_focused()
    page.locator("#id_title").fill("")
    page.locator("[name$=caption]:visible").fill("What is this?")
    page.locator("[name=_publish]").click()
    mistakes = page.locator(".desk-mistakes li")
    expect(mistakes).to_have_text(
        [
            "Title: This field is required.",
            "Picture › Picture: This field is required.",
            "Picture › Alternative text: This field is required.",
        ]
    )
    wait_until_opened(page)
    mistakes.last.get_by_role("link").press("Enter")
    expect(page.locator("[name$=alt_text]:visible")).to_be_focused()
    mistakes.first.get_by_role("link").press("Enter")
    expect(page.locator("#id_title")).to_be_focused()
