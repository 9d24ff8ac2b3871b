"""A connection that stays, while its file may be exchanged or lost."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.db import OperationalError, connections

from myweb.db.sqlite3.base import DatabaseWrapper

pytestmark = pytest.mark.django_db(databases=[])


def make(path: Path, title: str) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE page (title)")
        connection.execute("INSERT INTO page VALUES (?)", [title])
    return path


@pytest.fixture
def file(tmp_path) -> Path:
    return make(tmp_path / "db.sqlite3", "old")


@pytest.fixture
def connection(file, django_db_blocker) -> Iterator[DatabaseWrapper]:
    settings = {**connections["default"].settings_dict, "NAME": file, "OPTIONS": {}, "CONN_MAX_AGE": None}
    wrapper = DatabaseWrapper(settings, "other")
    with django_db_blocker.unblock():
        yield wrapper
        wrapper.close()


def titles(connection: DatabaseWrapper) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT title FROM page")
        return [title for (title,) in cursor.fetchall()]


def test_it_stays(connection):
    assert titles(connection) == ["old"]
    opened = connection.connection
    connection.close_if_unusable_or_obsolete()
    assert titles(connection) == ["old"]
    assert connection.connection is opened


def test_exchanged_file_is_noticed(connection, file, tmp_path):
    assert titles(connection) == ["old"]
    make(tmp_path / "new.sqlite3", "new").replace(file)
    assert titles(connection) == ["new"]


def test_nobody_writes_to_a_file_that_was_put_aside(connection, file, tmp_path):
    assert titles(connection) == ["old"]
    aside = tmp_path / "aside.sqlite3"
    file.rename(aside)
    make(file, "new")
    connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE page SET title = 'written'")
    connection.commit()
    connection.set_autocommit(True)
    assert titles(connection) == ["written"]
    with closing(sqlite3.connect(aside)) as old:
        assert old.execute("SELECT title FROM page").fetchall() == [("old",)]


def test_lost_file_is_an_error_and_is_not_made_anew(connection, file, tmp_path):
    assert titles(connection) == ["old"]
    file.rename(tmp_path / "aside.sqlite3")
    with pytest.raises(OperationalError):
        titles(connection)
    assert not file.exists()
    (tmp_path / "aside.sqlite3").rename(file)
    assert titles(connection) == ["old"]


def test_it_holds_no_lock(connection, file):
    """A cursor that was not read to its end would keep everybody from writing."""
    assert titles(connection) == ["old"]
    with closing(sqlite3.connect(file, timeout=0)) as other, other:
        other.execute("INSERT INTO page VALUES ('another')")
    assert titles(connection) == ["old", "another"]
