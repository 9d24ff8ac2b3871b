"""What differs between two contents, in words that the owner knows."""

import difflib
import re
from collections import Counter
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from django.apps import apps
from django.core.files.storage import default_storage
from django.db.models import BooleanField, DateTimeField, Field, FileField, ForeignKey, Model
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django_prose_editor.fields import ProseEditorField

from .content import Content, fields_of

# A word with the blanks behind it, since the time goes with the square of how often one comes; Chinese by character.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+\s*|[^\w\s]\s*|\s+")
_END = re.compile(r"</(?:p|h[1-6]|li|tr|blockquote)>|<br\s*/?>|<hr\s*/?>")
_MOST_PAIRS = 3_000_000  # of equal words in both texts, more of which would take seconds
# Where a block stands is said as "moved"; the sizes of a picture go with it.
_LEFT_OUT = {"region", "ordering", "image_width", "image_height"}


@dataclass
class FieldChange:
    name: str
    words: str = ""
    old_picture: str = ""
    new_picture: str = ""


@dataclass
class Change:
    """Of the row itself, or of one block; `what` became of it."""

    name: str
    what: str
    fields: list[FieldChange] = field(default_factory=list)


def compare(old: Content | None, new: Content, model: type[Model]) -> list[Change]:
    """Return what changed from `old` to `new`: fields of the row, then blocks in their new order."""
    old = old or {"fields": {}, "blocks": []}
    fields = _compare_fields(model, old["fields"], new["fields"])
    changes = [Change("", "", fields)] if fields else []
    before = {(block["kind"], block["key"]): block for block in old["blocks"]}
    after = {(block["kind"], block["key"]): block for block in new["blocks"]}
    moved = _moved([key for key in before if key in after], [key for key in after if key in before])
    for key in [*after, *(key for key in before if key not in after)]:
        kind = _kind(key[0])
        there, here = before.get(key, {"fields": {}}), after.get(key, {"fields": {}})
        fields = _compare_fields(kind, there["fields"], here["fields"]) if kind else []
        if key not in before:
            what = _("added")
        elif key not in after:
            what = _("removed")
        elif key in moved:
            what = _("moved")
        else:
            what = _("changed") if fields or (there["fields"] != here["fields"] and not kind) else ""
        if what:
            name = capfirst(str(kind._meta.verbose_name)) if kind else _("A block of the kind “%s”") % key[0]
            changes.append(Change(name, what, fields))
    return changes


def summary(changes: list[Change]) -> str:
    """Return the changes in a line."""
    parts = []
    for change in changes:
        if change.name:
            parts.append(f"{change.name} {change.what}")
        else:
            parts += [field.name for field in change.fields]
    counted = {part: parts.count(part) for part in parts}
    return ", ".join(f"{part} ×{number}" if number > 1 else part for part, number in counted.items())


def words(old: str, new: str) -> SafeString:
    """Mark in HTML what was taken away from `old` and what came in `new`, which are plain text."""
    a, b = _WORD.findall(old), _WORD.findall(new)
    counts = Counter(b)
    if sum(number * counts[word] for word, number in Counter(a).items()) > _MOST_PAIRS:
        return format_html("<del>{}</del><ins>{}</ins>", old, new)
    parts: list[tuple[str, str]] = []
    for operation, a1, a2, b1, b2 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if operation == "equal":
            parts.append(("span", "".join(a[a1:a2])))
            continue
        parts += [(tag, "".join(taken)) for tag, taken in (("del", a[a1:a2]), ("ins", b[b1:b2])) if taken]
    return format_html_join("", "<{0}>{1}</{0}>", parts)


def _moved(before: list[Any], after: list[Any]) -> set[Any]:
    opcodes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return {key for operation, a1, a2, *_b in opcodes if operation in ("delete", "replace") for key in before[a1:a2]}


def _kind(label: str) -> type[Model] | None:
    try:
        return apps.get_model(label)
    except LookupError:
        return None


def _compare_fields(model: type[Model], old: dict[str, Any], new: dict[str, Any]) -> list[FieldChange]:
    changes = []
    for item in fields_of(model):
        if item.name in _LEFT_OUT or old.get(item.name) == new.get(item.name):
            continue
        name = capfirst(str(item.verbose_name))
        if isinstance(item, FileField):
            was, is_now = (said.get(item.name) for said in (old, new))
            changes.append(FieldChange(name, old_picture=_url(was), new_picture=_url(is_now)))
        elif shown := words(_shown(item, old.get(item.name)), _shown(item, new.get(item.name))):
            changes.append(FieldChange(name, shown))
    return changes


def _url(name: str | None) -> str:
    return default_storage.url(name) if name else ""


def _shown(item: "Field[Any, Any]", value: Any) -> str:
    """Return a value as the owner knows it, in plain text."""
    if value in (None, ""):
        return ""
    if isinstance(item, ProseEditorField):
        return unescape(re.sub(r"<[^>]*>", "", _END.sub("\n", value))).strip()
    if isinstance(item, BooleanField):
        return _("yes") if value else _("no")
    if isinstance(item, DateTimeField):
        return date_format(localtime(item.to_python(value)), "DATETIME_FORMAT")
    if isinstance(item, ForeignKey):
        there = item.remote_field.model._base_manager.filter(pk=value).first()
        return str(there) if there else _("a page that is gone")
    if item.choices:
        return str(dict(item.flatchoices).get(value, value))
    return str(value)
