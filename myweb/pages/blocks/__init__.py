"""
The kinds of block that pages are made of: one module each, found by itself, with a model that is a Block.

Everything else asks kinds() and names none of them. CONTRIBUTING.md says how one is added.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple, Self

from content_editor.admin import ContentEditorInline
from content_editor.models import create_plugin_base
from django.apps import apps
from django.db import connection
from django.db.models import Field, JSONField, QuerySet, TextField, Value
from django.db.models.functions import Cast, JSONObject

from myweb.db.compiled import compiled

from ..links import LinkedTexts
from ..models import Page

REGION = Page.regions[0].key


class SharePicture(NamedTuple):
    """What is shown with a shared link: 1200 × 630 pixels at an absolute address."""

    url: str
    alt_text: str


class Block(LinkedTexts, create_plugin_base(Page)):  # type: ignore[misc]
    """
    What a kind says of itself, beside its fields; __str__() is the line that stands for a block in lists.

    `<app>/blocks/<model>.html` shows it, as `block`; `forloop.first` there is whether it begins the page.
    """

    icon: ClassVar[str]  # https://fonts.google.com/icons; the editor brings them along
    place: ClassVar[int] = 100  # among the kinds that the editor offers
    search_fields: ClassVar[list[str]] = []  # where the admin's search looks

    class Meta:
        abstract = True

    @classmethod
    def inline(cls, base: type[ContentEditorInline]) -> type[ContentEditorInline]:
        """Return the `base` that edits blocks of this kind within the form of their page."""
        inline: type[ContentEditorInline] = base.create(cls, icon=cls.icon)
        return inline

    @classmethod
    def searched_from_page(cls) -> list[str]:
        """Return `search_fields` as a query for pages names them."""
        name = cls._meta.get_field("parent").related_query_name()
        return [f"{name}__{field}" for field in cls.search_fields]

    @property
    def template_name(self) -> str:
        return f"{self._meta.app_label}/blocks/{self._meta.model_name}.html"

    def excerpt(self, length: int) -> str:
        """Return the beginning of the block in plain words, at most `length` characters, or "" if it has none."""
        return ""

    @property
    def base_path(self) -> str:
        return self.parent.path or "/"

    @property
    def share_picture(self) -> SharePicture | None:
        return None

    # Files made of what was uploaded, which takes too long for a request: manage.py make_renditions does it.

    @classmethod
    def unfinished(cls) -> QuerySet[Self]:
        """Return the blocks that finish() has yet to be called for."""
        blocks: QuerySet[Self] = cls._default_manager.none()
        return blocks

    @classmethod
    def ask_for_missing(cls) -> None:
        """Have those blocks be unfinished again that lack a file."""

    def finish(self) -> None:
        """Make the files, outside of any transaction; it is not called again, even if that fails."""


def kinds() -> list[type[Block]]:
    """Return all kinds, those of other apps too, in the order in which the editor offers them."""
    found = [model for model in apps.get_models() if issubclass(model, Block)]
    return sorted(found, key=lambda kind: (kind.place, kind._meta.label))


def blocks_of(page: Page) -> list[Block]:
    """Return what `page` is made of, in its order."""
    return blocks_of_all([page])[page.pk]


def blocks_of_all(pages: Sequence[Page]) -> dict[int, list[Block]]:
    """Return what each page is made of, by its key and in its order: one query, however many kinds there are."""
    if not pages:
        return {}
    by_label = {kind._meta.label: kind for kind in kinds()}
    by_key = {page.pk: page for page in pages}
    found: dict[int, list[Block]] = {key: [] for key in by_key}
    with connection.cursor() as cursor:
        cursor.execute(*compiled(_rows, *by_key))
        for label, values in cursor.fetchall():
            block = _from_json(by_label[label], json.loads(values))
            block.parent = by_key[block.parent_id]
            found[block.parent_id].append(block)
    return {key: sorted(blocks, key=attrgetter("ordering", "pk")) for key, blocks in found.items()}


def _rows(*keys: int) -> QuerySet[Any, Any]:
    first, *others = [
        kind._base_manager.filter(parent__in=keys, region=REGION)
        .order_by()
        .values_list(Value(kind._meta.label, output_field=TextField()), _as_json(kind))
        for kind in kinds()
    ]
    rows: QuerySet[Any, Any] = first.union(*others, all=True)
    return rows


def _as_json(kind: type[Block]) -> JSONObject:
    fields: Iterable[Field[Any, Any]] = kind._meta.concrete_fields
    # SQLite has JSON as text, so PostgreSQL's becomes text as well.
    return JSONObject(
        **{
            field.attname: Cast(field.attname, TextField()) if isinstance(field, JSONField) else field.attname
            for field in fields
        }
    )


def _from_json(kind: Any, values: dict[str, Any]) -> Block:
    """Return the row as a query by Django's own means would: its converters, and to_python() for what JSON lacks."""
    names, readers = _readers(kind)
    row = [read(values[name]) for name, read in zip(names, readers, strict=True)]
    block: Block = kind.from_db(connection.alias, names, row)
    return block


@cache
def _readers(kind: Any) -> tuple[list[str], list[Callable[[Any], Any]]]:
    fields = kind._meta.concrete_fields
    return [field.attname for field in fields], [_reader(field, field.get_col(kind._meta.db_table)) for field in fields]


def _reader(field: Any, column: Any) -> Callable[[Any], Any]:
    converters = connection.ops.get_db_converters(column) + field.get_db_converters(connection)

    def read(value: Any) -> Any:
        for convert in converters:
            value = convert(value, column, connection)
        return field.to_python(value)

    return read
