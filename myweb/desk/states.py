"""How a page stands, in words, wherever it is listed."""

from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat, Now
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from myweb.pages.models import Page

from .line import is_provisional, provisional_slug
from .models import Version

NAMES = {
    "live": gettext_lazy("live"),
    "draft": gettext_lazy("draft"),
    "changes": gettext_lazy("changes waiting"),
    "planned": gettext_lazy("planned"),
    "hidden": gettext_lazy("hidden"),
}


class State(NamedTuple):
    name: str
    words: str


def states_of(pages: Iterable[Page]) -> dict[int, State]:
    """Return the state of each page by its key; two queries, however many pages there are."""
    by_key = {page.pk: page for page in pages}
    drafts = {version.key: version for version in _drafts().filter(key__in=by_key)}
    planned = {version.key: version for version in _planned().filter(key__in=by_key)}
    return {key: _state_of(page, drafts.get(key), planned.get(key)) for key, page in by_key.items()}


def in_state(pages: "QuerySet[Page]", name: str) -> "QuerySet[Page]":
    """Return those of `pages` that are in one of the states NAMES."""
    has_draft, has_plan = (Exists(versions.filter(key=OuterRef("pk"))) for versions in (_drafts(), _planned()))
    appears = Q(is_public=False, is_published=True, publish_from__gt=Now())
    never = Q(is_published=False, slug=Concat(Value(provisional_slug("")), Cast("pk", CharField())))
    match name:
        case "live":
            return pages.filter(~has_draft, ~has_plan, is_public=True)
        case "changes":
            return pages.filter(has_draft, ~has_plan).exclude(never)
        case "draft":
            return pages.filter(never, has_draft, ~has_plan)
        case "planned":
            return pages.filter(Q(has_plan) | appears)
        case _:
            return pages.filter(~has_draft, ~has_plan, is_public=False).exclude(appears)


def _drafts() -> "QuerySet[Version]":
    versions = Version.objects.filter(model=Page._meta.label_lower)
    newer = versions.filter(key=OuterRef("key"), number__gt=OuterRef("number"))
    kinds = [Version.Event.DRAFT, Version.Event.AUTOSAVE]
    return versions.filter(~Exists(newer), number__isnull=False, event__in=kinds).order_by()


def _planned() -> "QuerySet[Version]":
    return Version.objects.filter(
        model=Page._meta.label_lower, number__isnull=False, publish_at__isnull=False, refusal=""
    ).order_by()


def _state_of(page: Page, draft: Version | None, planned: Version | None) -> State:
    if planned and planned.publish_at:
        return State("planned", _("planned for %s") % _said(planned.publish_at))
    if draft and is_provisional(page):
        return State("draft", _("draft"))
    if draft:
        return State("changes", _("changes waiting") if page.is_public else _("hidden, changes waiting"))
    if page.is_public:
        return State("live", _("live"))
    if page.is_published and page.publish_from and page.publish_from > timezone.now():
        return State("planned", _("planned for %s") % _said(page.publish_from))
    return State("hidden", _("hidden since %s") % date_format(localtime(page.updated_at), "SHORT_DATE_FORMAT"))


def _said(moment: object) -> str:
    return date_format(localtime(moment), "SHORT_DATETIME_FORMAT")  # type: ignore[arg-type]
