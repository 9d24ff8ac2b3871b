import os
import time

import pytest

from tests.operations.places import copy_of

pytestmark = pytest.mark.slow("in a site of its own")

DAY = 24 * 3600


def let_a_day_pass(place) -> None:
    for path in (place.var / "media").rglob("*"):
        os.utime(path, (time.time() - DAY - 60,) * 2)


def add(place, name: str) -> None:
    (place.var / "media" / name).write_bytes(b"picture")


def test_it_works(original, tmp_path):
    """What a page, an old version or a link refers to stays; the rest goes after a day."""
    with copy_of(original, tmp_path / "var") as place:
        before = place.files()
        for name in ("forgotten", "linked", "关于"):
            add(place, f"pictures/{name}.jpg")
        add(place, "__processed__/forgotten.webp")
        place.shell(LINK)
        assert place.manage("clean_media") == "Deleted 0 files."
        let_a_day_pass(place)
        add(place, "pictures/of-today.jpg")
        assert place.manage("clean_media") == "Deleted 2 files."
        left = set(place.files())
        assert left == {*before, "pictures/linked.jpg", "pictures/关于.jpg", "pictures/of-today.jpg"}

        # Deleted pages can be brought back in the admin, pictures and all.
        place.shell("from myweb.pages.models import Page; Page.objects.all().delete()")
        place.manage("clean_media")
        [picture] = [name for name in before if name.startswith("pictures/")]
        assert picture in place.files()

        place.shell(FORGET)
        place.manage("clean_media")
        assert set(place.files()) == {"pictures/of-today.jpg"}


FORGET = """
from myweb.desk.models import Version
from myweb.pages.uploads import Upload
Version.objects.all().delete()
Upload.objects.all().delete()
"""

LINK = """
from django.db.models import F
from myweb.pages.models import Page, SiteSettings
from tests.factories import make_text
make_text(Page.objects.get(slug=""), '<p><a href="http://localhost:8099/media/pictures/linked.jpg">Big</a></p>')
make_text(Page.objects.get(slug=""), '<p><a href="/media/pictures/%E5%85%B3%E4%BA%8E.jpg">About</a></p>')
"""
