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
    Line(Page, instance.pk).end(Sender(author), deletion, instance.position)


def deleted_pages() -> "QuerySet[Version]":
    """Return the last versions of the pages that are deleted, those deleted last first."""
    versions = Version.objects.filter(model=Page._meta.label_lower)
    newer = versions.filter(key=OuterRef("key"), number__gt=OuterRef("number"))
    deleted = versions.filter(~Exists(newer), event=Event.DELETED).exclude(key__in=Page.objects.values("pk"))
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
        todo += sorted(below, key=lambda other: other.said["position"])
    return pages


def _bring_back(version: Version, author: Any) -> Page:
    content = version.said
    if content["is_live"]:
        line = Line(Page, version.key)
        line.publish(content, Sender(author, base=line.base))
    if content["draft"]:
        line = Line(Page, version.key)
        line.save_draft(converted(content["draft"]), Sender(author, base=line.base))
    Page.objects.filter(pk=version.key).update(position=content["position"])
    page: Page = Line(Page, version.key).row
    return page
