"""What is done to several pages of the tree at once: each function is one transaction, and does all or nothing."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Length
from django.utils.translation import gettext as _

from .blocks import kinds
from .models import Page
from .texts import key_of, slugify

BETWEEN = 10  # from one position to the next, where nothing is in the way
ROOM = 5  # at least that, where pages have to give way, so that the next move finds some
LAST = 2**31 - 1  # of PositiveIntegerField
BATCH = 1000  # numbers in a query, of which SQLite takes 32,766


class Refused(Exception):
    """Nothing was changed; `reasons` has the sentences for each page that did not let it."""

    def __init__(self, reasons: list[tuple[Page, list[str]]]) -> None:
        super().__init__(reasons)
        self.reasons = reasons


class Step(NamedTuple):
    """Where a page is to be put: below `parent` (None: at the top), after `after` (None: first); all are keys."""

    page: int
    parent: int | None
    after: int | None


def page_before(page: Page) -> Page | None:
    """Return the page that `page` comes after, on the same level."""
    before: Page | None = _siblings_before(page).order_by("-position", "-pk").first()
    return before


def keys_below(keys: Iterable[int]) -> set[int]:
    """Return the keys of all pages below these, however deep."""
    found: set[int] = set()
    level = list(keys)
    while level:
        below: list[int] = []
        for start in range(0, len(level), BATCH):
            children = Page.objects.filter(parent__in=level[start : start + BATCH]).order_by()
            below += children.values_list("pk", flat=True)
        level = [key for key in below if key not in found]
        found.update(level)
    return found


def topmost(pages: Sequence[Page]) -> list[Page]:
    """Leave out what goes along with another of these pages, as it is below it."""
    below = keys_below(page.pk for page in pages)
    return [page for page in pages if page.pk not in below]


# Moving


@transaction.atomic
def move(pages: Sequence[Page], where: str, target: Page | None) -> list[Step]:
    """
    Put pages, in this order, "before" or "after" `target`, or "below" it, at the end; below None is at the top.

    Return what undoes it, or raise Refused.
    """
    moved = topmost(_locked(pages))
    keys = [page.pk for page in moved]
    if target and target.pk in keys and where != "below":
        raise Refused([(target, [_("A page cannot be moved beside itself.")])])
    parent = target if where == "below" else target and target.parent
    if where == "after" and target:
        after: int | None = target.pk
    else:
        others = Page.objects.filter(parent=parent).exclude(pk__in=keys)
        if where == "before" and target:
            others = _up_to(others, target).exclude(pk=target.pk)
        after = _last(others)
    steps = []
    for page in moved:
        steps.append(Step(page.pk, parent.pk if parent else None, after))
        after = page.pk
    return _take(steps)


@transaction.atomic
def go_back(steps: Sequence[Step]) -> list[Step]:
    """
    Take the steps that undo a move; return those that undo this, or raise Refused.

    If what the page stood after is gone, it comes to the end of its branch. Who is gone itself is left out.
    """
    return _take(steps)


def _take(steps: Sequence[Step]) -> list[Step]:
    back, reasons = [], []
    for step in steps:
        # Only now: the step before may have changed its position.
        page = Page.objects.select_for_update().filter(pk=step.page).first()
        if page is None:
            continue
        back.append(Step(page.pk, page.parent_id, _last(_siblings_before(page))))
        try:
            _put(page, step.parent, step.after)
        except ValidationError as refusal:
            reasons.append((page, refusal.messages))
    if reasons:
        raise Refused(reasons)
    return back[::-1]


def _put(page: Page, parent_key: int | None, after: int | None) -> None:
    page.parent = Page.objects.filter(pk=parent_key).first() if parent_key else None
    if parent_key and page.parent is None:
        raise ValidationError(_("The page above has been deleted."))
    page.clean()
    page.clean_address()
    siblings = Page.objects.filter(parent=page.parent).exclude(pk=page.pk)
    page.position = _make_room(siblings, after)
    page.save(update_fields=["parent", "slug", "position", "updated_at"])


def _make_room(siblings: "QuerySet[Page]", after: int | None) -> int:
    """
    Return a position between the page `after` and the next of `siblings`.

    If there is none, those nearby are moved apart: the fewer, the more room there is.
    """
    neighbour = siblings.filter(pk=after).first() if after else None
    if neighbour is None and after:
        neighbour = siblings.order_by("-position", "-pk").first()
    before = _up_to(siblings, neighbour).order_by("-position", "-pk") if neighbour else siblings.none()
    behind = (
        _behind(siblings, neighbour).order_by("position", "pk") if neighbour else siblings.order_by("position", "pk")
    )
    number = 0  # of pages that give way on either side
    while True:
        left, right = list(before[: number + 1]), list(behind[: number + 1])
        low = left[number].position if len(left) > number else 0
        high = right[number].position if len(right) > number else None
        moving = [*reversed(left[:number]), *right[:number]]
        room = (LAST - low) // (len(moving) + 1) if high is None else (high - low) // (len(moving) + 2)
        is_whole = len(left) <= number and len(right) <= number
        if room >= (ROOM if number and not is_whole else 1):
            break
        number = 2 * number or 1
    step = min(room, BETWEEN) if high is None else room
    places = [low + step * index for index in range(1, len(moving) + 2)]
    place = places.pop(len(left[:number]))
    for page, position in zip(moving, places, strict=True):
        page.position = position
    Page.objects.bulk_update(moving, ["position"], batch_size=100)
    return place


def _siblings_before(page: Page) -> "QuerySet[Page]":
    return _up_to(Page.objects.filter(parent=page.parent_id), page).exclude(pk=page.pk)


def _up_to(pages: "QuerySet[Page]", page: Page) -> "QuerySet[Page]":
    return pages.filter(position__lte=page.position).exclude(position=page.position, pk__gt=page.pk)


def _behind(pages: "QuerySet[Page]", page: Page) -> "QuerySet[Page]":
    return pages.filter(position__gte=page.position).exclude(position=page.position, pk__lte=page.pk)


def _last(pages: "QuerySet[Page]") -> int | None:
    return pages.order_by("-position", "-pk").values_list("pk", flat=True).first()


def _locked(pages: Iterable[Page]) -> list[Page]:
    """Read pages again, in the same order, so that nobody changes them meanwhile; who is gone is left out."""
    keys = [page.pk for page in pages]
    found = {page.pk: page for page in Page.objects.select_for_update().filter(pk__in=keys)}
    return [found[key] for key in keys if key in found]


# Publishing and hiding


@transaction.atomic
def set_published(keys: Collection[int], is_published: bool) -> list[Page]:
    """Publish or hide pages, each by itself; return those that were not so before."""
    pages = Page.objects.select_for_update().filter(pk__in=keys).exclude(is_published=is_published)
    # From the top: whether a page can be seen follows from those above it.
    changed = list(pages.order_by(Length("path")))
    for page in changed:
        page.is_published = is_published
        page.save(update_fields=["is_published", "updated_at"])
    return changed


# Copying


@transaction.atomic
def copy(pages: Sequence[Page], with_below: bool) -> list[Page]:
    """
    Copy pages, each to the place after it, hidden and at an address that is free; return the copies.

    Blocks are copied with them; the files that they show are those of the originals. Raise Refused.
    """
    copies, reasons = [], []
    for page in topmost(_locked(pages)):
        try:
            copies.append(_copy_one(page, with_below))
        except ValidationError as refusal:
            reasons.append((page, refusal.messages))
    if reasons:
        raise Refused(reasons)
    return copies


def _copy_one(page: Page, with_below: bool) -> Page:
    title = Page._meta.get_field("title")
    end = _(" (copy)")
    copied = _unsaved(page)
    _choose_address(copied)
    copied.title = page.title[: (title.max_length or 0) - len(end)] + end
    copied.position = _make_room(Page.objects.filter(parent=page.parent_id), page.pk)
    below = _levels_below(page) if with_below else []
    _check_lengths(page, copied, below)
    copied.save()
    _copy_blocks({page.pk: copied})
    parents = {page.pk: copied}
    for level in below:
        copies = {}
        for each in level:
            copies[each.pk] = one = _unsaved(each)
            one.parent = parents[each.parent_id]
            one.save()
        _copy_blocks(copies)
        parents = copies
    return copied


def _unsaved(page: Page) -> Page:
    """Return a hidden page like this; when the original was to appear or to disappear says nothing of it."""
    copied: Page = Page.objects.get(pk=page.pk)
    copied.pk = None
    copied._state.adding = True
    copied.is_published, copied.publish_from, copied.publish_until = False, None, None
    return copied


def _choose_address(page: Page) -> None:
    """Give `page` an address that is free, or raise ValidationError with what is wrong with the last that was tried."""
    length = Page._meta.get_field("slug").max_length
    base = page.slug or slugify(page.title, length) or "page"
    number = 1
    while True:
        end = "-copy" if number == 1 else f"-copy-{number}"
        page.slug = base[: length - len(end)] + end
        number += 1
        path = page._make_path(page.parent)
        if not Page.objects.filter(Q(path=path) | Q(address_key=key_of(path))).exists():
            page.clean_address()
            return


def _levels_below(page: Page) -> list[list[Page]]:
    levels: list[list[Page]] = []
    level = [page]
    while level:
        keys = [each.pk for each in level]
        level = []
        for start in range(0, len(keys), BATCH):
            level += Page.objects.filter(parent__in=keys[start : start + BATCH]).order_by("position", "pk")
        if level:
            levels.append(level)
    return levels


def _check_lengths(page: Page, copied: Page, below: list[list[Page]]) -> None:
    longer = len(copied._make_path(copied.parent)) - len(page.path)
    longest = max((len(each.path) for level in below for each in level), default=0)
    if longest + longer > (Page._meta.get_field("path").max_length or 0):
        raise ValidationError(_("The whole address of a page below it would be too long."))


def _copy_blocks(copies: dict[int, Page]) -> None:
    """Copy the blocks of the pages with these keys to the copies."""
    keys = list(copies)
    for kind in kinds():
        for start in range(0, len(keys), BATCH):
            for block in kind._base_manager.filter(parent__in=keys[start : start + BATCH]).order_by("pk"):
                block.parent = copies[block.parent_id]
                block.pk = None
                block._state.adding = True
                block.save()
