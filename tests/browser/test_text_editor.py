"""The editor of formatted text: what is pasted into it, and what its tools are called."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.console import complaints_of
from tests.browser.test_owner import PASSWORD, add_block
from tests.formatted_text.test_cleaning import LEFT_OUT, TEXT, WRITTEN, read
from tests.site import Site, wait_for

pytestmark = pytest.mark.browser

CHINESE = re.compile("[\u4e00-\u9fff]")
PASTE = """(editor, [html, text]) => {
    const data = new DataTransfer();
    data.setData("text/html", html);
    data.setData("text/plain", text);
    editor.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def cookies(site: Site, browser: Browser) -> Any:
    """Those of an owner who has logged in."""
    made = site.manage(
        "shell",
        "-c",
        "from django.contrib.auth.models import User;"
        f"User.objects.create_superuser('writer', 'writer@example.org', '{PASSWORD}')",
    )
    assert made.returncode == 0, made.stderr
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{site.url}/admin/")
        page.get_by_label("Username").fill("writer")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page).to_have_url(re.compile(r"/admin/$"))
        return context.storage_state()


@pytest.fixture
def form(site: Site, browser: Browser, cookies: Any) -> Iterator[Page]:
    """The form of a new page with an empty text."""
    with browser.new_context(storage_state=cookies) as context:
        page = context.new_page()
        page.goto(f"{site.url}/admin/pages/page/add/")
        add_block(page, "Text")
        yield page


@pytest.fixture
def chinese(site: Site, browser: Browser, cookies: Any) -> Iterator[Page]:
    with browser.new_context(storage_state=cookies, locale="zh-CN") as context:
        page = context.new_page()
        page.goto(f"{site.url}/admin/pages/page/add/")
        add_block(page, "文字")
        yield page


def editor(page: Page) -> Locator:
    return page.locator(".ProseMirror[contenteditable]")


def paste(page: Page, html: str, text: str = "") -> None:
    editor(page).evaluate(PASTE, [html, text])


def empty(page: Page) -> None:
    for key in ("Control+a", "Backspace", "Backspace"):
        editor(page).press(key)
    expect(page.locator("[name=pages_text_set-0-text]")).to_have_value("")


def written(page: Page) -> str:
    return page.locator("[name=pages_text_set-0-text]").input_value().replace("\xa0", "&nbsp;")


def note(page: Page) -> Locator:
    return page.locator(".pasting-note")


def test_it_works(form):
    """What the editor makes of it is what the server made of it: saving changes nothing more."""
    complaints = complaints_of(form)
    for program in LEFT_OUT:
        empty(form)
        paste(form, read(f"{program}.html"))
        expect(note(form)).to_contain_text("1 picture was left out")
        expected = re.sub(r"\n\s*", "", read(f"{program}.expected.html")).replace("\xa0", "&nbsp;")
        assert without_defaults(written(form)) == without_defaults(expected)
    assert complaints == []


def without_defaults(html: str) -> str:
    """Return `html` without what the editor gives to every cell, list and link that has none."""
    html = re.sub(' (colspan|rowspan)="1"| data-type="decimal"', "", html)
    return re.sub(r"<a [^>]*(href=\"[^\"]*\")[^>]*>", r"<a \1>", html)


def test_one_can_go_on_writing(form):
    """What is written until the server answers comes after what was pasted, and the cursor after both."""
    editor(form).fill("before ")
    hold(form)
    paste(form, "<b>pasted</b>")
    expect(note(form)).to_have_text("Pasting…")
    form.keyboard.insert_text(" after")
    wait_for(lambda: HELD, "the server is asked")
    release(form)
    expect(note(form)).to_have_text("")
    form.keyboard.insert_text("!")
    expect(editor(form)).to_have_text("before pasted after!")
    assert written(form) == "<p>before <strong>pasted</strong> after!</p>"
    for _time in range(3):
        form.keyboard.press("Control+z")
    expect(editor(form)).not_to_contain_text("pasted")


HELD: list[Route] = []


def hold(page: Page) -> None:
    HELD.clear()
    page.route("**/admin/pasted/", lambda route: HELD.append(route))


