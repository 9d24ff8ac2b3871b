"""
Django's SQLite, for a file that may be lost, or be exchanged for another while the site runs.

Opening one that is missing is an error: SQLite would make an empty one, which looks like a new site. And nobody goes on
writing to a file that `manage.py restore` has put aside: it holds that file's lock while it exchanges it, so whoever
gets the lock and still finds the same file at the path has the database of the site.
"""

from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    """With a NAME that is the path of a file."""

    _opened: tuple[int, int] | None = None  # device and inode

    def get_connection_params(self) -> dict[str, Any]:
        parameters: dict[str, Any] = super().get_connection_params()
        if not self.is_in_memory_db():
            parameters["database"] = f"{Path(self.settings_dict['NAME']).absolute().as_uri()}?mode=rw"
        return parameters

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        # Looked at first: exchanged after that, it is taken for another one, which only costs a connection.
        self._opened = self._identity()
        return super().get_new_connection(conn_params)

    def close_if_health_check_failed(self) -> None:
        # Before whatever is not part of a transaction, and before one begins
        if self.connection is not None and self.autocommit and not self.in_atomic_block and self._was_replaced():
            self.close()
        super().close_if_health_check_failed()

    def _start_transaction_under_autocommit(self) -> None:
        super()._start_transaction_under_autocommit()  # type: ignore[misc]  # private, and so unknown to django-stubs
        while self._was_replaced():
            self.close()
            self.connect()
            super()._start_transaction_under_autocommit()  # type: ignore[misc]

    def _was_replaced(self) -> bool:
        return self._opened != self._identity()

    def _identity(self) -> tuple[int, int] | None:
        if self.is_in_memory_db():
            return None
        try:
            status = Path(self.settings_dict["NAME"]).stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino
