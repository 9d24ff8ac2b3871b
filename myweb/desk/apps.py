from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from myweb.tables import Table


class DeskConfig(AppConfig):
    name = "myweb.desk"
    verbose_name = _("Desk")
    tables = {
        "desk_version": Table.NOT_SHOWN,
        # A link that was revoked must not come back.
        "desk_previewlink": Table.NOT_SHOWN | Table.BOOKKEEPING | Table.FORGOTTEN,
        "reversion_revision": Table.NOT_SHOWN,
        "reversion_version": Table.NOT_SHOWN,
    }

    def ready(self) -> None:
        from . import deletion  # noqa: F401  # connects its signal
