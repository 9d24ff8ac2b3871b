"""Pages that are deleted, by whatever way, and how they come back."""

import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext as _

from myweb.pages import tree
from myweb.pages.models import Page

from . import branches
from .content import Content, converted, digest
from .line import Line, Sender, is_provisional
from .models import Version
from .schedule import refuse

Event = Version.Event


@receiver(pre_delete, sender=Page)
def keep_version(instance: Page, origin: Any, **kwargs: Any) -> None:
    """Keep what is about to go. Sent for each page below, too, before anything is deleted, in the same transaction."""
    # Of all that goes at once, with the first of them
    waiting: set[int] = vars(origin).setdefault("_waiting", set())
    if instance.pk not in waiting:
        keys = {instance.pk} if waiting else _all_that_goes(origin, instance)
        author = getattr(instance, "deleted_by", None) or getattr(origin, "deleted_by", None)
        branches.end_all(keys, author, secrets.token_hex(16))
        waiting |= keys
    waiting.remove(instance.pk)


def _all_that_goes(origin: Any, first: Page) -> set[int]:
    keys = {first.pk}
    if isinstance(origin, QuerySet) and origin.model is Page:
        keys.update(origin.values_list("pk", flat=True))
    elif isinstance(origin, Page):
        keys.add(origin.pk)
    return keys | tree.keys_below(keys)


@transaction.atomic
def delete(keys: Collection[int], author: Any) -> None:
    """Delete pages, with all that is below them: locked before anybody looks, so that nothing is added there."""
    rows = Page.objects.filter(pk__in=keys)
    list(rows.select_for_update())
    rows.deleted_by = author
    rows.delete()


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


class DeletedBranch(NamedTuple):
    """A page that was deleted."""

    version: Version
    number: int  # of pages, with those below it
    at_once: int  # of pages that went with this branch and others; said only of the first of these


def deleted_branches(at_most: int) -> list[DeletedBranch]:
    """Return what can be brought back, what was deleted last first."""
    rows = list(deleted_pages().values_list("pk", "key", "deletion", "content__fields__parent"))
    together = {(deletion, key) for _pk, key, deletion, _parent in rows}
    below: dict[tuple[str, int | None], list[int]] = {}
    for _pk, key, deletion, parent in rows:
        below.setdefault((deletion, parent), []).append(key)
    roots = [row for row in rows if (row[2], row[3]) not in together]
    at_once, tops = (Counter(deletion for _pk, _key, deletion, _parent in some if deletion) for some in (rows, roots))
    firsts = {deletion: pk for pk, _key, deletion, _parent in reversed(roots) if tops[deletion] > 1}
    shown = roots[:at_most]
    versions = Version.objects.select_related("author").in_bulk([pk for pk, *_rest in shown])
    return [
        DeletedBranch(
            versions[pk], _number(below, deletion, key), at_once[deletion] if firsts.get(deletion) == pk else 0
        )
        for pk, key, deletion, _parent in shown
    ]


def _number(below: Mapping[tuple[str, int | None], Sequence[int]], deletion: str, key: int) -> int:
    number, level = 0, [key]
    while level:
        number += len(level)
        level = [child for parent in level for child in below.get((deletion, parent), ())]
    return number


@transaction.atomic
def bring_back(version: Version, author: Any) -> list[Page]:
    """
    Make the page of `version` again, and all that was deleted with it and was below it, in their order.

    Returns the pages: at the top, if the page above is not there, and with another address, if theirs is taken
    meanwhile. Raises ValidationError if that cannot be.
    """
    return _bring_all_back([version], list(deleted_pages().filter(deletion=version.deletion)), author)


@transaction.atomic
def bring_all_back(version: Version, author: Any) -> list[Page]:
    """Bring back all that was deleted at once with the page of `version`, as bring_back() does."""
    together = list(deleted_pages().filter(deletion=version.deletion)) if version.deletion else [version]
    keys = {item.key for item in together}
    roots = [item for item in together if item.said["fields"]["parent"] not in keys]
    return _bring_all_back(sorted(roots, key=_position), together, author)


def _bring_all_back(roots: Sequence[Version], together: Iterable[Version], author: Any) -> list[Page]:
    """Make the pages of `roots` again, and then those `together` with them that were below, a level at a time."""
    below: dict[int | None, list[Version]] = {}
    for item in together:
        below.setdefault(item.said["fields"]["parent"], []).append(item)
    level = [_bring_back(root, author) for root in roots]
    pages = [*level]
    while level:
        versions = [item for page in level for item in sorted(below.get(page.pk, []), key=_position)]
        level = _bring_level_back(versions, {page.pk: page for page in level}, author)
        pages += level
    return pages


def _bring_level_back(versions: Sequence[Version], parents: Mapping[int, Page], author: Any) -> list[Page]:
    as_they_were: list[Version] = []
    others: list[Version] = []
    for version in versions:
        parent = parents[version.said["fields"]["parent"]]
        (as_they_were if _was_only_live(version, parent) else others).append(version)
    return branches.make_again(as_they_were, parents, author) + [_bring_back(version, author) for version in others]


def _was_only_live(version: Version, parent: Page) -> bool:
    """Whether nothing but what was live has to be written, to a place below `parent` that is possible."""
    said = version.said
    if version.event != Event.DELETED or not said["is_live"] or said["draft"] or is_provisional(parent):
        return False
    return len(f"{parent.path}{said['fields']['slug']}/") <= (Page._meta.get_field("path").max_length or 0)


def _position(version: Version) -> int:
    return int(version.said.get("position", 0))


def _bring_back(version: Version, author: Any) -> Page:
    content = deepcopy(version.said)
    line = Line(Page, version.key)
    planned, plan = line.planned, line.planned.said if line.planned else None
    if version.event == Event.DELETED:
        live = content if content["is_live"] else None
        draft = converted(content["draft"]) if content["draft"] else None
    else:
        published = line.versions.line().exclude(published_at=None).first()
        live, draft = published.said if published else None, content if version.is_draft else None
    if live:
        _give_way(version.key, live["fields"], [waiting["fields"] for waiting in (plan, draft) if waiting])
        line.publish(live, Sender(author, base=line.base), was_live=True)
    if planned and plan:
        _plan_again(planned, plan, author)
    if draft and not (plan and digest(plan) == digest(draft)):
        line = Line(Page, version.key)
        line.save_draft(draft, Sender(author, base=line.base))
    if "position" in content:
        Page.objects.filter(pk=version.key).update(position=content["position"])
    page: Page = Line(Page, version.key).row
    return page


def _plan_again(planned: Version, content: Content, author: Any) -> None:
    line = Line(Page, planned.key)
    sender = Sender(author, base=line.base, comment=planned.comment)
    version = line.save_draft(content, sender, publish_at=planned.publish_at)
    if planned.refusal:
        refuse(version, planned.refusal)
    elif planned.publish_at and planned.publish_at <= timezone.now():
        refuse(version, _("The page was deleted at that time."))


def _give_way(key: int, fields: dict[str, Any], waiting: Iterable[dict[str, Any]]) -> None:
    """Have a page that is brought back, and its drafts, be where it can be: no other page gives up its place."""
    # Below the home page, which the one above may have become, nothing can be.
    parent = Page.objects.exclude(path="/").filter(pk=fields["parent"]).first()
    page = Page(pk=key, title=fields["title"], slug=fields["slug"], parent=parent)
    page.derive(parent)
    others = Page.objects.filter(Q(path=page.path) | Q(address_key=page.address_key)).exclude(pk=key)
    slug = page.free_slug(parent) if others.exists() else page.slug
    former = fields["slug"], fields["parent"]
    for each in [fields, *waiting]:
        if (each.get("slug"), each.get("parent")) == former:
            each.update(slug=slug, parent=parent.pk if parent else None)
