"""Pages that are deleted, by whatever way, and how they come back."""

import secrets
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.signals import pre_delete
from django.dispatch import receiver

from myweb.pages.models import Page

from .content import converted
from .line import Line, Sender
from .models import Version

Event = Version.Event


@receiver(pre_delete, sender=Page)
def keep_version(instance: Page, origin: Any, **kwargs: Any) -> None:
    """Keep what is about to go. Sent for each page below, too, before anything is deleted, in the same transaction."""
    # One for all that goes at once
    deletion: str = origin.__dict__.setdefault("_deletion", secrets.token_hex(16))
    author = getattr(instance, "deleted_by", None) or getattr(origin, "deleted_by", None)
    Line(Page, instance.pk).end(author, deletion, instance.position)


def deleted_pages() -> "QuerySet[Version]":
    """
    Return the last versions of the pages that are deleted, those deleted last first.

    Not all of them say so: the release before keeps none.
    """
    versions = Version.objects.filter(model=Page._meta.label_lower)
    newer = versions.filter(key=OuterRef("key"), number__gt=OuterRef("number"))
    last = versions.filter(~Exists(newer), number__isnull=False)
    deleted = last.exclude(key__in=Page.objects.values("pk"))
    return deleted.select_related("author").order_by("-created_at", "-pk")


@transaction.atomic
def bring_back(version: Version, author: Any) -> list[Page]:
    """
    Make the page of `version` again, and all that was deleted with it and was below it, in their order.

    Returns the pages. Raises ValidationError if an address is taken meanwhile, or the page above is not there.
    """
    deleted_with = list(deleted_pages().filter(deletion=version.deletion).exclude(pk=version.pk))
    todo, pages = [version], []
    while todo:
        said = todo.pop(0)
        pages.append(_bring_back(said, author))
        below = [other for other in deleted_with if other.said["fields"]["parent"] == said.key]
        todo += sorted(below, key=lambda other: other.said.get("position", 0))
    return pages


@transaction.atomic
def bring_all_back(version: Version, author: Any) -> list[Page]:
    """Bring back all that was deleted at once with the page of `version`, as bring_back() does."""
    together = list(deleted_pages().filter(deletion=version.deletion)) if version.deletion else [version]
    keys = {item.key for item in together}
    roots = [item for item in together if item.said["fields"]["parent"] not in keys]
    pages = []
    for root in sorted(roots, key=lambda item: item.said.get("position", 0)):
        pages += bring_back(root, author)
    return pages


def _bring_back(version: Version, author: Any) -> Page:
    content = version.said
    line = Line(Page, version.key)
    if version.event == Event.DELETED:
        live, draft = content if content["is_live"] else None, content["draft"]
    else:
        published = line.versions.line().exclude(published_at=None).first()
        live, draft = published.said if published else None, content if version.is_draft else None
    if live:
        _give_way(live["fields"])
        line.publish(live, Sender(author, base=line.base))
    if draft:
        line = Line(Page, version.key)
        line.save_draft(converted(draft), Sender(author, base=line.base))
    if "position" in content:
        Page.objects.filter(pk=version.key).update(position=content["position"])
    page: Page = Line(Page, version.key).row
    return page


def _give_way(fields: dict[str, Any]) -> None:
    """Have what was the home page, and is brought back, not take the place of the one that is there now."""
    if not fields["slug"] and not fields["parent"] and Page.objects.filter(path="/").exists():
        fields["slug"] = Page(title=fields["title"]).free_slug()
