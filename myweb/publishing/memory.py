"""What every page shows is read once, and kept in the process until anything is written that pages show."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import connection

from .models import Generation, Number

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_kept: tuple[Number | None, dict[Any, Any]] = (None, {})


def until_written(read: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """
    Have a function that reads nothing but the database keep what it returns, which nobody may then change.

    The generation is asked for before the function reads, so that what is written meanwhile is read anew. Nothing is
    kept of a transaction, in which only the first write begins a generation. Raises DatabaseError.
    """

    @wraps(read)
    def kept(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        global _kept
        found = Generation.read() if connection.get_autocommit() else None
        if found is None:
            return read(*args, **kwargs)
        generation, _is_on = found
        if _kept[0] != generation:
            _kept = (generation, {})
        values = _kept[1]
        key = (read, args, *sorted(kwargs.items()))
        if key not in values:
            values[key] = read(*args, **kwargs)
        result: Result = values[key]
        return result

    return kept
