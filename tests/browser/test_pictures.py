"""Which rendition of a picture Chromium loads, by the width of the window and the density of the screen."""

import pytest
from playwright.sync_api import Browser

from tests.site import Site, wait_for

pytestmark = pytest.mark.browser

# With widths (w), a picture is by itself as wide as `sizes` says.
PICTURES = """[...document.images].map(image => ({
    shown: image.getBoundingClientRect().width,
    said: image.naturalWidth,
    renditions: Object.fromEntries(image.parentNode.querySelector("source[type='image/avif']").srcset.split(", ")
        .map(one => one.split(" ")).map(([url, width]) => [new URL(url, document.baseURI).href, parseInt(width)])),
    loaded: image.currentSrc,
    layout: image.closest("figure").className,
}))"""


@pytest.mark.parametrize("density", [1, 2, 3])
@pytest.mark.parametrize("width", [320, 360, 768, 1280, 1920])
def test_the_smallest_is_loaded_that_is_large_enough(browser: Browser, site: Site, width: int, density: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, device_scale_factor=density)
    page = context.new_page()
    layouts = set()
    page.goto(f"{site.url}/pictures/taking/")
    page.evaluate("for (const image of document.images) image.loading = 'eager'")
    wait_for(lambda: page.evaluate("[...document.images].every(image => image.complete)"), "all pictures are there")
    for picture in page.evaluate(PICTURES):
        assert picture["said"] == pytest.approx(picture["shown"], abs=1)
        widths = sorted(picture["renditions"].values())
        enough = [each for each in widths if each >= picture["shown"] * density]
        assert picture["renditions"][picture["loaded"]] == (enough or widths[-1:])[0]
        layouts.add(picture["layout"])
    context.close()
    assert layouts == {"picture", "picture portrait"}
