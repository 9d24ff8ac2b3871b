from datetime import UTC, datetime

import pytest
from django.utils import timezone

from myweb.pages.models import Page
from tests.factories import make_page, make_text
from tests.operations.doctor import faults
from tests.operations.doctor.faults import fault, look

pytestmark = pytest.mark.django_db(transaction=True)


@fault("dates of pages", "“Shown until” of the page /sale/ is a date .* Open the page in the admin")
def end_that_not_every_time_zone_has():
    make_page("Sale", publish_from=timezone.now())
    Page.objects.update(publish_until=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    yield


@fault("dates of pages", "“Shown from” of the page /sale/ is a date")
def beginning_that_not_every_time_zone_has():
    make_page("Sale")
    Page.objects.update(publish_from=datetime(1, 1, 1, tzinfo=UTC))
    yield


@fault("addresses of pages", "The addresses /Team/ and /team/ differ only in case")
def two_pages_of_one_address():
    make_page("Team")
    other = make_page("Other")
    Page.objects.filter(pk=other.pk).update(slug="Team", path="/Team/", address_key="")
    yield


@fault("links of pages", "The link “Team” in “About us” leads nowhere: the page is gone, and 1 more. The first page")
def links_to_a_page_that_is_gone():
    team, about = make_page("Team"), make_page("About us")
    link = f'<a href="/team/" data-page="{team.pk}">Team</a>'
    make_text(about, f"<p>{link} and {link}</p>")
    team.delete()
    yield


@pytest.mark.parametrize("row", faults.rows(__name__))
def test_fault_is_found(row, request):
    faults.check(row, request)


@pytest.mark.parametrize("day", [datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 12, 31, tzinfo=UTC)])
def test_what_the_form_takes_is_right(day):
    make_page("Sale", publish_from=day)
    make_page("Team", parent=make_page("About"))
    make_page("Team")
    for name in ("dates of pages", "addresses of pages", "links of pages"):
        assert look(name).state is faults.State.OK
