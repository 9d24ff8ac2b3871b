import threading

import pytest
from django.db import DatabaseError, connection

from myweb.operations import asking


def test_it_works():
    assert asking.answer(lambda: 42) == 42


def test_refusal():
    def refuse() -> None:
        raise DatabaseError("no such server")

    assert asking.answer(refuse) is None


@pytest.fixture
def silence(monkeypatch):
    """A question that gets no answer before `over` is set; `asked` has every time that it was asked."""
    monkeypatch.setattr(asking, "PATIENCE", 0.01)
    over = threading.Event()
    asked: list[object] = []

    def question() -> str:
        asked.append(connection)
        over.wait(30)
        return "late"

    question.over, question.asked = over, asked
    yield question
    over.set()


def test_silence(silence):
    assert asking.answer(silence) is None


def test_silent_database_is_not_asked_the_same_again(silence):
    for _ in range(3):
        assert asking.answer(silence) is None
    assert len(silence.asked) == 1
    silence.over.set()
    asking._asking[silence].result(30)
    asking.PATIENCE = 30
    assert asking.answer(silence) == "late"
