"""Links in what is not public yet: a draft would bring back those that lead to a page that is gone since."""

from collections.abc import Collection
from typing import Any

from django.apps import apps
from django.db.models import Exists, Model, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.translation import gettext as _

from myweb.editor import PAGE_ATTRIBUTE
from myweb.pages.links import Link, links_in, rewritten, rich_texts
from myweb.pages.models import Page
from myweb.pages.pointing import Branch, Pointer, pointing_to

from .content import Content
from .line import Line
from .models import Version


def pointers(branch: Branch, *, with_menus: bool = True) -> list[Pointer]:
    """Return what points to a page of `branch`, from what is public, and then from drafts."""
    found = pointing_to(branch, with_menus=with_menus)
    for version in _waiting(branch):
        words = [link.label for text in _texts_of(version) for link in links_in(text) if link.key in branch.keys]
        if words:
            model = apps.get_model(version.model)
            url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[version.key])
            found.append(Pointer(_("draft of “%s”") % version, url, words))
    return found


def retarget_drafts(branch: Branch, target: Page, allowed: Collection[type[Model]], at_most: int) -> int:
    """Have the links of drafts lead to `target`, by versions that are appended; return of how many rows."""

    def change(link: Link) -> Link:
        return link.to(target.path, target.pk) if link.key in branch.keys else link

    def change_all(content: Content) -> Content:
        return _with_texts(content, model, lambda text: rewritten(text, change))

    rows = dict.fromkeys((version.model, version.key) for version in _waiting(branch))
    number = 0
    for label, key in rows:
        model = apps.get_model(label)
        if number < at_most and (model is Page or model in allowed):
            number += Line(model, key).change_waiting(change_all)
    return number


def _waiting(branch: Branch) -> "QuerySet[Version]":
    """Drafts that may have links to pages, but for those of the pages themselves, the oldest first."""
    newer = Version.objects.filter(model=OuterRef("model"), key=OuterRef("key"), number__gt=OuterRef("number"))
    is_draft = Q(event__in=[Version.Event.DRAFT, Version.Event.AUTOSAVE]) & ~Exists(newer)
    drafts = Version.objects.filter(is_draft | Q(publish_at__isnull=False), number__isnull=False)
    with_links = drafts.annotate(text=Cast("content", TextField())).filter(text__contains=PAGE_ATTRIBUTE)
    return with_links.exclude(model=Page._meta.label_lower, key__in=branch.keys).order_by("pk")


def _texts_of(version: Version) -> list[str]:
    texts: list[str] = []

    def look(text: str) -> str:
        texts.append(text)
        return text

    _with_texts(version.said, apps.get_model(version.model), look)
    return texts


def _with_texts(content: Content, model: type[Model], change: Any) -> Content:
    """Return `content` with its formatted texts changed."""
    blocks = []
    for block in content["blocks"]:
        try:
            kind = apps.get_model(block["kind"])
        except LookupError:
            kind = None
        blocks.append({**block, "fields": _changed(block["fields"], kind, change)} if kind else block)
    return {**content, "fields": _changed(content["fields"], model, change), "blocks": blocks}


def _changed(fields: dict[str, Any], model: type[Model], change: Any) -> dict[str, Any]:
    names = [field.name for field in rich_texts(model) if fields.get(field.name)]
    return {**fields, **{name: change(fields[name]) for name in names}}
