from tests.contact.conftest import database, mail_server

__all__ = ["database", "mail_server"]
