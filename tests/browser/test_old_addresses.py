"""The owner leads old addresses to pages, one by one and many at once."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser.console import complaints_of

pytestmark = pytest.mark.browser

MAKE_OWNER = """
from django.contrib.auth.models import User
User.objects.create_superuser("redirector", password="a-boat-in-the-evening")
"""
WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.mark.parametrize(("width", "scripts"), [(1280, True), (360, False)], ids=["computer", "phone without scripts"])
def test_it_works(site, browser: Browser, width, scripts):
    site.manage("shell", "-v0", "-c", MAKE_OWNER)  # the second time it is there already
    context = browser.new_context(viewport={"width": width, "height": 800}, java_script_enabled=scripts)
    page = context.new_page()
    complaints = complaints_of(page)

    def look() -> None:
        if scripts:
            results = Axe().run(page, context="#content", options={"runOnly": {"type": "tag", "values": WCAG_22_AA}})
            assert results.violations_count == 0, results.generate_report()
            assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.goto(f"{site.url}/admin/")
    page.get_by_label("Username").fill("redirector")
    page.get_by_label("Password").fill("a-boat-in-the-evening")
    page.get_by_role("button", name="Log in").click()

    page.goto(f"{site.url}/admin/pages/redirect/add/")
    old = f"/welcome-{width}.html"
    page.get_by_label("Old address").fill(old)
    if scripts:
        page.get_by_role("combobox", name="Page").fill("Welcome")
        page.get_by_role("option", name="Welcome").first.click()
    else:
        page.get_by_label("Other address").fill(f"{site.url}/")
    look()
    page.get_by_role("button", name="Save", exact=True).click()
    row = page.get_by_role("row", name=old)
    # An address of the site itself is kept as its page, but the site's own, which any page may have.
    expect(row.get_by_role("cell").last).to_have_text(re.compile("Welcome") if scripts else "/")
    look()

    page.get_by_role("link", name="Import").click()
    page.get_by_label("or text").fill(f"/a-{width};/\n/b-{width};https://www.example.org/\n/admin/x;/\n")
    look()
    page.get_by_role("button", name="Look at it first").click()
    expect(page.get_by_text("This address is used by the site itself.")).to_be_visible()
    look()
    page.get_by_role("button", name="Import 2 lines").click()
    expect(page.locator(".messagelist .success")).to_have_text("2 old addresses were imported.")
    look()

    for path in (old, f"/a-{width}"):
        page.goto(f"{site.url}{path}")
        assert page.url == f"{site.url}/"
    page.goto(f"{site.url}/admin/pages/redirect/import/")
    look()
    page.get_by_role("button", name="Undo").first.click()
    expect(page.locator(".messagelist .success")).to_have_text("2 old addresses were removed.")
    assert page.goto(f"{site.url}/a-{width}").status == 404
    page.go_back()
    assert [text for text in complaints if "404" not in text] == []
    context.close()
