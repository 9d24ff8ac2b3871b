"""What Django logs: a JSON object a line, with the id by which Nginx and uWSGI name the same request."""

import json
import logging
import re
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponseBase

LONGEST = 2_000  # characters of a message, of which visitors choose some
LONGEST_TRACEBACK = 20_000
# What is behind these is known to one person, and lets in whoever else reads it; as in deploy/myweb_nginx.conf
SECRETS = re.compile(r"(/contact/thanks/|/admin/(?:setup|shown)/|/admin/reset/[^/\s]+/)[^/\s?\"']+")

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
            "message": without_secrets(record.getMessage(), LONGEST),
        }
        if record.exc_info:
            entry["traceback"] = without_secrets(self.formatException(record.exc_info), LONGEST_TRACEBACK)
        if record.stack_info:
            entry["stack"] = without_secrets(record.stack_info, LONGEST_TRACEBACK)
        return json.dumps(entry)


def without_secrets(text: str, longest: int) -> str:
    """Return `text` without the secrets in addresses, and if it is longer, without its middle."""
    text = SECRETS.sub(r"\1…", text)
    return text if len(text) <= longest else f"{text[: longest // 2]} … {text[-longest // 2 :]}"
