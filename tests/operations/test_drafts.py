"""Drafts, plans, versions, old addresses and uploads go through every kind of backup, and go on afterwards."""

import json

import pytest
from django.db import connection

from tests.operations.places import Place, empty_place

pytestmark = pytest.mark.slow("whole sites are backed up and restored")

# SQLite counts on from the highest key there ever was. A number less would be one that a deleted page may have had;
# this one JavaScript still has exactly.
FROM_SQLITE = 2**53

FILL = """
from datetime import timedelta
from django.contrib.auth.models import User
from django.test import Client
from django.test.utils import setup_test_environment
from django.utils import timezone
from myweb.desk.line import Line
from myweb.desk.models import PreviewLink, Version
from myweb.pages.models import Page
from tests.admin_forms import add_block, form_data, new_form
setup_test_environment()
client = Client(headers={"host": "localhost"})
client.force_login(User.objects.get(), "django.contrib.auth.backends.ModelBackend")
lake = Page.objects.get(slug="湖")
url = f"/admin/pages/page/{lake.pk}/change/"
client.post(url, form_data(client.get(url)) | {"slug": "lake"})
data = form_data(client.get(url)) | {"title": "Waits"}
del data["_publish"]
client.post(url, data)
for title in ("New", "Planned"):
    url, data = new_form(client)
    add_block(data, "text", text=f"<p>{title} words</p>")
    del data["_publish"]
    client.post(url, data | {"title": title, "slug": title.lower()})
planned = Version.objects.filter(content__fields__title="Planned")
planned.update(publish_at=timezone.now() + timedelta(seconds=1))
"""

GO_ON = """
import json
from django.contrib.auth.models import User
from django.test import Client
from django.test.utils import setup_test_environment
from myweb.desk.models import Version
from myweb.desk.schedule import publish_due
from myweb.pages.models import Page
from tests.admin_forms import form_data
from tests.factories import make_page
from tests.site import wait_for
setup_test_environment()
visitor, client = (Client(headers={"host": "localhost"}) for _ in range(2))
client.force_login(User.objects.get(), "django.contrib.auth.backends.ModelBackend")
old = visitor.get("/湖/")
key = Version.objects.get(content__fields__title="New").key
for pk in (Page.objects.get(slug="lake").pk, key):
    url = f"/admin/pages/page/{pk}/change/"
    client.post(url, form_data(client.get(url)))
def is_published():
    publish_due()
    return visitor.get("/planned/").status_code == 200
wait_for(is_published, "the plan")
print(json.dumps({
    "old": [old.status_code, old.headers.get("Location")],
    "lake": "Waits" in visitor.get("/lake/").content.decode(),
    "new": "New words" in visitor.get("/new/").content.decode(),
    "has_its_key": Page.objects.get(slug="new").pk == key >= 2**51,
    "next": make_page("Next").pk,
}))
"""


@pytest.fixture
def with_drafts(place) -> Place:
    place.env["DJANGO_SETTINGS_MODULE"] = "myweb.settings"
    place.shell("from django.contrib.auth.models import User; User.objects.update(is_staff=True, is_superuser=True)")
    place.shell(FILL)
    return place


def assert_goes_on(place: Place, next_below: int) -> None:
    said = json.loads(place.shell(GO_ON))
    assert said.pop("next") < next_below
    assert said == {"old": [301, "/lake/"], "lake": True, "new": True, "has_its_key": True}


def desk_rows(place: Place) -> dict[str, list[str]]:
    names = ("desk_version", "pages_redirect", "pages_upload", "pages_page", "pages_text", "pages_picture")
    rows = place.rows()
    return {name: rows[name] for name in names}


@pytest.mark.parametrize("kind", [(), ("--portable",)], ids=["native", "portable"])
def test_drafts_go_on_after_a_restore(with_drafts, elsewhere, kind):
    backup = with_drafts.backup(*kind)
    assert with_drafts.manage("backup", "--prove", backup).startswith("Proven: ")
    elsewhere.manage("restore", backup)
    assert desk_rows(elsewhere) == desk_rows(with_drafts)
    assert len(desk_rows(elsewhere)["desk_version"]) > 3
    assert_goes_on(elsewhere, FROM_SQLITE if connection.vendor == "sqlite" else 100)


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs both databases")
def test_drafts_go_to_the_other_database_and_back(with_drafts, elsewhere, tmp_path):
    with empty_place(tmp_path / "sqlite", on_postgresql=False) as sqlite:
        sqlite.manage("restore", with_drafts.backup("--portable"))
        assert desk_rows(sqlite) == desk_rows(with_drafts)
        elsewhere.manage("restore", sqlite.backup("--portable"))
        assert desk_rows(elsewhere) == desk_rows(with_drafts)
        assert_goes_on(sqlite, FROM_SQLITE)
    assert_goes_on(elsewhere, FROM_SQLITE)
