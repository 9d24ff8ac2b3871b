from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from myweb.tables import Table


class PagesConfig(AppConfig):
    name = "myweb.pages"
    verbose_name = _("Website")
    tables = {"reversion_revision": Table.NOT_SHOWN, "reversion_version": Table.NOT_SHOWN}
