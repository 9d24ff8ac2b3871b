from importlib import import_module
from pkgutil import iter_modules

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from myweb.tables import Table


class PagesConfig(AppConfig):
    name = "myweb.pages"
    verbose_name = _("Website")
    tables = {
        "pages_upload": Table.NOT_SHOWN,
        "pages_redirect": Table.NOT_SHOWN,  # Django answers whoever asks for an old address.
    }

    def import_models(self) -> None:
        super().import_models()
        import_module("myweb.pages.uploads")
        package = import_module("myweb.pages.blocks")
        for module in iter_modules(package.__path__):
            import_module(f"{package.__name__}.{module.name}")
