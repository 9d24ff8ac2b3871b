"""Odd numbers, dates and ids in the addresses and forms of the admin: nothing is found, or they are refused."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from myweb.pages.models import Page
from tests.contact.factories import make_message
from tests.factories import make_page, make_text

pytestmark = pytest.mark.django_db

LISTS = [f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry]
FIELDS = sorted({field.name for model in admin.site._registry for field in model._meta.get_fields()})
PARAMETERS = [
    "p",
    "o",
    "all",
    "q",
    "e",
    "_to_field",
    "_popup",
    "_changelist_filters",
    "place",
    "mail",
    "below",
    *FIELDS,
]
LOOKUPS = [
    "",
    *(f"__{name}" for name in ("exact", "in", "range", "regex", "year", "iso_year", "date", "gte", "isnull")),
]
ODD = [
    "abc",
    "9" * 30,
    "9" * 5000,
    "-1",
    "1.5",
    "",
    "0",
    "9999-12-31",
    "0001-01-01",
    "1_000",
    "٣",
    "1e400",
    "NaN",
    "[]",
]
ODD += ["\ud800", "a" * 5000, "_5F", "%00", "'"]
ACTIONS = ["delete_selected", "mark_answered", "send_again", "export_csv", "move_to_inbox", "no such action", ""]
ACTIONS += ["publish_pages", "hide_pages", "move_pages", "copy_pages"]


@pytest.fixture
def client(db) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("owner"), "django.contrib.auth.backends.ModelBackend")
    make_message()
    make_text(make_page())
    return client


values = st.sampled_from(ODD) | st.text(max_size=20) | st.integers().map(str) | st.datetimes().map(str)
bounded = settings(
    max_examples=settings.default.max_examples * 3 // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)


@bounded
@given(st.sampled_from(LISTS), st.sampled_from(PARAMETERS), st.sampled_from(LOOKUPS), values)
def test_list(client, path, field, lookup, value):
    assert client.get(path, {field + lookup: value.encode(errors="surrogatepass")}).status_code < 500


@bounded
@given(st.sampled_from(LISTS), st.sampled_from(ACTIONS), values, values)
def test_action(client, path, action, selected, across):
    data = {"action": action, "_selected_action": selected.encode(errors="replace"), "post": "yes"}
    assert client.post(path, data | {"select_across": across.encode(errors="replace")}).status_code < 500


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("value", ["abc", "9" * 30, "9" * 5000, "-1", "_5F", "1.5"])
def test_number_of_a_row(client, path, value):
    for end in ("", "change/", "delete/", "history/", f"history/{value}/", "password/", "preview/"):
        for method in (client.get, client.post):
            assert method(f"{path}{value}/{end}").status_code in (302, 403, 404)
    assert client.get(f"{path}recover/{value}/").status_code in (302, 403, 404)


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Pacific/Kiritimati"])
@pytest.mark.parametrize("query", ["9999", "1", "0", "10000", "9999&created_at__month=12&created_at__day=31"])
def test_date_hierarchy(client, zone, query):
    with timezone.override(zone):
        assert client.get(f"/admin/contact/contactmessage/?created_at__year={query}").status_code in (200, 302, 400)


@pytest.mark.parametrize("value", ["abc", "9" * 30, ""])
def test_selected_row_that_is_none(client, value):
    data = {"action": "mark_answered", "_selected_action": value}
    assert client.post("/admin/contact/contactmessage/", data).status_code == 400


def test_only_filters_that_are_offered(client):
    """Else the list tells of columns that it does not show."""
    assert client.get("/admin/contact/contactmessage/?token__startswith=a").status_code == 400
    assert client.get("/admin/contact/contactmessage/?state__exact=new").status_code == 200
    assert client.get("/admin/auth/user/?groups__id__exact=1").status_code == 200
    assert client.get("/admin/auth/user/?groups__isnull=True").status_code == 200


@pytest.mark.parametrize("value", ODD[:-6])
def test_odd_moves(client, value):
    """And copies, and pages above."""
    for address in ("move/", "copy/", f"move/undo/{value[:20] or 'x'}/"):
        for pages in (value, str(Page.objects.first().pk)):
            for data in ({"pages": pages}, {"pages": pages, "where": value, "target": value, "post": "yes"}):
                assert client.post(f"/admin/pages/page/{address}", data).status_code < 500
                assert client.get(f"/admin/pages/page/{address}", data).status_code < 500
        typed = {"pages": str(Page.objects.first().pk), "where": "below", "target_text": value}
        assert client.post("/admin/pages/page/move/", typed).status_code < 500
    for data in ({"q": value}, {"for": value}):
        assert client.get("/admin/pages/page/choices/", data).status_code < 500


def test_style_sheet_is_no_user_that_is_missing(admin_client):
    response = admin_client.get("/admin/auth/user/1/password/widgets.css", follow=True)
    assert response.status_code == 404
    assert "widgets.css" not in admin_client.get("/admin/").content.decode()
