from django.apps import apps
from django.db import connection

from myweb.tables import Table, check_tables, tables


def test_it_works():
    assert "contact_contactmessage" in tables(Table.NOT_SHOWN)
    assert tables(Table.TAKEN_OVER) == ("contact_contactmessage", "contact_delivery")
    assert "pages_page" not in {table for what in Table for table in tables(what)}


def test_declared_tables_are_there(db):
    assert check_tables() == []
    with connection.cursor() as cursor:
        assert set(connection.introspection.table_names(cursor)) >= {table for what in Table for table in tables(what)}


def test_declared_table_that_is_not_there(monkeypatch):
    monkeypatch.setitem(apps.get_app_config("desk").tables, "pages_gone", Table.NOT_SHOWN)
    [error] = check_tables()
    assert error.id == "myweb.E001"
    assert error.msg == "There is no table pages_gone, of which something is declared."


def test_what_is_forgotten_is_no_content():
    """Nobody sees a restore empty it."""
    assert set(tables(Table.FORGOTTEN)) <= set(tables(Table.NOT_SHOWN)) & set(tables(Table.BOOKKEEPING))
