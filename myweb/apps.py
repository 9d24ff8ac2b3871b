from django.contrib.admin.apps import AdminConfig as BaseAdminConfig
from django.db.backends.signals import connection_created

from .times import read_safely


class AdminConfig(BaseAdminConfig):
    default_site = "myweb.admin.AdminSite"

    def ready(self) -> None:
        from . import search

        connection_created.connect(read_safely)
        super().ready()
        search.set_up()
