"""
Sees every statement that goes through Django to the database, and begins a new generation with the first one of a
transaction that may change content. Signals would not do: update(), bulk operations and raw SQL send none.

What is not recognised counts as a change, which costs a rendering; taking a change for something else would leave old
pages. Out of sight are only functions with side effects that a SELECT calls, and what uses the driver's own connection,
or one that was made beside Django's.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from myweb.tables import Table, tables

from .models import Generation
from .publisher import publisher

Execute = Callable[[str, Any, bool, dict[str, Any]], Any]

_SEVERAL = re.compile(r";\s*\S")
# Some of these must not be in a transaction.
_NEITHER_READ_NOR_WRITE = re.compile(
    r"\s*(?:BEGIN|COMMIT|SAVEPOINT|RELEASE|ROLLBACK|SET|SHOW|PRAGMA|VACUUM|ANALYZE"
    r"|(?:CREATE|DROP) (?:UNIQUE )?INDEX)\b",
    re.I,
)
# To lock a row counts as a write: a lock that is taken before the generation's could meet it crosswise.
_READ = re.compile(r"[\s(]*(?:SELECT|WITH|VALUES)\b(?!.*\b(?:INSERT|UPDATE|DELETE|MERGE|INTO|SHARE)\b)", re.I | re.S)
# To change a table, Django makes another one on SQLite, which has this prefix for a moment.
_NAME = r'"(?:new__)?([^"]+)"'
_TABLE = re.compile(rf"\s*(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM|SELECT\b.*?\bFROM) {_NAME}", re.I | re.S)
_SCHEMA = re.compile(r"\s*(?:CREATE|ALTER|DROP) TABLE\b", re.I)
_TABLES_OF_SCHEMA = re.compile(rf"\b(?:TABLE|TO) {_NAME}", re.I)
_ROLLBACK = re.compile(r"\bROLLBACK\b", re.I)


def watch_connection(sender: Any, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Receive `connection_created`."""
    if connection is connections[DEFAULT_DB_ALIAS] and watch not in connection.execute_wrappers:
        connection.execute_wrappers.append(watch)


def watch(execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Wrap the execution of a statement: https://docs.djangoproject.com/en/5.2/topics/db/instrumentation/"""
    connection = context["connection"]
    if changes_content(sql) and _has_generation(connection):
        # Without a transaction, the new generation would be there before the change is.
        if not connection.in_atomic_block:
            with transaction.atomic():
                result = watch(execute, sql, params, many, context)
                _fetch_all(context["cursor"])
                return result
        if not has_advanced(connection):
            publisher().advance()
    result = execute(sql, params, many, context)
    if _ROLLBACK.search(str(sql)):
        _advance_again(connection)
    return result


def changes_content(sql: str) -> bool:
    """Return whether a statement may change what visitors see."""
    sql = str(sql)  # psycopg has classes for it
    if _SEVERAL.search(sql):
        return True
    if _NEITHER_READ_NOR_WRITE.match(sql) or _READ.match(sql):
        return False
    if _SCHEMA.match(sql):
        written = set(_TABLES_OF_SCHEMA.findall(sql))
    else:
        table = _TABLE.match(sql)
        written = {table[1]} if table else set()
    return not written or not written <= set(tables(Table.NOT_SHOWN))


def has_advanced(connection: BaseDatabaseWrapper) -> bool:
    """Return whether the open transaction has begun a generation, as far as Django's atomic() can tell."""
    # Under set_autocommit(False), what on_commit() got stays after commit().
    return connection.commit_on_exit and any(callback[1] == publisher().switch for callback in connection.run_on_commit)


def _advance_again(connection: BaseDatabaseWrapper) -> None:
    """
    Have the next change begin a generation, as the one that was begun may just have been rolled back.

    Django forgets what on_commit() got within its own atomic(), but not within savepoint() or raw SQL.
    """
    callbacks: list[Any] = connection.run_on_commit
    callbacks[:] = [
        (savepoints, (lambda: publisher().switch()) if function == publisher().switch else function, robust)
        for savepoints, function, robust in callbacks
    ]


def _fetch_all(wrapper: Any) -> None:
    """Let a statement with RETURNING end: SQLite does not commit as long as it has rows to give."""
    if isinstance(wrapper.cursor, sqlite3.Cursor) and wrapper.cursor.description:
        wrapper.cursor = _Fetched(wrapper.cursor)


class _Fetched:
    """A cursor whose rows were all fetched."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self._rows = iter(cursor.fetchall())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchmany(self, size: int = 1) -> list[Any]:
        return list(islice(self._rows, size))

    def fetchall(self) -> list[Any]:
        return list(self._rows)


_has_table = False


def _has_generation(connection: BaseDatabaseWrapper) -> bool:
    """Return whether the table is there, which it is not in the first migrations of a new site."""
    global _has_table
    _has_table = _has_table or Generation._meta.db_table in connection.introspection.table_names()
    return _has_table
