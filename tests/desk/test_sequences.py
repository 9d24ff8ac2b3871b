import pytest

from tests.desk.sequences import Desk, think

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow("hypothesis thinks out what editors do")]


def test_nothing_is_lost_whatever_editors_do():
    before = Desk.counts.copy()
    think(examples=6, steps=30)
    counts = Desk.counts - before
    print(dict(counts))
    # Otherwise what is right after each step would prove little.
    assert counts["published"] > 5
    assert counts["from files"] > counts["steps"]
