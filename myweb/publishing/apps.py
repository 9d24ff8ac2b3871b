from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_save


class PublishingConfig(AppConfig):
    name = "myweb.publishing"

    def ready(self) -> None:
        from .models import Generation
        from .watch import watch_connection

        connection_created.connect(watch_connection)
        post_save.connect(advance_after_loaddata, Generation)


def advance_after_loaddata(sender: Any, raw: bool, **kwargs: Any) -> None:
    """Do not let a dump say that its content is the one that is published."""
    from .publisher import publisher

    if raw:
        publisher().advance()
