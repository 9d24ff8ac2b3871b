from collections.abc import Iterator

import pytest
from django.db import connection

from tests.operations.places import FILL, Place, copy_of, empty_place


@pytest.fixture(scope="session")
def original(tmp_path_factory) -> Iterator[Place]:
    """A site with a bit of everything, on the database that the tests run on; not to be changed."""
    with empty_place(tmp_path_factory.mktemp("original") / "var", connection.vendor == "postgresql") as place:
        place.migrate()
        place.shell(FILL)
        yield place


@pytest.fixture
def place(original, tmp_path) -> Iterator[Place]:
    """A copy of it."""
    with copy_of(original, tmp_path / "var") as place:
        yield place


@pytest.fixture
def elsewhere(tmp_path) -> Iterator[Place]:
    """Where nothing is yet, on the same kind of database."""
    with empty_place(tmp_path / "elsewhere", connection.vendor == "postgresql") as place:
        yield place


@pytest.fixture(scope="session")
def backup(original, tmp_path_factory):
    """A backup of the original."""
    return original.backup(tmp_path_factory.mktemp("backup") / "backup.zip")
