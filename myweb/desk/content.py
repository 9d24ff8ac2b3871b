"""
The whole content of a row, with the blocks of a page, as one piece of data, and the ways from and to the tables.

    {"format": 1, "fields": {name: value}, "blocks": [{"kind": "pages.text", "key": 7, "fields": {name: value}}]}

What is derived or says only where something stands is not content: renditions that are made, or a page that appears in
time, are no change that anybody has made. What no field is left for, or no kind of block, stays in the data.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, TypeAlias

from django.core.exceptions import ValidationError
from django.db.models import Field, FileField, ForeignKey, ImageField, Model

from myweb.pages.blocks import Block, blocks_of, kinds
from myweb.pages.models import Page

Content: TypeAlias = dict[str, Any]

FORMAT = 1
# From a format to the next one, when a content is read; what is stored stays as it was written.
CONVERTERS: dict[int, Callable[[Content], Content]] = {}
LEAST_NEW_KEY = 2**51
BATCH = 1000  # keys in a query, of which SQLite takes 32,766


def new_key() -> int:
    """Return a key that no sequence of a database comes to, and that JavaScript knows exactly (less than 2^53)."""
    return secrets.randbits(51) | LEAST_NEW_KEY


def fields_of(model: type[Model]) -> list["Field[Any, Any]"]:
    """Return the fields that are content: those that are edited, and the sizes of pictures, to look into no file."""
    concrete: Iterable[Field[Any, Any]] = model._meta.concrete_fields
    sizes = {name for field in concrete if isinstance(field, ImageField) for name in _sizes_of(field)}
    left_out = {"position"} | ({"parent"} if issubclass(model, Block) else set())
    return [
        field
        for field in concrete
        if not field.primary_key and field.name not in left_out and (field.editable or field.name in sizes)
    ]


def _sizes_of(field: Any) -> list[str]:
    return [name for name in (field.width_field, field.height_field) if name]


def content_of(row: Model, blocks: Iterable[Block] = ()) -> Content:
    """Return `row` with `blocks`, saved or not, as data."""
    ordered = sorted(blocks, key=lambda block: (block.ordering, block.pk))
    return {
        "format": FORMAT,
        "fields": _dump(row),
        "blocks": [{"kind": block._meta.label_lower, "key": block.pk, "fields": _dump(block)} for block in ordered],
    }


def live_content(row: Model) -> Content:
    """Return what the tables have."""
    return content_of(row, blocks_of(row) if isinstance(row, Page) else ())


def converted(content: Content) -> Content:
    """Return a content of whatever format in today's."""
    while converter := CONVERTERS.get(content["format"]):
        content = converter(content)
    return content


def digest(content: Content) -> str:
    """Return what two contents share exactly if they say the same."""
    said = {name: content[name] for name in ("fields", "blocks")}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def is_known(block: dict[str, Any]) -> bool:
    return block["kind"] in _kinds()


def load(row: Model, content: Content) -> list[Block]:
    """
    Give `row`, which is not saved, what `content` says of it, and return its blocks, which are not saved, either.

    What the content lacks keeps its default; blocks of kinds that are gone are left out; a reference to what is gone
    is none.
    """
    _load(row, content["fields"])
    known = _kinds()
    blocks = []
    for said in filter(is_known, content["blocks"]):
        block = known[said["kind"]](pk=said["key"], parent=row)
        _load(block, said["fields"])
        block._state.adding = False
        blocks.append(block)
    return blocks


def write_blocks(page: Page, blocks: Sequence[Block]) -> None:
    """
    Make the tables have `blocks` and no others for `page`: by their keys within it, and only what differs.

    A key that another page's block has is exchanged for a new one. Run it in a transaction that has locked the page.
    """
    live = {(type(block), block.pk): block for block in blocks_of(page)}
    for block in blocks:
        block.parent = page
        there = live.pop((type(block), block.pk), None)
        if there is None:
            if type(block)._base_manager.filter(pk=block.pk).exists():
                block.pk = new_key()
            block._state.adding = True
            block.save(force_insert=True)
        elif _dump(there) != _dump(block):
            for field in fields_of(type(block)):
                _set(there, field, block.__dict__[field.attname])
            there.save()
    for gone in live.values():
        gone.delete()


def add_blocks(blocks: Sequence[Block]) -> None:
    """Write the blocks of pages that have none yet; a key that is taken meanwhile is exchanged for a new one."""
    taken: set[tuple[type[Block], int]] = set()
    for kind in {type(block) for block in blocks}:
        keys = [block.pk for block in blocks if type(block) is kind]
        for start in range(0, len(keys), BATCH):
            there = kind._base_manager.filter(pk__in=keys[start : start + BATCH])
            taken |= {(kind, key) for key in there.values_list("pk", flat=True)}
    for block in blocks:
        if (type(block), block.pk) in taken:
            block.pk = new_key()
        block._state.adding = True
        block.save(force_insert=True)


def _kinds() -> dict[str, type[Block]]:
    return {kind._meta.label_lower: kind for kind in kinds()}


def _dump(row: Model) -> dict[str, Any]:
    return {field.name: _plain(field, row) for field in fields_of(type(row))}


def _plain(field: "Field[Any, Any]", row: Model) -> Any:
    value = field.value_from_object(row)
    match value:
        case None | bool() | int() | float() | dict() | list():
            return value
        case Decimal():
            # PostgreSQL has more zeros, which would be a change.
            return format(value.normalize(), "f")
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date() | time():
            return value.isoformat()
        case _ if isinstance(field, FileField):
            return value.name or ""
        case str():
            return str(value)  # not a string that is safe in templates, or translated later
        case _:
            return field.value_to_string(row)


def _load(row: Model, values: dict[str, Any]) -> None:
    for field in fields_of(type(row)):
        if field.name not in values:
            continue
        _set(row, field, _python(field, values[field.name]))


def _set(row: Model, field: "Field[Any, Any]", value: Any) -> None:
    if isinstance(field, FileField):
        # Past the descriptor, which opens the file of a picture to measure it, and that may be gone
        row.__dict__[field.attname] = value
    else:
        setattr(row, field.attname, value)


def _python(field: "Field[Any, Any]", value: Any) -> Any:
    try:
        value = field.to_python(value)
    except ValidationError:  # as a field had it whose type has changed
        return field.get_default()
    if isinstance(field, ForeignKey) and value is not None:
        is_there = field.remote_field.model._base_manager.filter(pk=value).exists()
        return value if is_there else None
    return value
