"""
The pictures in docs/, as the site looks.

DRAW=1 tests/run tests/browser/test_documents.py draws them anew. Letters differ a little between machines, so the test
only compares what is shown and how large.
"""

import os
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.contact.torture import open_forms
from tests.site import ROOT

pytestmark = pytest.mark.browser

PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1200, "height": 750}
OWNER = """
from django.contrib.auth.models import User
from django.test import Client
client = Client()
client.force_login(User.objects.create_superuser("owner"))
print(client.cookies["sessionid"].value)
"""
SHOWN = {
    "site": ("/", "Far Hills"),
    "pages": ("/admin/pages/page/", "Select page to change"),
    "page": ("/admin/pages/page/1/change/", "Change page"),
    "messages": ("/admin/contact/contactmessage/", "Select message to change"),
    "message": ("/admin/contact/contactmessage/", "Two nights in May"),
}
MESSAGES = [
    (
        "Anna Fields",
        "Two nights in May",
        "Is the room over the lake free from the 4th to the 6th? We would come by train.",
    ),
    ("王小明", "关于您的照片", "您好！请问首页的照片是在哪里拍摄的？"),
    ("Tom Miller", "A small mistake", "The bus in your directions now leaves at ten past, not at five past."),
]


@pytest.fixture(scope="module")
def served(site):
    with site.sibling() as other:
        other.start()
        for visitor, (name, subject, text) in zip(open_forms(other, 3), MESSAGES, strict=True):
            visitor.fields |= {"name": name, "subject": subject, "text": text}
            assert visitor.send(other) == 302
        yield other


@pytest.fixture(scope="module")
def session(served) -> str:
    return served.manage("shell", "--no-imports", "-c", OWNER).stdout.strip()


@pytest.mark.parametrize("name", SHOWN)
def test_it_works(served, session, page: Page, tmp_path: Path, name: str):
    path, text = SHOWN[name]
    if path.startswith("/admin/"):
        page.context.add_cookies([{"name": "sessionid", "value": session, "url": served.url}])
    page.set_viewport_size(SIZE)
    page.goto(served.url + path)
    assert text in page.content()
    if name == "message":
        page.get_by_role("link", name="Two nights in May").click()
    page.wait_for_load_state("networkidle")
    directory = PICTURES if os.environ.get("DRAW") else tmp_path
    page.screenshot(path=directory / f"{name}.jpg", type="jpeg", quality=75)
    sizes = {Image.open(place / f"{name}.jpg").size for place in (PICTURES, directory)}
    assert sizes == {(SIZE["width"], SIZE["height"])}


def test_every_picture_is_shown_somewhere():
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = "".join(document.read_text() for document in documents)
    assert {f"{name}.jpg" for name in SHOWN} == {path.name for path in PICTURES.iterdir()}
    for name in SHOWN:
        assert f"pictures/{name}.jpg)" in shown, name
