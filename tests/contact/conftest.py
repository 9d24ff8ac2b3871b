from collections.abc import Iterator

import pytest
from django.db import connection

from tests.contact.factories import OWNER
from tests.smtp import MailServer


@pytest.fixture
def mail_server(db, settings) -> Iterator[MailServer]:
    """A mail server that works, which the site is told to use."""
    with MailServer() as server:
        use(server, settings)
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # pytest-django puts another there
        settings.EMAIL_TIMEOUT = 1
        settings.CONTACT_RECIPIENTS = [OWNER]
        yield server


def use(server: MailServer, settings) -> None:
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port


@pytest.fixture
def database(transactional_db, tmp_path) -> Iterator[None]:
    """On SQLite a database in a file, which threads can share and another connection can lock."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(tmp_path / "db.sqlite3")])
    # The database in memory ends with its last connection.
    memory, opened, name = connection.connection, connection._opened, connection.settings_dict["NAME"]
    connection.connection, connection.settings_dict["NAME"] = None, str(tmp_path / "db.sqlite3")
    yield
    connection.close()
    connection.connection, connection._opened, connection.settings_dict["NAME"] = memory, opened, name
