import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.core.management import CommandError
from django.db import Error


@contextmanager
def told() -> Iterator[None]:
    """Turn what a disk or a database refuses into one sentence."""
    try:
        yield
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        raise CommandError(f"{place}{error.strerror or error}. Nothing was changed.") from error
    except (sqlite3.Error, psycopg.Error, Error) as error:
        raise CommandError(f"The database says: {' '.join(str(error).split())}. Nothing was changed.") from error
