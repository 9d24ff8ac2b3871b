from django.apps import AppConfig

from myweb.tables import Table


class OperationsConfig(AppConfig):
    name = "myweb.operations"
    tables = {
        "django_migrations": Table.NOT_SHOWN | Table.BOOKKEEPING,
        # What was proven is about the backups on this machine.
        "operations_backupproof": Table.NOT_SHOWN | Table.BOOKKEEPING | Table.OF_THIS_MACHINE,
    }

    def ready(self) -> None:
        from . import checks  # noqa: F401  # which registers them
