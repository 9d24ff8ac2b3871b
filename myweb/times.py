"""
Times as they come from the database: always such that every time zone can show them.

What was written by other hands, or under another TIME_ZONE, may be later than Python can say, or not until it is
converted: one such row must not take the site down.
"""

from collections.abc import Callable
from datetime import datetime
from sqlite3 import register_converter
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3._functions import (  # type: ignore[import-untyped]
    _sqlite_datetime_extract,
    _sqlite_datetime_trunc,
)
from django.utils.dateparse import parse_datetime

EARLIEST, LATEST = datetime(2, 1, 1), datetime(9998, 12, 31)


def showable(moment: datetime) -> datetime:
    """Return `moment`, or the nearest that every time zone can show."""
    return min(max(moment, EARLIEST.replace(tzinfo=moment.tzinfo)), LATEST.replace(tzinfo=moment.tzinfo))


def from_text(text: str) -> datetime:
    """Return the time that SQLite has as `text`. What is none counts as far in the future, where nothing is due."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        return EARLIEST if text.startswith("-") else LATEST
    return showable(moment)


def read_safely(sender: Any, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Have a new connection return, and on SQLite take, times that can be shown."""
    if connection.vendor == "sqlite":
        _convert_safely(connection)
    else:
        _load_safely(connection)


def _convert_safely(connection: BaseDatabaseWrapper) -> None:
    # In place of Django's, for columns
    for declared_type in ("datetime", "timestamp"):
        register_converter(declared_type, lambda value: from_text(value.decode(errors="replace")))
    convert = type(connection.ops).convert_datetimefield_value  # type: ignore[attr-defined]
    adapt = type(connection.ops).adapt_datetimefield_value

    def convert_safely(value: Any, *args: Any) -> Any:
        # Of functions, such as Max, there is only the text.
        is_ready = value is None or isinstance(value, datetime)
        return convert(connection.ops, value if is_ready else from_text(str(value)), *args)

    def adapt_safely(value: Any) -> Any:
        # An old version, or a backup of PostgreSQL, may bring what is no time in UTC.
        return adapt(connection.ops, showable(value) if isinstance(value, datetime) else value)

    connection.ops.convert_datetimefield_value = convert_safely  # type: ignore[attr-defined]
    connection.ops.adapt_datetimefield_value = adapt_safely  # type: ignore[method-assign]
    # Django's functions for the months and days that lists offer; an error of theirs ends the whole query.
    for name, function in (("trunc", _sqlite_datetime_trunc), ("extract", _sqlite_datetime_extract)):
        connection.connection.create_function(f"django_datetime_{name}", 4, _of_showable(function), deterministic=True)


def _of_showable(function: Callable[..., Any]) -> Callable[..., Any]:
    def of_showable(what: str, text: str | None, *zones: str) -> Any:
        return function(what, None if text is None else str(from_text(str(text))), *zones)

    return of_showable


def _load_safely(connection: BaseDatabaseWrapper) -> None:
    from django.db.backends.postgresql.psycopg_any import BaseTzLoader
    from psycopg import DataError
    from psycopg.types.datetime import TimestampLoader

    def loaded(load: Callable[[Any], datetime], data: Any) -> datetime:
        try:
            return showable(load(data))
        except DataError:  # infinity, or a year that Python does not have
            is_early = bytes(data).startswith(b"-") or bytes(data).endswith(b"BC")
            return EARLIEST if is_early else LATEST

    class SafeTzLoader(BaseTzLoader):  # type: ignore[misc]
        timezone = connection.timezone

        def load(self, data: Any) -> datetime:
            return loaded(super().load, data).replace(tzinfo=self.timezone)

    class SafeLoader(TimestampLoader):
        def load(self, data: Any) -> datetime:
            return loaded(super().load, data)

    connection.connection.adapters.register_loader("timestamptz", SafeTzLoader)
    connection.connection.adapters.register_loader("timestamp", SafeLoader)
