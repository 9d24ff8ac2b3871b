from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from threading import Thread
from typing import TypeVar

from django.db import Error, connection

Answer = TypeVar("Answer")

PATIENCE = 3.0  # seconds; whoever asks for the state of a site does not wait longer

_asking: dict[Callable[[], object], "Future[object]"] = {}


def begin(function: Callable[[], Answer]) -> "Future[Answer]":
    """Call `function` in a thread that ends with this process, whether it has come to an end or not."""
    future: Future[Answer] = Future()

    def work() -> None:
        try:
            with closing(connection):  # the thread's own
                result = function()
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    Thread(target=work, daemon=True).start()
    return future


def answer(question: Callable[[], Answer]) -> Answer | None:
    """
    Return what `question` learns from the database, or None if it does not answer in time.

    In a thread with a connection of its own, because drivers wait for a silent server or a locked file far too long; as
    long as it waits, the same question is not asked again.
    """
    if (earlier := _asking.get(question)) and not earlier.done():
        return None
    future = begin(question)
    _asking[question] = future  # type: ignore[assignment]
    try:
        return future.result(PATIENCE)
    except (TimeoutError, Error):
        return None
