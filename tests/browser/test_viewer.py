"""Somebody of the staff who may look at everything, and change nothing."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.console import complaints_of

pytestmark = pytest.mark.browser

MAKE_VIEWER = """
from django.contrib.auth.models import Permission, User
user = User.objects.create_user("viewer", password="a-boat-in-the-evening", is_staff=True)
user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
"""


@pytest.mark.parametrize("width", [360, 1280])
def test_it_works(site, page: Page, width):
    site.manage("shell", "-v0", "-c", MAKE_VIEWER)  # the second time it is there already
    complaints = complaints_of(page)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{site.url}/admin/")
    page.get_by_label("Username").fill("viewer")
    page.get_by_label("Password").fill("a-boat-in-the-evening")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Pages", exact=True).first.click()
    page.get_by_role("link", name="Welcome", exact=True).first.click()
    content = page.locator(".field-content")
    # In their order, and readable
    expect(content.locator("picture, h2, blockquote").first).to_have_js_property("localName", "picture")
    expect(content.get_by_text("Somebody is looking for you")).to_be_visible()
    # Without tools
    for tool in (".order-machine", "input[type=file]", "[name=_save]", ".ProseMirror", "[contenteditable]"):
        expect(page.locator(tool)).to_have_count(0)
    page.goto(f"{site.url}/admin/pages/sitesettings/")
    expect(page.locator(".field-footer_text strong")).to_have_text("Far Hills")
    assert complaints == []
