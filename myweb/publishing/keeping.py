"""
Lets a new generation keep the answers that a transaction does not change, where its author knows which those are.

Who opens it says what it will write, and where visitors see that. Each statement is held against that as it comes: what
is not recognised exactly is something else, and then nothing is kept. docs/architecture.md says why this is right.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .models import Generation
from .watch import Execute, changes_content, has_advanced

# As Django writes them; the parameters of what is in parentheses are looked at.
_NAMES = r'"\w+"(?:, "\w+")*'
_VALUES = r"%s(?:, %s)*"
_SETTING = r'"\w+" = (?:%s|NULL)'
_INSERT = re.compile(rf'INSERT INTO "(\w+)" \(({_NAMES})\) VALUES \({_VALUES}\)(?: RETURNING "\1"\."id")?')  # noqa: S608
_UPDATE = re.compile(rf'UPDATE "(\w+)" SET ({_SETTING}(?:, {_SETTING})*) WHERE "\1"\."id" = %s')  # noqa: S608
_DELETE = re.compile(rf'DELETE FROM "(\w+)" WHERE "\1"\."id" IN \(({_VALUES})\)')  # noqa: S608
_SET = re.compile(r'"(\w+)" = (%s|NULL)')
# To lock a row changes nothing.
_LOCK = re.compile(r" FOR (?:NO KEY )?UPDATE$")
# Whoever ends the transaction by hand, or undoes a part of it, may undo the generation that it has begun.
_ENDS = re.compile(r"\b(?:BEGIN|COMMIT|ROLLBACK)\b", re.I)


class Rows(NamedTuple):
    """Rows whose `column` is `key`: some `columns` of them, or all of them, and then they may come and go as well."""

    table: str
    column: str
    key: int
    columns: frozenset[str] | None = None

    def may_change(self, column: str) -> bool:
        return column != self.column if self.columns is None else column in self.columns


@contextmanager
def narrow(rows: Collection[Rows], addresses: Callable[[], Iterable[str]]) -> Iterator[None]:
    """
    Open a transaction that is to write nothing that pages show but `rows`, which are seen at `addresses` only.

    Those are asked for at its end, when nobody else can change them any more. Within another transaction, of which
    nobody knows what it writes, nothing is kept.
    """
    connection = transaction.get_connection()
    is_first = not connection.in_atomic_block and connection.get_autocommit()
    with transaction.atomic():
        if not is_first:
            yield
            return
        # Locked: nothing but this transaction is between the generation that is there now and the next.
        before = Generation.load_steps(lock=True)
        verification = _Verification(connection, {each.table: each for each in rows})
        with connection.execute_wrapper(verification):
            yield
        if verification.holds and has_advanced(connection):
            Generation.add_step(before, sorted(addresses()))


class _Verification:
    """Wraps the execution of each statement of a transaction; `holds` until one is not of the rows that were named."""

    def __init__(self, connection: BaseDatabaseWrapper, rows: dict[str, Rows]) -> None:
        self.connection, self.rows = connection, rows
        self.holds = True

    def __call__(self, execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        # Before it is executed: what is there now is looked at.
        self.holds = self.holds and self._is_named(str(sql), params, many)
        return execute(sql, params, many, context)

    def _is_named(self, sql: str, params: Any, many: bool) -> bool:
        if _ENDS.search(sql):
            return False
        if not changes_content(_LOCK.sub("", sql)):
            return True
        if many:
            return False
        if found := _INSERT.fullmatch(sql):
            return self._is_own_insert(found[1], found[2], params)
        if found := _UPDATE.fullmatch(sql):
            return self._is_own_update(found[1], found[2], params)
        if found := _DELETE.fullmatch(sql):
            return self._is_own_delete(found[1], params)
        return False

    def _is_own_insert(self, table: str, names: str, params: Any) -> bool:
        rows, columns = self.rows.get(table), names.replace('"', "").split(", ")
        if rows is None or rows.columns is not None or len(columns) != len(params):
            return False
        return rows.column in columns and params[columns.index(rows.column)] == rows.key

    def _is_own_update(self, table: str, settings: str, params: Any) -> bool:
        """Whether the row is one of those, and stays one, and all other columns are set to what they have already."""
        rows = self.rows.get(table)
        if rows is None:
            return False
        *values, key = params
        left = iter(values)
        conditions, same = ['"id" = %s', f'"{rows.column}" = %s'], [key, rows.key]
        for column, value in _SET.findall(settings):
            new = next(left) if value == "%s" else None
            if not rows.may_change(column):
                conditions.append(f'"{column}" IS NULL' if new is None else f'"{column}" = %s')
                same += [] if new is None else [new]
        return self._count(table, conditions, same) == 1

    def _is_own_delete(self, table: str, params: Any) -> bool:
        rows = self.rows.get(table)
        if rows is None or rows.columns is not None:
            return False
        keys = ", ".join(["%s"] * len(params))
        conditions = [f'"id" IN ({keys})', f'"{rows.column}" = %s']
        return self._count(table, conditions, [*params, rows.key]) == len(params)

    def _count(self, table: str, conditions: list[str], params: list[Any]) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute(f'SELECT COUNT(*) FROM "{table}" WHERE {" AND ".join(conditions)}', params)  # noqa: S608
            return int(cursor.fetchone()[0])
