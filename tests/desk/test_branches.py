"""What is done to many pages at once leaves what would be there if it had been done to each by itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from myweb.desk import branches, deletion, several
from myweb.desk.content import content_of, new_key
from myweb.desk.deletion import bring_back, deleted_pages
from myweb.desk.line import Line, Sender
from myweb.desk.models import Version
from myweb.pages.blocks import blocks_of
from myweb.pages.models import Page
from myweb.pages.redirects import Redirect
from tests.factories import make_page, make_text

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
FIELDS = {
    "hidden": {"is_published": False},
    "in a menu": {"menu": "main"},
    "Chinese": {"language": "zh-hans"},
    "later": {"publish_from": timezone.now() + DAY},
    "since": {"publish_from": timezone.now() - DAY},
    "over": {"publish_until": timezone.now() - DAY},
    "until": {"publish_until": timezone.now() + DAY},
}


def send(key: int, publish_at: Any = None, **fields: object) -> None:
    line = Line(Page, key)
    content = {**line.content, "fields": line.content["fields"] | fields}
    line.save_draft(content, Sender(None, base=line.base), publish_at=publish_at)


def publish_unknown_block(page: Page) -> None:
    line = Line(Page, page.pk)
    block = {"kind": "pages.gone", "key": new_key(), "fields": {"text": "x"}}
    line.publish({**line.content, "blocks": [*line.content["blocks"], block]}, Sender(None, base=line.base))


def draft_below(page: Page) -> None:
    key = new_key()
    fields = {"title": "Never", "slug": "never", "parent": page.pk, "is_published": True}
    Line(Page, key).save_draft({"format": 1, "fields": fields, "blocks": []}, Sender(None, base=Line(Page, key).base))


def discard(page: Page) -> None:
    if Line(Page, page.pk).draft:
        Line(Page, page.pk).discard_draft(None)


DEEDS: dict[str, Callable[[Page], object]] = {
    "text": make_text,
    "unknown block": publish_unknown_block,
    "published": lambda page: several.hide([page.pk], None) and several.publish([page.pk], None),
    "draft": lambda page: send(page.pk, title="Draft"),
    "draft elsewhere": lambda page: send(page.pk, slug="elsewhere", parent=None),
    "plan": lambda page: send(page.pk, timezone.now() + DAY, title="Planned"),
    "plan that is over": lambda page: send(page.pk, timezone.now() - DAY, title="Planned"),
    "discarded": discard,
    "draft below": draft_below,
    "changed by a command": lambda page: Page.objects.filter(pk=page.pk).update(title="By a command"),
    "renamed": lambda page: several.note_moves([page.pk], None),
    "deleted by itself": lambda page: several.delete([page.pk], None),
}
MEANWHILE: dict[str, Callable[[Page], object]] = {
    "nothing": lambda root: None,
    "its address is taken": lambda root: make_page("Taker", pk=2**50, slug=root.slug),
    "its address leads elsewhere": lambda root: Redirect.objects.update(page=None, address="https://a.example"),
}


@st.composite
def branch(draw: Any) -> list[tuple[int, set[str], list[str]]]:
    """Return for each page which of those before it is above, what its fields are, and what was done to it."""
    pages = []
    for number in range(draw(st.integers(2, 6))):
        above = draw(st.integers(0, max(number - 1, 0)))
        fields = draw(st.sets(st.sampled_from(sorted(FIELDS)), max_size=2)) if number else set()
        pages.append((above, fields, draw(st.lists(st.sampled_from(sorted(DEEDS)), max_size=3))))
    return pages


def make(pages: list[tuple[int, set[str], list[str]]]) -> Page:
    made: list[Page] = []
    for number, (above, names, _deeds) in enumerate(pages):
        fields = {name: value for each in names for name, value in FIELDS[each].items()}
        if {"publish_from", "publish_until"} <= set(fields) and fields["publish_until"] <= fields["publish_from"]:
            del fields["publish_until"]
        made.append(make_page(str(number), parent=made[above] if made else None, **fields))
    for page, (_above, _names, deeds) in zip(made, pages, strict=True):
        for deed in deeds:
            if Page.objects.filter(pk=page.pk).exists() and not (page is made[0] and deed == "deleted by itself"):
                DEEDS[deed](page)
    return made[0]


def state() -> dict[str, Any]:
    pages = list(Page.objects.order_by("path"))
    versions = Version.objects.order_by("model", "key", "number", "event")
    names = ["key", "number", "event", "content", "digest", "publish_at", "refusal", "form", "comment", "author"]
    return {
        "pages": [
            {field.name: field.value_from_object(page) for field in Page._meta.concrete_fields if field.editable}
            | {name: getattr(page, name) for name in [*Page.DERIVED, "position"]}
            for page in pages
        ],
        "blocks": [content_of(page, blocks_of(page))["blocks"] for page in pages],
        "versions": [
            {name: getattr(version, name) for name in names}
            | {"was_public": version.published_at is not None, "is_end": bool(version.deletion)}
            for version in versions
        ],
        "waiting": [waiting(page.pk) for page in pages],
        "redirects": list(Redirect.objects.order_by("path").values_list("path", "page", "address")),
    }


def waiting(key: int) -> tuple[Any, ...]:
    """Return what the draft of a page says, and what is planned."""
    draft, plan = Line(Page, key).draft, Line(Page, key).planned
    return draft and draft.said, plan and plan.said, plan and plan.publish_at


def each_by_itself(keys: Any, author: Any, name: str) -> None:
    for page in Page.objects.filter(pk__in=keys):
        Line(Page, page.pk).end(author, name, page.position)


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def outcome(root: Page, meanwhile: str) -> list[dict[str, Any]]:
    """Return what is there after `root` was deleted, and after it was brought back; and undo it."""
    states = []
    with undone():
        several.delete([root.pk], None)
        states.append(state())
        MEANWHILE[meanwhile](root)
        bring_back(deleted_pages().get(key=root.pk), None)
        states.append(state())
    return states


@settings(max_examples=50, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(branch(), st.sampled_from(sorted(MEANWHILE)))
def test_it_is_as_if_each_were_done_by_itself(pages, meanwhile):
    with undone():
        root = make(pages)
        at_once = outcome(root, meanwhile)
        with (
            mock.patch.object(branches, "end_all", each_by_itself),
            mock.patch.object(deletion, "_was_only_live", return_value=False),
        ):
            assert outcome(root, meanwhile) == at_once


@settings(max_examples=50, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(branch())
def test_it_is_what_it_was(pages):
    with undone():
        root = make(pages)
        before = state()
        _deleted, after = outcome(root, "nothing")
        assert after["pages"] == before["pages"]
        assert after["blocks"] == before["blocks"]
        assert after["waiting"] == before["waiting"]
        assert after["redirects"] == before["redirects"]
