"""Queries of pages that visitors wait for: to build their SQL, the ORM takes longer than the database to answer it."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.db.models import QuerySet

Value = int | str

# Of one query that is kept: what is longer is not asked for by every visitor, or by somebody who fills the memory.
MOST = 50  # values


def compiled(build: Callable[..., QuerySet[Any, Any]], *values: Value) -> tuple[str, list[Any]]:
    """
    Return the SQL and the parameters of the query that `build` makes of `values`.

    It is called once for all values of the same number and types, of which it must not make anything but parameters.
    """
    if len(values) > MOST:
        sql, parameters = build(*values).query.sql_with_params()
        return sql, list(parameters)
    sql, parameters = _compiled(build, *map(type, values))
    given = dict(zip(_placeholders(*map(type, values)), values, strict=True))
    return sql, [given.get(parameter, parameter) for parameter in parameters]


@lru_cache(maxsize=128)  # one for each number of values
def _compiled(build: Callable[..., QuerySet[Any, Any]], *types: type[Value]) -> tuple[str, tuple[Any, ...]]:
    sql, parameters = build(*_placeholders(*types)).query.sql_with_params()
    return sql, tuple(parameters)


def _placeholders(*types: type[Value]) -> list[Value]:
    """Return values that are in no table: no key is so low, and PostgreSQL has no text with NUL."""
    return [-(10**9) - number if kind is int else f"\0{number}" for number, kind in enumerate(types)]
