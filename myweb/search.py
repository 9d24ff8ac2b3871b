"""The admin's search on SQLite, whose own LIKE takes “Ü” and “ü” for different letters."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import CharField, TextField
from django.db.models.lookups import IContains
from django.db.models.sql.compiler import SQLCompiler

FOLD = "myweb_fold"


class FoldedIContains(IContains):
    """`icontains` that folds all letters on SQLite, as PostgreSQL does."""

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        if not self.rhs_is_direct_value():
            return super().as_sql(compiler, connection)
        lhs, lhs_params = self.process_lhs(compiler, connection)
        rhs, rhs_params = self.process_rhs(compiler, connection)
        return f"{FOLD}({lhs}) LIKE {FOLD}({rhs}) ESCAPE '\\'", [*lhs_params, *rhs_params]


def fold(value: str | None) -> str | None:
    return None if value is None else str(value).casefold()


def add_fold(sender: Any, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    if connection.vendor == "sqlite":
        connection.connection.create_function(FOLD, 1, fold, deterministic=True)


def set_up() -> None:
    """Have `icontains` fold all letters in every query of this process."""
    connection_created.connect(add_fold)
    for field in (CharField, TextField):
        field.register_lookup(FoldedIContains)
