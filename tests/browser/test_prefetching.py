"""Pages that Chromium fetches while the pointer rests on a link, before it is clicked."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.console import complaints_of
from tests.site import Site, wait_for

pytestmark = pytest.mark.browser

DELIVERY = "performance.getEntriesByType('navigation')[0].deliveryType"


@pytest.fixture
def rests_on(page: Page) -> Callable[[str], dict[str, str]]:
    """Return a function that has the pointer rest on a link of the main menu, and says what was fetched by then."""
    status: dict[str, str] = {}
    browser = page.context.new_cdp_session(page)
    browser.on("Preload.prefetchStatusUpdated", lambda event: status.update({event["prefetchUrl"]: event["status"]}))
    browser.send("Preload.enable")

    def rests_on(name: str) -> dict[str, str]:
        page.get_by_role("navigation", name="Main menu").get_by_role("link", name=name).hover()
        return status

    return rests_on


def open_home(page: Page, site: Site) -> None:
    with page.expect_response(lambda response: response.url.endswith(".speculationrules")):
        page.goto(f"{site.url}/")


def test_page_is_there_before_the_click(page, site, rests_on):
    complaints = complaints_of(page)
    open_home(page, site)
    address = f"{site.url}/pictures/"
    # An event comes only while the browser is asked something.
    wait_for(lambda: page.evaluate("1") and rests_on("Pictures").get(address) == "Ready", "the page is fetched", 10)
    page.get_by_role("link", name="Pictures").first.click()
    page.wait_for_url(address)
    assert page.evaluate(DELIVERY) == "navigational-prefetch"
    assert page.context.cookies() == []
    assert complaints == []


def test_form_is_not_fetched_before_it_is_asked_for(page, site, rests_on):
    """It is made for each visitor, and knows when it was."""
    open_home(page, site)
    rests_on("Contact")
    wait_for(lambda: page.evaluate("1") and len(rests_on("Pictures")) == 1, "another link is followed", 10)
    assert list(rests_on("Contact")) == [f"{site.url}/pictures/"]
