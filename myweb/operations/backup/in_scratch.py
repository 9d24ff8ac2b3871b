"""
What runs with the scratch database as the site's: python -m myweb.operations.backup.in_scratch load|prove …

In a process of its own, because Django's models, caches and settings are those of one site.
"""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import django
from django.apps.registry import Apps
from django.core.serializers.jsonl import Deserializer
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from tqdm import tqdm

from .archive import MANIFEST, MEDIA, Manifest


class _Rows(Deserializer):
    """Makes rows of the models of an older release."""

    def __init__(self, stream: Any, models: Apps) -> None:
        super().__init__(stream)
        self._models = models

    def _get_model_from_node(self, model_identifier: str) -> Any:
        return self._models.get_model(model_identifier)


def load(manifest: Manifest, rows: str) -> None:
    """Make the tables of the release that wrote the portable backup, and fill them."""
    from . import dialects

    connection.ensure_connection()
    connection.execute_wrappers.clear()  # nothing of this is published
    executor = MigrationExecutor(connection)
    targets = newest_migrations(executor, manifest)
    executor.migrate(targets)
    models = cast(Apps, executor.loader.project_state(targets).apps)
    total = sum(manifest.counts.values())
    with transaction.atomic(), connection.cursor() as cursor, Path(rows).open(encoding="utf-8", newline="\n") as stream:
        # Migrations may have made some.
        for table in dialects.table_names(connection.connection):
            if table != "django_migrations":
                cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608
        for row in tqdm(_Rows(stream, models), total=total, desc="Rows", disable=None, leave=False):
            try:
                row.save(force_insert=True)
            except Exception as error:
                name = row.object._meta.label
                raise ValueError(f"{name} {row.object.pk} cannot be stored in this database: {error}") from error
        connection.check_constraints()
        dialects.raise_sequences(cursor, manifest.sequences)


def newest_migrations(executor: MigrationExecutor, manifest: Manifest) -> list[tuple[str, str]]:
    """Return the last migration of each app that the backup knows."""
    applied = {(app, name) for app, names in manifest.migrations.items() for name in names}
    graph = executor.loader.graph
    return [
        key
        for key in sorted(applied & set(graph.nodes))
        if not any(child.key[0] == key[0] and child.key in applied for child in graph.node_map[key].children)
    ]


def prove(manifest: Manifest) -> None:
    """Find every file that a row refers to, and render every page."""
    from django.conf import settings
    from django.test import Client, RequestFactory

    from myweb.pages.models import Page
    from myweb.pages.views import render_page

    from .references import files_of_rows

    media = set(manifest.media)
    for owner, name in files_of_rows():
        if f"{MEDIA}{name}" not in media:
            raise ValueError(f"{owner} refers to the file {name}, which is not in the backup.")
    url = urlsplit(settings.SITE_URL)
    client = Client(headers={"host": url.netloc}, raise_request_exception=False)
    requests = RequestFactory(headers={"host": url.netloc})
    pages = list(Page._base_manager.order_by("path"))
    paths = ["/contact/", "/sitemap.xml", *(page.path for page in pages if page.is_public)]
    for path in tqdm(paths, desc="Pages", disable=None, leave=False):
        status = client.get(path, secure=url.scheme == "https").status_code
        if status != 200:
            raise ValueError(f"The page {path} cannot be shown: status {status}.")
    for page in pages:
        if not page.is_public:
            try:
                render_page(requests.get(page.path), page, list(Page.objects.on_the_way_to(page.path)))
            except Exception as error:
                raise ValueError(f"The page {page.path} cannot be shown: {error!r}.") from error


def main() -> None:
    django.setup()
    logging.disable()  # the sentence that this ends with says it
    functions: dict[str, Callable[..., None]] = {"load": load, "prove": prove}
    # Beside the database
    manifest = Manifest.parse((Path(os.environ["MYWEB_VAR"]) / MANIFEST).read_bytes())
    try:
        functions[sys.argv[1]](manifest, *sys.argv[2:])
    except Exception as error:
        print(" ".join(str(error).split()))
        sys.exit(1)


if __name__ == "__main__":
    main()
