"""A WSGI application that tells what Nginx passed on, and answers with the status that the path asks for."""

import json
from collections.abc import Callable, Iterable
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"].strip("/")
    status = f"{path} As asked" if path.isdigit() else "200 OK"
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps({name: value for name, value in environ.items() if isinstance(value, str)}).encode()]
