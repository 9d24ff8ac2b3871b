"""The owner at the form of a page, in the situations in which work used to be lost."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.console import complaints_of
from tests.factories import make_upload
from tests.site import wait_for

pytestmark = pytest.mark.browser

PASSWORD = "a-boat-in-the-morning"
MAKE_OWNER = f"""
from django.contrib.auth.models import User
User.objects.create_superuser("desk", "desk@example.org", "{PASSWORD}")
"""
NEW_PAGE = """
from myweb.pages.models import Page
page = Page(title="Desk %s", slug="desk-%s")
page.save()
print(page.pk)
"""


@pytest.fixture(scope="module")
def owner(site) -> str:
    """Return the name of somebody who may do everything."""
    site.manage("shell", "-v0", "-c", MAKE_OWNER)
    return "desk"


@pytest.fixture
def page_url(site, request) -> str:
    """Return the address of the form of a new and public page."""
    slug = re.sub(r"\W+", "-", request.node.name).strip("-")
    made = site.manage("shell", "-v0", "-c", NEW_PAGE % (slug, slug))
    return f"{site.url}/admin/pages/page/{made.stdout.strip()}/change/"


def log_in(page: Page, owner: str, url: str) -> None:
    page.goto(url)
    page.locator("#id_username").fill(owner)
    page.locator("#id_password").fill(PASSWORD)
    page.locator("#login-form input[type=submit]").click()
    expect(page).to_have_url(url)


def state(page: Page):
    return page.locator(".desk-state")


def wait_until_opened(page: Page) -> None:
    """Wait until the editor stands, and the form knows what it was opened with."""
    expect(page.locator(".block-tools, .order-machine-insert-target.last").first).to_be_visible()
    page.wait_for_timeout(400)


def add_text(page: Page, words: str) -> None:
    page.locator(".order-machine-insert-target.last").click()
    page.locator(".plugin-button", has_text="Text").click()
    page.locator(".ProseMirror[contenteditable]").last.fill(words)


def test_what_is_typed_is_saved_by_itself_and_seen_beside_the_form(page, owner, page_url, site):
    complaints = complaints_of(page)
    log_in(page, owner, page_url)
    wait_until_opened(page)
    expect(state(page)).to_have_text("")
    add_text(page, "The first words")
    page.locator("[name=_preview]").click()
    preview = page.frame_locator("iframe[name=preview]")
    expect(preview.get_by_text("The first words")).to_be_visible()
    page.locator(".ProseMirror[contenteditable]").last.fill("Other words")
    expect(preview.get_by_text("Other words")).to_be_visible()
    expect(state(page)).to_have_text(re.compile("Saved as a draft at"))
    page.get_by_role("button", name="Close the preview").click()
    # Somebody closes the tab, and comes back
    page.goto(page_url)
    expect(page.locator(".ProseMirror[contenteditable]").last).to_have_text("Other words")
    shown = f"/{page.locator('#id_slug').input_value()}/"
    assert "Other words" not in site.get(shown).text
    page.locator("[name=_publish]").click()
    expect(page.locator(".messagelist .success")).to_contain_text("is published")
    assert "Other words" in site.get(shown).text
    assert complaints == []


def test_page_stands_below_the_bar_as_without_it(page, owner, page_url):
    log_in(page, owner, page_url)
    wait_until_opened(page)
    page.set_viewport_size({"width": 1280, "height": 3000})
    header = "document.querySelector('.site-header').offsetHeight"
    page.goto(page_url.partition("/admin/")[0])
    expect(page.get_by_role("link", name="Edit this page")).to_be_visible()
    below = page.evaluate(header)
    page.context.clear_cookies()
    page.reload()
    expect(page.get_by_role("link", name="Edit this page")).to_have_count(0)
    assert page.evaluate(header) == below


def test_typed_while_the_form_still_opens(page, owner, page_url):
    log_in(page, owner, page_url)
    # The form takes longer than who types to know what it was opened with.
    page.add_init_script(
        "const real = setTimeout; window.setTimeout = (what, ms) => real(what, ms === 300 ? 20_000 : ms)"
    )
    page.reload()
    page.locator("#id_title").press("End")
    page.keyboard.type(" at once")
    expect(state(page)).to_have_text(re.compile("Saved as a draft at"), timeout=15_000)


def test_nothing_happens_to_a_form_that_is_only_looked_at(page, owner, page_url, site):
    log_in(page, owner, page_url)
    wait_until_opened(page)
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.wait_for_timeout(4_000)  # longer than the rest after which it would be saved
    page.goto(f"{site.url}/admin/")  # asks nothing
    assert sent == []


def test_session_ends_while_somebody_types(page, owner, page_url):
    log_in(page, owner, page_url)
    wait_until_opened(page)
    session = [cookie for cookie in page.context.cookies() if cookie["name"] == "sessionid"]
    page.context.clear_cookies(name="sessionid")
    add_text(page, "Typed while logged out")
    expect(state(page)).to_contain_text("You are logged out.")
    # Log in in another tab, and go on
    page.context.add_cookies(session)
    add_text(page, "And some more")
    expect(state(page)).to_contain_text("Saved as a draft at", timeout=20_000)


def test_login_carries_what_was_sent(page, owner, page_url, site):
    log_in(page, owner, page_url)
    wait_until_opened(page)
    page.context.clear_cookies(name="sessionid")
    page.locator("#id_title").fill("Sent without a session")
    page.locator("[name=_publish]").click()
    expect(page.locator(".unsent")).to_contain_text("nothing is lost")
    page.locator("#id_username").fill(owner)
    page.locator("#id_password").fill(PASSWORD)
    page.locator("#login-form input[type=submit]").click()
    expect(page.locator(".messagelist")).to_contain_text("nothing is lost")
    expect(page.locator("#id_title")).to_have_value("Sent without a session")


def test_connection_is_lost(page, owner, page_url):
    log_in(page, owner, page_url)
    wait_until_opened(page)
    page.context.set_offline(True)
    add_text(page, "Typed in a tunnel")
    expect(state(page)).to_contain_text("No connection.")
    # A browser would show its page of errors, and forget what is in the form.
    page.locator("[name=_publish]").click()
    expect(page.locator(".ProseMirror[contenteditable]").last).to_have_text("Typed in a tunnel")
    page.context.set_offline(False)
    expect(state(page)).to_contain_text("Saved as a draft at", timeout=20_000)


def test_more_than_the_site_takes_at_once(page, owner, page_url):
    log_in(page, owner, page_url)
    wait_until_opened(page)
    much = page.locator("#id_description")
    much.evaluate("field => { field.removeAttribute('maxlength'); field.value = 'x'.repeat(10_000_000) }")
    much.dispatch_event("input")
    expect(state(page)).to_contain_text("more than the site can save at once")
    page.locator("[name=_publish]").click()
    expect(state(page)).to_contain_text("more than the site can save at once")
    expect(page).to_have_url(page_url)
    assert much.evaluate("field => field.value.length") == 10_000_000
    much.evaluate("field => { field.value = 'Short' }")
    much.dispatch_event("input")
    expect(state(page)).to_contain_text("Saved as a draft at", timeout=20_000)


def test_site_says_that_it_is_too_much(page, owner, page_url):
    """As a server before it may, which takes less than this site."""
    log_in(page, owner, page_url)
    wait_until_opened(page)
    page.route(page_url, lambda route: route.fulfill(status=413))
    page.locator("#id_title").fill("Much")
    expect(state(page)).to_contain_text("more than the site can save at once")
    page.unroute(page_url)
    expect(state(page)).to_contain_text("Saved as a draft at", timeout=20_000)


def test_site_is_away_when_the_form_is_sent(page, owner, page_url):
    log_in(page, owner, page_url)
    wait_until_opened(page)
    page.locator("#id_title").fill("Typed during an upgrade")
    page.route("**/token/", lambda route: route.fulfill(status=502))
    page.locator("[name=_publish]").click()
    expect(state(page)).to_contain_text("cannot save anything at the moment")
    page.unroute("**/token/")
    page.locator("[name=_publish]").click()
    expect(page.locator(".messagelist .success")).to_contain_text("is published")


def test_two_tabs(page, owner, page_url):
    log_in(page, owner, page_url)
    wait_until_opened(page)
    other = page.context.new_page()
    other.goto(page_url)
    wait_until_opened(other)
    page.locator("#id_title").fill("First")
    expect(state(page)).to_contain_text("Saved as a draft at")
    other.locator("#id_title").fill("Second")
    expect(state(other)).to_contain_text("Nothing is lost")
    other.get_by_role("link", name="See both").click()
    expect(other.locator("#id_title")).to_have_value("Second")
    expect(other.locator(".comparison")).to_contain_text("First")


def test_blocks_by_keyboard_only(page, owner, page_url):
    log_in(page, owner, page_url)
    wait_until_opened(page)

    def press_until(selector: str, key: str = "Tab", most: int = 80) -> None:
        for _step in range(most):
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
            page.keyboard.press(key)
        raise AssertionError(f"{selector} is not reached by {key}")

    page.locator("#id_title").focus()
    for words in ("One", "Two"):
        press_until(".order-machine-insert-target.last")
        page.keyboard.press("Enter")
        press_until(".plugin-button[data-plugin-prefix=pages_text_set]", "ArrowDown", 5)
        page.keyboard.press("Enter")
        page.locator(".ProseMirror[contenteditable]").last.focus()
        page.keyboard.type(words)
    page.locator("#id_title").focus()
    press_until(".block-down")
    page.keyboard.press("Enter")
    editors = page.locator(".ProseMirror[contenteditable]")
    expect(editors.first).to_have_text("Two")
    press_until(".block-duplicate")
    page.keyboard.press("Enter")
    expect(editors).to_have_count(3)
    page.locator("#id_title").focus()
    press_until(".block-delete")
    page.keyboard.press("Enter")
    expect(page.locator(".inline-related.for-deletion")).to_have_count(1)
    press_until(".block-undo", "Tab", 1)
    page.keyboard.press("Enter")
    expect(page.locator(".inline-related.for-deletion")).to_have_count(0)
    page.keyboard.press("Control+s")
    expect(state(page)).to_contain_text("Saved as a draft at")
    page.goto(page_url)
    expect(editors).to_have_text(["Two", "One", "One"])


def test_picture_is_uploaded_at_once(page, owner, page_url, tmp_path):
    photo = tmp_path / "field.jpg"
    photo.write_bytes(make_upload((1200, 800)).read())
    log_in(page, owner, page_url)
    wait_until_opened(page)
    page.locator(".order-machine-insert-target.last").click()
    page.locator(".plugin-button", has_text="Picture").click()
    page.locator("input[type=file]:visible").set_input_files(photo)
    expect(page.locator(".imagefield-preview-image:visible")).to_have_js_property("naturalWidth", 300)
    expect(page.locator(".upload-state")).to_have_text("field.jpg ✓")
    # The form is refused, as the description is missing, and the picture is still there.
    page.locator("[name=_publish]").click()
    expect(page.locator(".errorlist").first).to_be_visible()
    expect(page.locator(".imagefield-preview-image:visible")).to_have_js_property("naturalWidth", 300)
    page.locator("[name$=-alt_text]:visible").fill("A field")
    page.locator("[name=_publish]").click()
    expect(page.locator(".messagelist .success")).to_contain_text("is published")


@pytest.mark.parametrize("width", [360, 1280])
def test_without_javascript(browser, owner, page_url, site, width):
    context = browser.new_context(java_script_enabled=False, viewport={"width": width, "height": 800})
    page = context.new_page()
    log_in(page, owner, page_url)
    page.locator("#id_title").fill("Without a script")
    with context.expect_page() as opened:
        page.locator("[name=_preview]").click()
    expect(opened.value.get_by_role("heading", level=1)).to_have_text("Without a script")
    expect(opened.value.get_by_role("link", name="Back to the form")).to_be_visible()
    page.locator("[name=_draft]").click()
    expect(page.locator(".messagelist")).to_contain_text("is saved. Visitors do not see it yet.")
    page.locator("[name=_publish]").click()
    expect(page.locator(".messagelist")).to_contain_text("“Without a script” is published.")
    context.close()


WITH_PICTURE = """
from tests.factories import make_page, make_picture
print(make_picture(make_page("Desk picture %s")).parent_id)
"""


@pytest.mark.parametrize("width", [360, 1280])
def test_upload_and_conflict_without_javascript(browser, owner, site, tmp_path, width):
    made = site.manage("shell", "-v0", "--no-imports", "-c", WITH_PICTURE % width)
    url = f"{site.url}/admin/pages/page/{made.stdout.strip()}/change/"
    photo = tmp_path / "lake.jpg"
    photo.write_bytes(make_upload((900, 600)).read())
    context = browser.new_context(java_script_enabled=False, viewport={"width": width, "height": 800})
    page, other = context.new_page(), context.new_page()
    log_in(page, owner, url)
    other.goto(url)
    page.locator("input[type=file]:visible").set_input_files(photo)
    page.locator("[name=_draft]").click()
    expect(page.locator(".messagelist")).to_contain_text("is saved. Visitors do not see it yet.")
    expect(page.get_by_role("link", name="pictures/lake")).to_be_visible()
    other.locator("[name$=-caption]:visible").fill("By the other one")
    other.locator("[name=_publish]").click()
    expect(other.locator(".messagelist")).to_contain_text("Nothing is lost")
    expect(other.locator("[name$=-caption]:visible")).to_have_value("By the other one")
    expect(other.locator(".comparison")).to_contain_text("By the other one")
    other.locator("[name=_publish]").click()
    expect(other.locator(".messagelist .success")).to_contain_text("is published")
    # What the first one uploaded is among the versions.
    other.goto(url.replace("change", "versions"))
    expect(other.locator(".versions [name=old]")).to_have_count(4)
    context.close()


def test_enter_in_a_field_saves_the_draft(page, owner, page_url):
    log_in(page, owner, page_url)
    wait_until_opened(page)
    for title in ("First", "Second"):
        page.locator("#id_title").fill(title)
        page.locator("#id_title").press("Enter")
        expect(page.locator(".messagelist")).to_contain_text(f"The draft of “{title}” is saved.")
        wait_until_opened(page)
    expect(page.locator("#id_title")).to_have_value("Second")


def test_picture_that_is_too_large_keeps_nothing_from_being_saved(page, owner, page_url, tmp_path):
    log_in(page, owner, page_url)
    wait_until_opened(page)
    page.route("**/upload/", lambda route: route.fulfill(status=413))
    page.locator(".order-machine-insert-target.last").click()
    page.locator(".plugin-button", has_text="Picture").click()
    photo = tmp_path / "field.jpg"
    photo.write_bytes(make_upload((1200, 800)).read())
    sent = []
    page.on(
        "request", lambda request: sent.append(request.post_data_buffer or b"") if request.method == "POST" else None
    )
    page.locator("input[type=file]:visible").set_input_files(photo)
    expect(page.locator(".upload-state")).to_contain_text("This file is too large")
    page.locator("#id_title").fill("Typed for an hour")
    expect(state(page)).to_have_text(re.compile("Saved as a draft at"))
    page.locator("[name=_draft]").click()
    expect(state(page)).to_contain_text("A picture was not uploaded.")
    expect(page.get_by_role("button", name="Try again")).to_be_focused()
    page.locator("[name=_draft]").click()
    expect(page.locator(".messagelist")).to_contain_text("The draft of “Typed for an hour” is saved.")
    assert [body for body in sent if b"field.jpg" in body] == sent[:1]


def test_form_waits_for_its_pictures(page, owner, page_url, tmp_path):
    log_in(page, owner, page_url)
    wait_until_opened(page)
    waiting = []
    page.route("**/upload/", lambda route: waiting.append(route))
    page.locator(".order-machine-insert-target.last").click()
    page.locator(".plugin-button", has_text="Picture").click()
    photo = tmp_path / "field.jpg"
    photo.write_bytes(make_upload((1200, 800)).read())
    page.locator("input[type=file]:visible").set_input_files(photo)
    expect(page.locator(".upload-state progress")).to_be_visible()
    page.locator("[name=_draft]").click()
    expect(state(page)).to_contain_text("A picture is still on its way")
    waiting.pop().continue_()
    expect(page.locator(".messagelist")).to_contain_text("is saved. Visitors do not see it yet.")
    expect(page.locator(".imagefield-preview-image:visible")).to_have_js_property("naturalWidth", 300)


MAY_NO_MORE = """
from django.contrib.auth.models import User
User.objects.filter(username="{name}").update(is_superuser=False)
"""


def test_who_may_no_more_keeps_what_was_typed(page, page_url, site):
    site.manage("shell", "-v0", "-c", MAKE_OWNER.replace('"desk"', '"former"'))
    log_in(page, "former", page_url)
    wait_until_opened(page)
    site.manage("shell", "-v0", "-c", MAY_NO_MORE.format(name="former"))
    page.locator("#id_title").fill("Typed for an hour")
    expect(state(page)).to_contain_text("You may not change this any more.")
    page.locator("[name=_publish]").click()
    expect(state(page)).to_contain_text("You may not change this any more.")
    expect(page.locator("#id_title")).to_have_value("Typed for an hour")


def test_reloading_shows_what_was_just_typed(page, owner, page_url):
    log_in(page, owner, page_url)
    wait_until_opened(page)
    page.locator("#id_title").press("ControlOrMeta+a")
    page.keyboard.type("Just typed")
    with page.expect_event("dialog") as asked:
        page.evaluate("setTimeout(() => location.reload())")
    assert asked.value.type == "beforeunload"
    wait_for(lambda: "Just typed" in page.context.request.get(page_url).text(), "it is saved", 20)
    with page.expect_navigation():
        asked.value.accept()
    expect(page.locator("#id_title")).to_have_value("Just typed")


def test_what_is_said_is_seen_wherever_the_form_was(page, owner, page_url):
    log_in(page, owner, page_url)
    wait_until_opened(page)
    for _time in range(3):
        add_text(page, "Words")
    page.evaluate("scrollTo(0, 400)")
    page.locator("[name=_draft]").click()
    expect(page).to_have_url(re.compile("scrollY=[1-9]"))
    expect(state(page)).to_contain_text("is saved. Visitors do not see it yet.")
    wait_until_opened(page)
    page.locator("#id_title").fill("")
    page.evaluate("scrollTo(0, 400)")
    page.locator("[name=_publish]").click()
    expect(page.locator(".messagelist")).to_contain_text("Not published yet, but nothing is lost.")
    wait_until_opened(page)
    expect(page.locator(".messagelist")).to_be_in_viewport()
    expect(page.locator(".desk-mistakes")).to_be_in_viewport()


def test_photo_is_removed_for_good(page, owner, page_url, site, tmp_path):
    photo = tmp_path / "unlawful.jpg"
    photo.write_bytes(make_upload((900, 601)).read())
    complaints = complaints_of(page)
    log_in(page, owner, page_url)
    wait_until_opened(page)
    add_text(page, "Unlawful words")
    page.locator(".order-machine-insert-target.last").click()
    page.locator(".plugin-button", has_text="Picture").click()
    page.locator("input[type=file]:visible").set_input_files(photo)
    page.locator("[name$=alt_text]:visible").fill("Somebody")
    expect(page.locator(".upload-state:visible")).to_have_text("unlawful.jpg ✓")
    page.locator("[name=_publish]").click()
    expect(page.locator(".messagelist .success")).to_contain_text("is published")

    def files() -> list[Path]:
        return list((site.var / "media").rglob("unlawful-*"))

    wait_for(lambda: len(files()) > 3, "the renditions")
    site.manage("backup")
    # Not shown any more, and then nowhere any more
    page.goto(page_url)
    wait_until_opened(page)
    for kind in ("text", "picture"):
        page.locator(f"#id_pages_{kind}_set-0-DELETE").evaluate("box => box.checked = true")
    page.locator("[name=_publish]").click()
    expect(page.locator(".messagelist .success")).to_contain_text("is published")
    page.goto(page_url.replace("/change/", "/versions/"))
    page.get_by_role("link", name="Remove for good").click()
    expect(page.get_by_text("on this machine")).to_be_visible()
    [address] = {f"/media/pictures/{path.name}" for path in files() if path.parent.name == "pictures"}
    assert site.get(address).status == 200
    page.get_by_role("radio", name="neither what visitors see nor the draft").check()
    page.get_by_role("button", name="Remove for good").click()
    expect(page.locator(".messagelist .success")).to_contain_text("removed for good")
    assert site.get(address).status == 404
    assert files() == []
    if (database := site.var / "db.sqlite3").exists():
        assert b"Unlawful words" not in database.read_bytes()
    wait_for(lambda: not _published_with(site, b"Unlawful words"), "no published page has it")
    assert complaints == []


def _published_with(site, words: bytes) -> list[Path]:
    return [path for path in (site.var / "published").rglob("*.html") if words in path.read_bytes()]
