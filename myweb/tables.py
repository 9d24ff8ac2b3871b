"""
What is special about tables. Each app says it in `tables` of its configuration, for packages that it uses, too.

A table of which nothing is said is content: a write to it makes all pages anew, and a restore replaces its rows.
"""

from enum import Flag, auto
from functools import cache
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register


class Table(Flag):
    NOT_SHOWN = auto()  # on any published page
    BOOKKEEPING = auto()  # has rows before anybody has done anything with the site
    FORGOTTEN = auto()  # is emptied by a restore, and not in a portable backup
    OF_THIS_MACHINE = auto()  # is left alone by a restore
    TAKEN_OVER = auto()  # from a damaged database, as far as it can be read: what visitors have been thanked for


@cache
def tables(what: Table) -> tuple[str, ...]:
    """Return the tables that are `what`, those of one app in its order."""
    declared = [getattr(config, "tables", {}) for config in apps.get_app_configs()]
    return tuple(table for tables in declared for table, said in tables.items() if what in said)


@register()
def check_tables(**kwargs: Any) -> list[CheckMessage]:
    """Find tables that are declared but not there: the name of one that was renamed would be taken for content."""
    there = {model._meta.db_table for model in apps.get_models(include_auto_created=True)} | {"django_migrations"}
    return [
        Error(f"There is no table {table}, of which something is declared.", obj=config.label, id="myweb.E001")
        for config in apps.get_app_configs()
        for table in getattr(config, "tables", {})
        if table not in there
    ]