def release(page: Page) -> None:
    for route in HELD:
        route.continue_()
    page.unroute("**/admin/pasted/")


def test_nothing_is_lost_without_the_server(form):
    form.route("**/admin/pasted/", lambda route: route.abort())
    paste(form, "<h1>A</h1><h5>B</h5><p style='mso-list:l0 level1 lfo1'>·&nbsp;&nbsp; C</p><img src='file:///x'>")
    expect(note(form)).to_contain_text("pasted as it came")
    expect(note(form)).to_contain_text("Pictures and videos were left out")
    assert written(form).startswith("<h2>A</h2><h3>B</h3><p>·&nbsp;&nbsp; C</p>")


def test_nothing_is_lost_by_saving_too_soon(form, site):
    hold(form)
    form.get_by_label("Title").fill("Too soon")
    paste(form, "<p>pasted</p>")
    form.get_by_role("button", name="Publish", exact=True).click()
    expect(form.locator(".messagelist .success")).to_contain_text("Too soon")
    form.goto(f"{site.url}/too-soon/")
    expect(form.locator("article")).to_contain_text("pasted")


def test_copying_within_the_editor_asks_nobody(form):
    form.route("**/admin/pasted/", lambda route: route.abort())
    paste(form, '<p data-pm-slice="1 1 []">copied</p>')
    expect(editor(form)).to_have_text("copied")
    paste(form, "", "plain")
    expect(editor(form)).to_have_text("copiedplain")
    expect(note(form)).to_have_text("")


def test_picture_alone_is_refused_with_words(form):
    editor(form).evaluate(
        """editor => {
            const data = new DataTransfer();
            data.items.add(new File(["x"], "lake.png", { type: "image/png" }));
            editor.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }"""
    )
    expect(note(form)).to_contain_text("A text cannot hold pictures")


def test_what_the_editor_writes_is_clean(form):
    for html in filter(None, WRITTEN):
        empty(form)
        paste(form, html)
        expect(form.locator("[name=pages_text_set-0-text]")).not_to_have_value("")
        expect(note(form)).to_have_text("")
        assert without_defaults(written(form)) == without_defaults(html)
        assert TEXT.clean_html(written(form))[0] == written(form)


def test_every_tool_and_dialog_is_in_the_language_of_the_owner(chinese):
    paste(chinese, "<ol><li>x</li></ol><table><tr><td>y</td></tr></table>")
    expect(editor(chinese)).to_contain_text("y")
    bar = chinese.locator(".prose-menubar").first
    buttons = bar.locator("button").evaluate_all(
        "all => all.map(each => [each.title, each.getAttribute('aria-label'), each.textContent])"
    )
    assert len(buttons) > 20
    for title, label, text in buttons:
        assert CHINESE.search(title or text), (title, label, text)
        assert CHINESE.search(label or text), (title, label, text)
    assert "小标题" in [text for _title, _label, text in buttons]

    for tool in ("插入表格", "列表属性", "链接"):
        if tool == "链接":
            editor(chinese).press("Control+a")
        else:
            editor(chinese).locator("li").click()
        bar.locator(f"button[title^={tool}]").click()
        dialog = chinese.locator("dialog[open]")
        expect(dialog.get_by_role("button", name="取消")).to_be_visible()  # that of links is fetched
        words = dialog.locator("h3, label, button").all_inner_texts()
        assert len(words) >= 5
        assert all(CHINESE.search(text) for text in words), words
        dialog.get_by_role("button", name="取消").click()


def test_table_of_the_dialog(form):
    form.locator("button[title='Insert a table']").click()
    form.get_by_label("Rows").fill("2")
    form.get_by_label("Columns").fill("2")
    form.get_by_label("Include header row").check()
    form.get_by_role("button", name="Insert Table").click()
    assert (written(form).count("<th"), written(form).count("<td")) == (2, 2)


def test_headings_have_names(form):
    form.locator(".prose-menubar__selected").click()
    options = form.locator(".prose-menubar__option")
    assert options.all_inner_texts() == ["Heading", "Subheading", "Paragraph"]
    options.filter(has_text="Subheading").click()
    form.keyboard.type("Prices")
    assert written(form) == "<h3>Prices</h3>"
