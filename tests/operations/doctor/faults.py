"""A table of faults: how each is put in, which probe has to find it, and the sentence that it has to find."""

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from myweb.operations.doctor import examination
from myweb.operations.doctor.examination import PROBES, Finding, State


class Fault(NamedTuple):
    probe: str
    sentence: str
    put_in: Callable[..., Iterator[None]]


FAULTS: list[Fault] = []


def fault(probe: str, sentence: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """
    Register a function, with fixtures for arguments, that puts a fault in; what it does after its yield takes it out.

    `sentence` is a pattern for all that the probe then says: what is wrong, and what to do.
    """

    def register(put_in: Callable[..., Any]) -> Callable[..., Any]:
        FAULTS.append(Fault(probe, sentence, put_in))
        return put_in

    return register


def rows(module: str) -> list[Any]:
    """Return the faults of one test module, for pytest.mark.parametrize."""
    found = [row for row in FAULTS if row.put_in.__module__ == module]
    return [pytest.param(row, id=row.put_in.__name__, marks=_marks(row)) for row in found]


# Fixtures for which uWSGI and Nginx run
SERVED = {"serving", "real", "proxy", "tls_proxy", "nginx_alone", "unix_socket"}
SERVED |= {"copy", "copied_database", "published_copy"}


def _marks(row: Fault) -> list[pytest.MarkDecorator]:
    return [pytest.mark.nginx] if SERVED & inspect.signature(row.put_in).parameters.keys() else []


def look(name: str) -> Finding:
    """Make the probe of that name, as the doctor does, whatever it needs."""
    [probe] = [probe for probe in PROBES if probe.name == name]
    return examination._make(probe, dict.fromkeys(probe.needs, State.OK), True)


def check(row: Fault, request: pytest.FixtureRequest) -> None:
    arguments = {name: request.getfixturevalue(name) for name in inspect.signature(row.put_in).parameters}
    with contextmanager(row.put_in)(**arguments):
        finding = look(row.probe)
    assert finding.state is State.FAILED, finding
    said = f"{finding.sentence} {finding.fix}"
    assert re.search(row.sentence, said), said
    assert finding.fix
    assert "could not be looked at" not in finding.sentence
