"""The address that the admin makes of a page's title while that is typed."""

import pytest
from playwright.sync_api import Page

from myweb.pages.texts import slugify
from tests.pages.test_texts import TITLES
from tests.site import ROOT

pytestmark = pytest.mark.browser


def test_browser_and_server_make_the_same_address(page: Page):
    page.add_script_tag(path=ROOT / "static/myweb/address.js")
    for title in TITLES:
        assert page.evaluate("([title, length]) => URLify(title, length, true)", [title, 100]) == slugify(title, 100)
