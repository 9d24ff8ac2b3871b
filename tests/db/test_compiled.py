import pytest
from django.db.models import Q

from myweb.db.compiled import MOST, _compiled, compiled
from myweb.pages.models import Page
from tests.factories import make_page

pytestmark = pytest.mark.django_db

built = []


def at(*paths: str):
    built.append(paths)
    return Page.objects.filter(path__in=paths).order_by("path")


def below_or_one_of(parent: int, *keys: int):
    return Page.objects.filter(Q(parent=parent) | Q(pk__in=keys)).order_by("path")


def pages(build, *values):
    return list(Page.objects.raw(*compiled(build, *values)))


def test_the_values_are_those_of_each_call():
    rooms, house = make_page("Rooms"), make_page("House")
    assert pages(at, "/rooms/") == [rooms]
    assert pages(at, "/house/") == [house]
    assert pages(at, "/house/", "/rooms/") == [house, rooms]
    assert pages(at, "/nothing/") == []


def test_it_is_built_once_for_values_of_one_kind():
    built.clear()
    for path in ("/a/", "/b/", "/c/"):
        pages(at, "/always/", path)
    assert len(built) <= 1


def test_what_is_long_is_not_kept():
    """An address of 4,000 parts is one query more, for anybody who asks for it."""
    rooms = make_page("Rooms")
    kept = _compiled.cache_info().currsize
    assert pages(at, *(f"/{number}/" for number in range(MOST)), "/rooms/") == [rooms]
    assert _compiled.cache_info().currsize == kept


def test_conditions_that_fall_away():
    house = make_page("House")
    room, other = make_page("Room", parent=house), make_page("Other")
    assert pages(below_or_one_of, house.pk) == [room]
    assert pages(below_or_one_of, house.pk, other.pk) == [room, other]
    assert set(pages(below_or_one_of, house.pk, other.pk, house.pk)) == {room, other, house}


def test_values_are_no_sql():
    make_page("Rooms")
    assert pages(at, "' OR 1=1 --", "%s", "/rooms/%") == []
