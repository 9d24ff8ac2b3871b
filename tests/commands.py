"""Commands in processes of their own, on the database of the test."""

import os

from django.db import connection

from tests.smtp import MailServer


def environment_with(mail_server: MailServer) -> dict[str, str]:
    """Return what such a command needs to find the database, which is a file on SQLite, and the mail server."""
    name = connection.settings_dict["NAME"]
    url = f"sqlite:///{name}"
    if connection.vendor == "postgresql":
        url = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{name}"
    return os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "myweb.settings",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(mail_server.port),
    }
