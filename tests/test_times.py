from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.db.models import Max, Min
from django.db.models.functions import TruncDay
from django.utils import timezone

from myweb.contact.models import Delivery
from myweb.contact.outbox import compose
from myweb.pages.models import Page
from myweb.times import EARLIEST, LATEST, from_text, showable
from tests.contact.factories import make_message
from tests.factories import make_page

pytestmark = pytest.mark.django_db

ZONES = ["Etc/GMT+12", "Pacific/Kiritimati", "Europe/Berlin", "America/New_York"]
# The first two are at the ends of the world.
SOME_ZONES = [
    *ZONES[:2],
    *(pytest.param(zone, marks=pytest.mark.slow("each asks for a dozen pages")) for zone in ZONES[2:]),
]
# As an older release, or somebody with psql or sqlite3, may have written them
ODD = ["9999-12-31 23:59:59.999999", "0001-01-01 00:00:00"]
ODD += (
    ["infinity", "-infinity", "12000-01-01 00:00:00+00", "0044-03-15 12:00:00 BC", "9999-12-31 23:59:59-05"]
    if connection.vendor == "postgresql"
    else ["infinity", "12000-01-01 00:00:00", "2026-13-45 99:00:00", "soon", "9999-12-31 23:59:59-05:00"]
)


def write(page: Page, **times: str) -> None:
    with connection.cursor() as cursor:
        for name, value in times.items():
            cursor.execute(f"UPDATE pages_page SET {name} = %s WHERE id = %s", [value, page.pk])


def test_ordinary_times_are_what_they_are():
    moment = datetime(2026, 10, 25, 1, 30, 7, 123456, tzinfo=UTC)
    page = make_page(publish_from=moment)
    assert Page.objects.get().publish_from == moment
    assert Page.objects.aggregate(last=Max("publish_from")) == {"last": moment}
    assert page.publish_until is None


@pytest.mark.parametrize("zone", ZONES)
def test_every_time_zone_can_show_the_first_and_the_last(zone):
    for moment in (EARLIEST, LATEST):
        timezone.localtime(moment.replace(tzinfo=UTC), ZoneInfo(zone))
    assert showable(datetime.max.replace(tzinfo=ZoneInfo(zone))).year == 9998
    assert showable(datetime.min.replace(tzinfo=ZoneInfo(zone))).year == 2


def test_text_that_is_no_time_is_never_due():
    assert [from_text(text) for text in ("soon", "", "infinity", "12000-01-01")] == [LATEST] * 4
    assert from_text("-infinity") == EARLIEST


@pytest.mark.parametrize("zone", SOME_ZONES)
@pytest.mark.parametrize("value", ODD)
def test_one_row_does_not_take_the_site_down(client, admin_client, settings, value, zone):
    settings.TIME_ZONE = zone
    page = make_page("Sale", menu="main")
    make_page("Below", parent=page)
    write(page, publish_until=value, updated_at=value)
    assert client.get("/sale/below/").status_code == 200
    assert client.get("/sale/").status_code == 200
    assert b"<lastmod>" in client.get("/sitemap.xml").content
    assert admin_client.get("/admin/pages/page/").status_code == 200
    assert admin_client.get(f"/admin/pages/page/{page.pk}/change/").status_code == 200
    assert admin_client.get(f"/admin/pages/page/{page.pk}/preview/").status_code == 200
    Page.update_due()
    assert Page.update_due() == 0
    assert Page.objects.aggregate(first=Min("publish_until"), last=Max("publish_until"))
    page.refresh_from_db()
    page.save()


@pytest.mark.parametrize("moment", [datetime.max, datetime.min])
@pytest.mark.parametrize("zone", ZONES)
def test_version_or_backup_with_an_odd_time(zone, moment):
    page = make_page("Sale")
    page.publish_until = moment.replace(tzinfo=ZoneInfo(zone))
    page.save()
    page.refresh_from_db()
    assert page.publish_until.year in (2, 9998)


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's own functions do that")
@pytest.mark.parametrize("value", ODD)
def test_functions_of_postgresql(value):
    write(make_page(), publish_until=value)
    assert [day.tzinfo for day in Page.objects.values_list(TruncDay("publish_until"), flat=True)]


@pytest.mark.parametrize("zone", SOME_ZONES)
@pytest.mark.parametrize("value", ODD)
def test_inbox_with_an_odd_time(admin_client, settings, value, zone):
    settings.TIME_ZONE = zone
    message = make_message()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE contact_contactmessage SET created_at = %s", [value])
        cursor.execute("UPDATE contact_delivery SET sent_at = %s, next_attempt = %s", [value, value])
    for url in ("", "?created_at__year=2026", "?place=all", f"{message.pk}/change/"):
        assert admin_client.get(f"/admin/contact/contactmessage/{url}").status_code in (200, 302), url
    data = {"action": "export_csv", "_selected_action": [message.pk]}
    assert admin_client.post("/admin/contact/contactmessage/", data).status_code == 200
    assert compose(Delivery.objects.get()).body
