"""What every start needs, in one process: the database, the demonstration for a new site, what Nginx reads."""

from pathlib import Path

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from myweb.installation import here
from myweb.operations.backup import integrity, keeping
from myweb.pages.models import Page, SiteSettings


def prepare(stdout: OutputWrapper, verbosity: int, *, is_new: bool) -> None:
    """Prepare the site, anew where its database is lost if it `is_new`; raise CommandError where that cannot be."""
    if connection.vendor == "sqlite" and not connection.is_in_memory_db():  # type: ignore[attr-defined]
        make_file(Path(connection.settings_dict["NAME"]), is_wanted=is_new)
    try:
        connection.ensure_connection()
    except OperationalError as error:
        words = " ".join(str(error).split())
        raise CommandError(f"The database of DATABASE_URL cannot be reached: {words}") from error
    # Also where this was killed before it came to an end.
    executor = MigrationExecutor(connection)
    is_behind = bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    call_command("migrate", interactive=False, verbosity=verbosity)
    is_empty = not Page.objects.exists() and not SiteSettings.objects.exists()
    if is_behind and is_empty and there_was_a_site() and not is_new:
        # With settings, no later start takes it for a new site either.
        SiteSettings.unsaved().save()
        stdout.write("This database is new, and the site is not: it stays empty until a backup is restored.")
    call_command("demo", if_empty=True)
    call_command("nginx_config")


def make_file(path: Path, is_wanted: bool) -> None:
    """Make the file of the database if this is a new site, or a new one `is_wanted`; else raise CommandError."""
    if path.exists() and path.stat().st_size:
        return
    if there_was_a_site() and not is_wanted:
        raise CommandError(
            f"The database {path} is gone, and this is not a new site. {keeping.how_to_restore()} To begin anew with an"
            f" empty one: {here().manage_stopped} prepare --new."
        )
    if is_wanted:
        integrity.remember("")  # which was of the one before
    # Made by SQLite, everybody could read it.
    path.touch(mode=0o600)


def there_was_a_site() -> bool:
    return any(any((settings.VAR / name).glob("*")) for name in ("media", "backups", "published"))
