from datetime import timedelta

import pytest
from django.utils import timezone

from myweb.contact import cleaning as clock
from myweb.contact.models import MailServer
from myweb.desk.cleaning import clean_up
from myweb.desk.models import PreviewLink, Version

pytestmark = pytest.mark.django_db

Event = Version.Event


def days_since(day: int) -> float:
    """Days since a day of a month more than a year ago."""
    now = timezone.now()
    return (now - now.replace(year=now.year - 2, day=day)).days


def make(number: int | None, event: str, days: float, **fields) -> Version:
    moment = timezone.now() - timedelta(days=days)
    published_at = moment if event == Event.PUBLISHED else None
    fields = {"model": "pages.page", "key": 1, "content": {}, "digest": "", **fields}
    return Version.objects.create(number=number, event=event, created_at=moment, published_at=published_at, **fields)


@pytest.fixture
def _believable_clock():
    clock.clock_is_believable()
    MailServer.objects.update(clean_up_from=timezone.now() - timedelta(days=1))


@pytest.mark.usefixtures("_believable_clock")
def test_what_is_kept_for_how_long():
    gone = [
        make(1, Event.PUBLISHED, days_since(10)),
        make(None, Event.CONFLICT, 91),
        make(4, Event.AUTOSAVE, 40),
    ]
    kept = [
        make(2, Event.PUBLISHED, days_since(11)),
        make(3, Event.PUBLISHED, 300),
        make(None, Event.CONFLICT, 89),
        make(5, Event.DRAFT, 20),
        make(6, Event.DRAFT, 500),  # the last of its line
        make(7, Event.PUBLISHED, 900, key=2),
        make(8, Event.DRAFT, 60, key=2, publish_at=timezone.now() + timedelta(days=1)),
        make(9, Event.PUBLISHED, 1, key=2),
    ]
    clean_up()
    clean_up()
    assert set(Version.objects.all()) == set(kept)
    assert not set(gone) & set(kept)


def test_nothing_goes_by_a_clock_that_leaps():
    make(None, Event.CONFLICT, 400)
    clean_up()
    assert Version.objects.count() == 1


def test_links_expire():
    link = PreviewLink.make(1, None)
    PreviewLink.objects.create(key=1, expires_at=timezone.now() - timedelta(seconds=1))
    clean_up()
    assert list(PreviewLink.objects.all()) == [link]
