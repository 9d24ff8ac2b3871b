from django.apps import AppConfig
from django.db.backends.signals import connection_created


class PublishingConfig(AppConfig):
    name = "myweb.publishing"

    def ready(self) -> None:
        from .watch import watch_connection

        connection_created.connect(watch_connection)
