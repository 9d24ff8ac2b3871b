"""Takes the demonstration away again, but for what the owner has made of it."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from myweb.desk import deletion
from myweb.desk.content import Content, content_of, digest
from myweb.desk.line import Line, Sender
from myweb.desk.models import Version
from myweb.pages.blocks import blocks_of_all
from myweb.pages.models import Page, SiteSettings
from myweb.pages.redirects import Redirect

from . import SITE, entries


def pages() -> list[Page]:
    """Return the pages that are where the demonstration has put some."""
    return list(Page.objects.filter(path__in=_titles()).order_by("path"))


def untouched(among: Sequence[Page]) -> list[Page]:
    """Return those that nobody has changed, and that have no other pages below them."""
    titles, by_key = _titles(), {page.pk: page for page in among}
    others = Page.objects.filter(parent__in=by_key).exclude(pk__in=by_key).order_by()
    staying = {*_changed(among), *others.values_list("parent", flat=True)}
    staying |= {page.pk for page in among if page.title != titles[page.path]}
    for key in list(staying):
        while key in by_key:
            staying.add(key)
            key = by_key[key].parent_id
    return [page for page in among if page.pk not in staying]


def _changed(among: Sequence[Page]) -> set[int]:
    """Return the keys of those that are not what they were when they were loaded, or of which more is known."""
    blocks = blocks_of_all(among)
    said = {page.pk: {digest(content_of(page, blocks[page.pk]))} for page in among}
    versions = Version.objects.filter(model=Page._meta.label_lower, key__in=said)
    # Their first version is what nobody had changed yet.
    loaded = set(versions.filter(number=1, event=Version.Event.ELSEWHERE).values_list("key", flat=True))
    known = set()
    for key, known_digest in versions.values_list("key", "digest"):
        said[key].add(known_digest)
        known.add(key)
    return {key for key, digests in said.items() if len(digests) > 1} | (known - loaded)


@transaction.atomic
def remove(chosen: Sequence[Page], author: Any) -> None:
    """
    Delete pages, which can be brought back at once, and leave no old addresses of them but what the owner has added.

    What the site's settings and their drafts still have of the demonstration goes as well. Raises Conflict.
    """
    keys = [page.pk for page in chosen]
    deletion.delete(keys, author)
    Redirect.objects.filter(page_id__in=keys, path__in=_titles()).delete()
    site = SiteSettings.objects.first()
    if site:
        line = Line(SiteSettings, site.pk)
        line.change(_cleared, Sender(author, base=line.base, comment=_("the demonstration was removed")))


def _cleared(content: Content) -> Content:
    ours, blank = SiteSettings(**SITE), SiteSettings.unsaved()
    ours.full_clean()  # as it was saved
    fields = {
        name: getattr(blank, name) if name in SITE and value == getattr(ours, name) else value
        for name, value in content["fields"].items()
    }
    return {**content, "fields": fields}


@cache
def _titles() -> dict[str, str]:
    return {entry["path"]: entry["title"] for entry in entries()}
