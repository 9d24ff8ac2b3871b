"""What is kept in the process until anything is written."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from myweb.pages.frame import around
from myweb.pages.models import Page, SiteSettings
from myweb.publishing.memory import until_written
from myweb.publishing.models import Generation
from tests.factories import make_page

pytestmark = pytest.mark.django_db(transaction=True)


@until_written
def titles() -> list[str]:
    return list(Page.objects.values_list("title", flat=True))


def queries_for(function) -> int:
    with CaptureQueriesContext(connection) as queries:
        function()
    return len(queries)


def test_only_the_generation_is_asked_for():
    make_page("Rooms")
    assert queries_for(titles) == 2
    assert queries_for(titles) == 1
    assert queries_for(around) == 3
    assert queries_for(around) == 1


def test_whatever_writes():
    page = make_page("Rooms")
    assert titles() == ["Rooms"]
    Page.objects.update(title="House")
    assert titles() == ["House"]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pages_page SET title = 'Raw'")
    assert titles() == ["Raw"]
    page.delete()
    assert titles() == []


def test_also_while_nothing_is_published():
    make_page("Rooms")
    Generation.objects.update(is_on=False)
    assert titles() == ["Rooms"]
    Page.objects.update(title="House")
    assert titles() == ["House"]


def test_nothing_is_kept_of_a_transaction():
    """Its first write begins the generation in which the second is seen, too."""
    make_page("Rooms")
    with transaction.atomic():
        Page.objects.update(title="First")
        assert titles() == ["First"]
        Page.objects.update(title="Second")
        assert titles() == ["Second"]
    assert titles() == ["Second"]


def test_nothing_is_kept_of_a_transaction_that_is_taken_back():
    make_page("Rooms")
    assert titles() == ["Rooms"]
    with transaction.atomic():
        Page.objects.update(title="Taken back")
        assert titles() == ["Taken back"]
        transaction.set_rollback(True)
    assert titles() == ["Rooms"]


def test_nothing_is_kept_without_autocommit():
    make_page("Rooms")
    transaction.set_autocommit(False)
    try:
        Page.objects.update(title="First")
        assert titles() == ["First"]
        Page.objects.update(title="Second")
        assert titles() == ["Second"]
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert titles() == ["Second"]


def test_what_is_written_while_it_is_read_is_read_anew():
    make_page("Rooms")
    written = []

    @until_written
    def slow() -> list[str]:
        found = titles.__wrapped__()
        if not written:
            written.append(Page.objects.update(title="House"))
        return found

    assert slow() == ["Rooms"]
    assert slow() == ["House"]


def test_arguments_are_told_apart():
    make_page("Rooms")

    @until_written
    def same(*arguments: int, **named: int) -> object:
        return arguments, named

    assert same(1) == ((1,), {})
    assert same(2) == ((2,), {})
    assert same(number=1) == ((), {"number": 1})


def test_menus_follow_at_once(client):
    SiteSettings.objects.create(name="Lake House")
    make_page("Home", slug="")
    page = make_page("Rooms", menu="main")
    assert b">Rooms</a>" in client.get("/contact/").content
    Page.objects.filter(pk=page.pk).update(title="House")
    assert b">House</a>" in client.get("/contact/").content
    SiteSettings.objects.update(name="Boat House")
    assert b"Boat House" in client.get("/contact/").content
