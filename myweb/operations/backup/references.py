"""Which uploads are in use."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from django.apps import apps
from django.conf import settings
from django.db import models

from myweb.pages import pictures
from myweb.pages.blocks.picture import Picture

_BATCH = 1000
_WORD = re.compile(r"""[^\s"'<>\\]+""")


def _rows(model: type[models.Model], columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the key and `columns` of all rows, some at a time: an open cursor would block SQLite's commits."""
    last: Any = None
    while True:
        rows = model._base_manager.order_by("pk").values_list("pk", *columns)
        batch = list((rows if last is None else rows.filter(pk__gt=last))[:_BATCH])
        yield from batch
        if len(batch) < _BATCH:
            return
        last = batch[-1][0]


def files_of_rows() -> Iterator[tuple[str, str]]:
    """Yield what a row needs to be shown, as (the row, the name of the file)."""
    for model in apps.get_models():
        names = [field.name for field in model._meta.concrete_fields if isinstance(field, models.FileField)]
        for pk, *files in _rows(model, names) if names else ():
            yield from ((f"{model._meta.label} {pk}", name) for name in files if name)
    for pk, renditions in _rows(Picture, ["renditions"]):
        yield from ((f"{Picture._meta.label} {pk}", name) for name in pictures.names_of(renditions))


def names_in_use() -> set[str]:
    """
    Return every word of every text in the database that could be the name of an upload.

    That is more than is needed, and so finds links in texts and what old versions refer to, whatever their format.
    """
    words: set[str] = set()
    for model in apps.get_models():
        texts = (models.CharField, models.TextField, models.FileField, models.JSONField)
        names = [field.name for field in model._meta.concrete_fields if isinstance(field, texts)]
        for _pk, *values in _rows(model, names) if names else ():
            for value in values:
                text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                words.update(_WORD.findall(unquote(text)))
    return {word.rpartition(settings.MEDIA_URL)[2] for word in words}
