"""Carries over the versions that django-reversion kept; its tables stay as they are, for the release before."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import migrations

BATCH = 200  # revisions
PAGE = "pages.page"
ROWS = (PAGE, "pages.sitesettings", "contact.contactsettings")
BLOCKS = ("pages.text", "pages.picture")
# What is derived, or says only where something stands, is no content.
LEFT_OUT = {
    *("id", "position", "path", "address_key", "is_public", "inherited_language", "updated_at"),
    *("renditions", "needs_renditions"),
}
VERSIONS = """
    SELECT v.revision_id, t.app_label, t.model, v.object_id, v.serialized_data, v.format,
        r.date_created, r.user_id, r.comment
    FROM reversion_version v
    JOIN reversion_revision r ON r.id = v.revision_id
    JOIN django_content_type t ON t.id = v.content_type_id
    WHERE v.revision_id > %s AND v.revision_id <= %s
    ORDER BY v.revision_id, v.id
"""


def carry_over(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        if "reversion_version" not in connection.introspection.table_names(cursor):
            return
        cursor.execute("SELECT COALESCE(MAX(id), 0) FROM reversion_revision")
        [last] = cursor.fetchone()
    Version, User = apps.get_model("desk", "Version"), apps.get_model("auth", "User")
    numbers: dict[tuple[str, int], int] = defaultdict(int)
    users = set(User.objects.values_list("pk", flat=True))
    for first in range(0, last, BATCH):
        with connection.cursor() as cursor:
            cursor.execute(VERSIONS, [first, first + BATCH])
            rows = cursor.fetchall()
        versions = []
        for (model, key), content, (moment, user, comment) in _contents(rows):
            numbers[model, key] += 1
            versions.append(
                Version(
                    **{"model": model, "key": key, "number": numbers[model, key], "content": content},
                    **{"event": "published", "digest": _digest(content), "created_at": moment, "published_at": moment},
                    **{"author_id": user if user in users else None, "comment": comment[:200]},
                )
            )
        Version.objects.bulk_create(versions)
    _mark_deleted(Version, set(apps.get_model("pages", "Page").objects.values_list("pk", flat=True)))


def _contents(rows: list[Any]) -> Iterator[tuple[tuple[str, int], dict[str, Any], tuple[Any, ...]]]:
    """Yield (model, key), the content and (time, user, comment) for each page or row of settings in each revision."""
    revisions: dict[int, list[Any]] = defaultdict(list)
    for revision, app_label, model, key, data, form, *about in rows:
        if form == "json":
            revisions[revision].append((f"{app_label}.{model}", int(key), json.loads(data)[0]["fields"], about))
    for versions in revisions.values():
        for model, key, fields, (moment, user, comment) in versions:
            if model not in ROWS:
                continue
            blocks = [
                {"kind": kind, "key": block, "fields": _kept(said, {"parent"})}
                for kind, block, said, _about in versions
                if kind in BLOCKS and model == PAGE and said["parent"] == key
            ]
            blocks.sort(key=lambda block: (block["fields"].get("ordering", 0), block["key"]))
            content = {"format": 1, "fields": _kept(fields, set()), "blocks": blocks}
            yield (model, key), content, (_aware(moment), user, comment)


def _kept(fields: dict[str, Any], left_out: set[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in LEFT_OUT | left_out}


def _aware(moment: datetime | str) -> datetime:
    """Return a time as a query of Django's would: SQLite has text."""
    time = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _digest(content: dict[str, Any]) -> str:
    said = {name: content[name] for name in ("fields", "blocks")}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _mark_deleted(Version: Any, there: set[int]) -> None:
    """Have the pages that are gone be found among the deleted ones; when they went, nobody has written down."""
    last = {version.key: version for version in Version.objects.filter(model=PAGE).order_by("number")}
    for key, version in last.items():
        if key not in there:
            version.pk, version.number, version.event, version.published_at = None, version.number + 1, "deleted", None
            version.content |= {"position": 0, "is_live": True, "draft": None}
            version.save(force_insert=True)


class Migration(migrations.Migration):
    dependencies = [
        ("desk", "0001_versions"),
        ("pages", "0002_same_addresses"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]
    operations = [migrations.RunPython(carry_over, migrations.RunPython.noop)]
