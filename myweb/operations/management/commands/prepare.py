from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from myweb.installation import here
from myweb.operations.backup import integrity, making
from myweb.pages.models import Page, SiteSettings


class Command(BaseCommand):
    help = "What every start needs, in one process: migrate, demo --if-empty, nginx_config."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--new", action="store_true", help="begin anew where the database of a site is lost")

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor == "sqlite" and not connection.is_in_memory_db():  # type: ignore[attr-defined]
            make_file(Path(connection.settings_dict["NAME"]), is_wanted=options["new"])
        try:
            connection.ensure_connection()
        except OperationalError as error:
            words = " ".join(str(error).split())
            raise CommandError(f"The database of DATABASE_URL cannot be reached: {words}") from error
        # Also where this was killed before it came to an end.
        executor = MigrationExecutor(connection)
        is_behind = bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        call_command("migrate", interactive=False, verbosity=options["verbosity"])
        is_empty = not Page.objects.exists() and not SiteSettings.objects.exists()
        if is_behind and is_empty and there_was_a_site() and not options["new"]:
            # With settings, no later start takes it for a new site either.
            SiteSettings.unsaved().save()
            self.stdout.write("This database is new, and the site is not: it stays empty until a backup is restored.")
        call_command("demo", if_empty=True)
        call_command("nginx_config")


def make_file(path: Path, is_wanted: bool) -> None:
    """Make the file of the database if this is a new site, or a new one `is_wanted`; else raise CommandError."""
    if path.exists() and path.stat().st_size:
        return
    if there_was_a_site() and not is_wanted:
        raise CommandError(
            f"The database {path} is gone, and this is not a new site. {making.how_to_restore()} To begin anew with an"
            f" empty one: {here().manage_stopped} prepare --new."
        )
    if is_wanted:
        integrity.remember("")  # which was of the one before
    # Made by SQLite, everybody could read it.
    path.touch(mode=0o600)


def there_was_a_site() -> bool:
    return any(any((settings.VAR / name).glob("*")) for name in ("media", "backups", "published"))
