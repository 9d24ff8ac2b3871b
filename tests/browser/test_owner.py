"""The owner's whole path, from the link that the start prints to a page with a picture on the site."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.console import complaints_of
from tests.factories import make_upload
from tests.site import wait_for

pytestmark = pytest.mark.browser

PASSWORD = "a-lake-in-the-morning"


def add_block(page: Page, kind: str) -> None:
    page.locator(".order-machine-insert-target.last").click()
    page.locator(".plugin-button", has_text=kind).click()


@pytest.fixture(scope="module")
def site(site):
    """A site that nobody has set up yet, whatever other tests have made of theirs."""
    with site.sibling() as new:
        new.manage("shell", "-v0", "-c", "from django.contrib.auth.models import User; User.objects.all().delete()")
        yield new.start()


def test_it_works(site, page, tmp_path):
    complaints = complaints_of(page)
    photo = tmp_path / "湖.jpg"
    photo.write_bytes(make_upload((1200, 800)).read())

    [link] = re.findall(r"http\S+/admin/setup/\S+", site.output())
    page.goto(link)
    page.get_by_label("Username").fill("owner")
    page.get_by_label("Email").fill("owner@example.org")
    page.get_by_label("Password:", exact=True).fill(PASSWORD)
    page.get_by_label("Password confirmation").fill(PASSWORD)
    page.get_by_role("button", name="Start").click()
    expect(page).to_have_url(re.compile(r"/admin/$"))

    page.get_by_role("button", name="Log out").click()
    page.goto(f"{site.url}/admin/")
    page.get_by_label("Username").fill("owner")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()

    page.goto(f"{site.url}/admin/pages/page/add/")
    page.get_by_label("Title").fill("湖边的早晨")
    page.get_by_label("Title").press("Tab")
    expect(page.locator("#id_slug")).to_have_value("湖边的早晨")
    add_block(page, "Text")
    page.locator(".ProseMirror[contenteditable]").fill("清晨的湖面很安静。")
    add_block(page, "Picture")
    page.locator("input[type=file]:visible").set_input_files(photo)
    page.locator("[name$=alt_text]:visible").fill("湖")

    text, picture = page.locator("#pages_text_set-0"), page.locator("#pages_picture_set-0")
    picture.locator("h3").drag_to(text, target_position={"x": 20, "y": 3})
    assert picture.bounding_box()["y"] < text.bounding_box()["y"]
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator(".messagelist .success")).to_contain_text("湖边的早晨")

    page.get_by_role("row", name="湖边的早晨").get_by_role("link", name="湖边的早晨", exact=True).click()
    preview = page.locator(".imagefield-preview-image")
    expect(preview).to_have_js_property("naturalWidth", 300)

    page.goto(f"{site.url}/湖边的早晨/")
    expect(page.get_by_role("heading", level=1)).to_have_text("湖边的早晨")
    article = page.locator("article")
    expect(article).to_contain_text("清晨的湖面很安静。")
    assert article.inner_html().index("<figure") < article.inner_html().index("清晨")
    image = page.get_by_role("img", name="湖")
    expect(image).to_have_js_property("complete", True)
    # A rendition may be shown by now; the upload itself is what `src` has.
    upload = (
        "async (image) => { const own = new Image(); own.src = image.src; await own.decode(); return own.naturalWidth }"
    )
    assert image.evaluate(upload) == 1200
    assert image.evaluate("image => image.naturalWidth") > 0

    def has_renditions() -> bool:
        page.reload()
        return page.locator("source[type='image/avif']").count() == 1

    wait_for(has_renditions, "the picture has renditions")
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("image => image.currentSrc").endswith(".avif")

    page.goto(f"{site.url}/admin/pages/page/")
    page.locator("#result_list tbody a[href$='/change/']").first.click()
    expect(page.locator("#id_slug")).to_have_value("")  # the home page
    page.get_by_label("Title").fill("Mornings at the lake")
    page.get_by_label("Title").press("Tab")
    expect(page.locator("#id_slug")).to_have_value("")
    assert complaints == []
