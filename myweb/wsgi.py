"""The WSGI application that uWSGI serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myweb.settings")

application = get_wsgi_application()

from myweb.publishing import current  # noqa: E402  # needs the settings

current.start()
