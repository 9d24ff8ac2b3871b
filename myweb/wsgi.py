"""The WSGI application that uWSGI serves."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

try:
    import uwsgi
except ImportError:  # tests and commands
    uwsgi = None

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myweb.settings")

django = get_wsgi_application()

from myweb.publishing.publisher import publisher  # noqa: E402  # needs the settings

publisher().start()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    # uWSGI lets its own harakiri wait for another 60 seconds with each 64 KiB of a body.
    if uwsgi:
        uwsgi.set_user_harakiri(int(uwsgi.opt["harakiri"]))
    return django(environ, start_response)
