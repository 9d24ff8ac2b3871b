"""What Django logs: a JSON object a line, with the id by which Nginx and uWSGI name the same request."""

import json
import logging
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponseBase

request_id: ContextVar[str] = ContextVar("request_id", default="")


class RequestIdMiddleware:
    """Remembers the id that Nginx has given to the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Until the next request: Django logs some answers after the last middleware.
        request_id.set(request.headers.get("X-Request-ID", ""))
        return self.get_response(request)


class JSONFormatter(logging.Formatter):
    """
    Writes chosen fields only.

    Django adds the request to its records, and with it passwords and what visitors wrote.
    """

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "request_id": request_id.get(),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        if record.stack_info:
            entry["stack"] = record.stack_info
        return json.dumps(entry)
