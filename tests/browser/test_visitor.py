"""Every page of the demonstration site in Chromium, as a visitor meets it."""

import urllib.request
import xml.etree.ElementTree as ET

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request, expect

from tests.browser.console import complaints_of
from tests.site import wait_for

pytestmark = pytest.mark.browser

WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]


@pytest.fixture(scope="session")
def addresses(site) -> list[str]:
    """Every address of the sitemap, with the contact form, and one that does not exist."""
    with urllib.request.urlopen(f"{site.url}/sitemap.xml") as answer:
        tree = ET.parse(answer)
    locations = [loc.text or "" for loc in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert len(locations) >= 10
    return [*locations, f"http://localhost:{site.port}/nothing-here/"]


@pytest.fixture
def visit(page: Page, site):
    """Return a function that opens an address and fails on whatever a browser complains of."""
    complaints = complaints_of(page)

    def complain(request: Request) -> None:
        # Going on to the next page before the icon is there is no failure.
        if "ABORTED" not in request.failure and "NETWORK_CHANGED" not in request.failure:
            complaints.append(f"failed: {request.url}")

    page.on("requestfailed", complain)
    page.on(
        "request",
        lambda request: None if f":{site.port}/" in request.url else complaints.append(f"off the site: {request.url}"),
    )

    def visit(address: str) -> Page:
        page.goto(address)
        # Pictures further down are loaded as they come near.
        page.evaluate("for (const image of document.images) image.loading = 'eager'")
        # Playwright's own waiting evaluates text in the page, which the policy of the page forbids.
        wait_for(lambda: page.evaluate("[...document.images].every(image => image.complete)"), "all pictures are there")
        ours = [text for text in complaints if not (address.endswith("/nothing-here/") and "404" in text)]
        complaints.clear()
        assert ours == [], address
        assert page.evaluate("[...document.images].filter(image => !image.naturalWidth).map(image => image.src)") == []
        return page

    return visit


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_gives_cause_for_complaint(visit, page, addresses, scheme):
    page.emulate_media(color_scheme=scheme)
    for address in addresses:
        visit(address)
        results = Axe().run(page, options={"runOnly": {"type": "tag", "values": WCAG_22_AA}})
        assert results.violations_count == 0, f"{address}\n{results.generate_report()}"


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_no_page_is_wider_than_the_window(visit, page, addresses, width):
    page.set_viewport_size({"width": width, "height": 800})
    for address in addresses:
        visit(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_page_and_then_the_picture_in_it(visit, page, site):
    visit(f"{site.url}/")
    image = page.locator("main img").first
    expect(image).to_be_visible()
    with page.expect_response(lambda response: response.ok) as picture:
        page.goto(image.evaluate("image => image.currentSrc"))
    assert picture.value.headers["content-type"] in ("image/avif", "image/webp")


def test_another_language_is_one_click_away(visit, page, site):
    visit(f"{site.url}/")
    page.get_by_role("link", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_everything_works_without_javascript(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/")
    page.get_by_role("navigation", name="Main menu").get_by_role("link").nth(1).click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    context.close()
