"""For commands that run until they are told to stop."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class Stopping:
    """Turns SIGTERM and SIGINT into an event, so that a loop ends between two units of work."""

    def __enter__(self) -> Self:
        self._event = threading.Event()
        self._handlers: dict[int, Any] = {
            number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Wait for at most `seconds`; return whether the process is to stop."""
        return self._event.wait(seconds)
