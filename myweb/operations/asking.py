from collections.abc import Callable
from threading import Thread
from typing import TypeVar

from django.db import Error, connection

Answer = TypeVar("Answer")

PATIENCE = 3.0  # seconds; whoever asks for the state of a site does not wait longer

_asking: dict[Callable[[], object], Thread] = {}


def answer(question: Callable[[], Answer]) -> Answer | None:
    """
    Return what `question` learns from the database, or None if it does not answer in time.

    In a thread with a connection of its own, because drivers wait for a silent server or a locked file far too long; as
    long as it waits, the same question is not asked again.
    """
    if (earlier := _asking.get(question)) and earlier.is_alive():
        return None
    answers: list[Answer] = []

    def ask() -> None:
        try:
            answers.append(question())
        except Error:
            pass
        finally:
            connection.close()

    thread = _asking[question] = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return answers[0] if answers else None
