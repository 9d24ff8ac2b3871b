"""What is done to several pages of the tree at once: each function is one transaction, and does all or nothing."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from .models import Page

BETWEEN = 10  # from one position to the next, where nothing is in the way
ROOM = 5  # at least that, where pages have to give way, so that the next move finds some
LAST = 2**31 - 1  # of PositiveIntegerField
BATCH = 1000  # numbers in a query, of which SQLite takes 32,766


class Refused(Exception):
    """Nothing was changed; `reasons` has the sentences for each page that did not let it."""

    def __init__(self, reasons: list[tuple[Page, list[str]]]) -> None:
        super().__init__(" ".join(sentence for _page, sentences in reasons for sentence in sentences))
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


def number_before(page: Page) -> int:
    """Return how many pages come before `page`, on the same level."""
    return int(_siblings_before(page).count())


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
