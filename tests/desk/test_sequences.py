import pytest

from tests.desk.sequences import think

pytestmark = [pytest.mark.django_db, pytest.mark.slow("hypothesis thinks out what editors do")]


def test_nothing_is_lost_whatever_editors_do():
    think(examples=15, steps=15)
