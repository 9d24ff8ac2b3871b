"""Takes the demonstration away again, but for what the owner has made of it."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from myweb.desk.content import live_content
from myweb.desk.line import Line, Sender
from myweb.desk.models import Version
from myweb.pages.models import Page, SiteSettings
from myweb.pages.redirects import Redirect

from . import SITE, entries


def pages() -> list[Page]:
    """Return the pages that are where the demonstration has put some."""
    return list(Page.objects.filter(path__in=_titles()).order_by("path"))


def untouched(among: Sequence[Page]) -> list[Page]:
    """Return those that nobody has changed, and that have no other pages below them."""
    titles, by_key = _titles(), {page.pk: page for page in among}
    changed = Version.objects.filter(model=Page._meta.label_lower, key__in=by_key, author__isnull=False)
    others = Page.objects.filter(parent__in=by_key).exclude(pk__in=by_key).order_by()
    staying = {*changed.values_list("key", flat=True), *others.values_list("parent", flat=True)}
    staying |= {page.pk for page in among if page.title != titles[page.path]}
    for key in list(staying):
        while key in by_key:
            staying.add(key)
            key = by_key[key].parent_id
    return [page for page in among if page.pk not in staying]


@transaction.atomic
def remove(chosen: Sequence[Page], author: Any) -> None:
    """
    Delete pages, which can be brought back at once, and leave no old addresses of them.

    What the site's settings still have of the demonstration goes as well.
    """
    keys = [page.pk for page in chosen]
    rows = Page.objects.filter(pk__in=keys)
    rows.deleted_by = author
    rows.delete()
    Redirect.objects.filter(page_id__in=keys).delete()
    site = SiteSettings.objects.first()
    if site:
        _clear(site, author)


def _clear(site: SiteSettings, author: Any) -> None:
    ours, blank = SiteSettings(**SITE), SiteSettings.unsaved()
    ours.full_clean()  # as it was saved
    cleared = {name: getattr(blank, name) for name in SITE if getattr(site, name) == getattr(ours, name)}
    if cleared:
        line = Line(SiteSettings, site.pk)
        content = live_content(site)
        content["fields"] |= cleared
        line.publish(content, Sender(author, base=line.base, comment=_("the demonstration was removed")))


@cache
def _titles() -> dict[str, str]:
    return {entry["path"]: entry["title"] for entry in entries()}
