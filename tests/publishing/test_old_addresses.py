"""Old addresses through the real Nginx: an answer that was kept is never in their way, nor the other way round."""

import json

import pytest

from tests.site import Response, Site, wait_for

pytestmark = pytest.mark.nginx

CHANGE = """
import json
from myweb.pages.leading import Book, old_address, redirect_from
from myweb.pages.models import Page
from myweb.pages.redirects import Redirect
page = lambda slug: Page.objects.get(slug=slug)
def rename(old, new):
    renamed = page(old)
    renamed.slug = new
    renamed.save()
def lead_away(old, new):
    Redirect.put([redirect_from(old_address(old), Book([new]).lead(new))])
"""


def change(site: Site, program: str) -> None:
    done = site.manage("shell", "--verbosity=0", "--command", CHANGE + program)
    assert done.returncode == 0, done.stderr


def led_to(answer: Response) -> str:
    assert (answer.status, answer.headers["Cache-Control"], answer.headers["ETag"]) == (301, "no-cache", None)
    return answer.headers["Location"]


def wait_until_kept(site: Site, address: str) -> None:
    wait_for(lambda: site.get(address).headers["ETag"], f"{address} is published", 10)


def test_it_works(site):
    with site.sibling() as other:
        other.start()
        change(
            other, 'Page(title="Old", slug="old").save(); Page(title="Below", slug="below", parent=page("old")).save()'
        )
        for address in ("/old/", "/old/below/"):
            wait_until_kept(other, address)
        change(other, 'rename("old", "new")')
        assert led_to(other.get("/old/below/?a=b")) == "/new/below/?a=b"
        assert led_to(other.get("/old")) == led_to(other.request("HEAD", "/OLD/")) == "/new/"
        wait_until_kept(other, "/new/below/")
        change(other, 'Page(title="Other", slug="old").save()')
        wait_until_kept(other, "/old/")
        # What an owner or an older release might have written: a page is shown nevertheless.
        change(other, 'Redirect.objects.update(page=None, address="https://elsewhere.example/")')
        assert other.get("/old/").status == other.get("/old/", Cookie="sessionid=x").status == 200
        change(other, 'Page.add_keys(); page("old").save(); page("old").delete()')
        for address in ("/old/", "/old", "/OLD/?x=1"):
            answer = other.get(address)
            assert (answer.status, answer.headers["ETag"]) == (410, None)
        paths = ["/index.php?page=3", "/%B9%D8%D3%DA.htm", "//double//slash", "/a%20b", "/ä/?q=ü"]
        change(other, f"for path in json.loads({json.dumps(json.dumps(paths))!s}): lead_away(path, '/new/')")
        for path in ("/index.php?page=3", "/%B9%D8%D3%DA.htm", "//double//slash", "/a%20b", "/%C3%A4/?q=%C3%BC"):
            assert led_to(other.get(path)) == "/new/", path
        assert other.manage("verify_published").returncode == 0
