from django.contrib.admin.apps import AdminConfig as BaseAdminConfig


class AdminConfig(BaseAdminConfig):
    default_site = "myweb.admin.AdminSite"

    def ready(self) -> None:
        from . import search

        super().ready()
        search.set_up()
