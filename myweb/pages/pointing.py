"""
What points where: the links of all texts, those to a page before it goes, and those that lead nowhere.

All of it is searched in the texts themselves. A table of links was thought of and measured against: among 10,000 pages
with three links each, the links to one page are found in 8 ms on SQLite and 21 ms on PostgreSQL, all links in 21 and
61 ms; and a table would be wrong after everything that writes texts without it, a release before or a restore.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from operator import attrgetter
from typing import Any, NamedTuple
from urllib.parse import unquote

from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from myweb.editor import PAGE_ATTRIBUTE

from . import links
from .blocks import REGION, kinds
from .links import Found, Link, Target, links_in, own_address, refer, rewritten, rich_texts
from .models import Page, SiteSettings
from .redirects import Redirect
from .texts import same

AT_ONCE = 5000  # texts read in one query
RETARGETED_AT_ONCE = 1500  # pages and settings; each takes up to 8 ms, and SQLite lets nobody else save meanwhile
REFERRED_AT_ONCE = 100  # texts written in one transaction


def linked_models() -> list[type[models.Model]]:
    """Return all models with formatted texts: those of blocks, and the site's settings."""
    every: list[type[models.Model]] = [*kinds(), SiteSettings]
    return [model for model in every if rich_texts(model)]


class StoredText(NamedTuple):
    """A formatted text; that of a block belongs to the page with the key `page`."""

    model: type[models.Model]
    pk: int
    field: str
    page: int | None
    html: str


def texts_with(words: str) -> Iterator[StoredText]:
    """Yield the texts that contain `words`; no cursor is open meanwhile."""
    for model in linked_models():
        owner = "parent_id" if hasattr(model, "parent_id") else None
        for field in rich_texts(model):
            rows = model._base_manager.filter(**{f"{field.attname}__contains": words}).order_by("pk")
            columns = ["pk", field.attname, *([owner] if owner else [])]
            last = 0
            while batch := list(rows.filter(pk__gt=last).values_list(*columns)[:AT_ONCE]):
                for pk, html, *page in batch:
                    yield StoredText(model, pk, field.attname, page[0] if page else None, html)
                last = batch[-1][0]


# To a page


class Branch(NamedTuple):
    """A page with all that is below it, which is hidden and deleted with it."""

    keys: frozenset[int]
    pages: Q

    @classmethod
    def of(cls, pages: Iterable[Page]) -> "Branch":
        wanted = Q(pk__in=[])
        for page in pages:
            # No page is below the home page, although all paths begin with its.
            wanted |= Q(pk=page.pk) if page.path == "/" else Q(path__startswith=page.path)
        return cls(frozenset(Page.objects.filter(wanted).order_by().values_list("pk", flat=True)), wanted)


class Pointer(NamedTuple):
    """What points to a page, where it is changed, and the words of its links."""

    name: str
    url: str
    words: list[str]


def pointing_to(branch: Branch, *, with_menus: bool = True) -> list[Pointer]:
    """Return the pages, the settings and the menus that point to a page of `branch`, except those of its own."""
    return [*_texts_pointing_to(branch), *(_menus_pointing_to(branch) if with_menus else [])]


def _texts_pointing_to(branch: Branch) -> list[Pointer]:
    in_pages: dict[int, list[str]] = {}
    in_settings: dict[int, list[str]] = {}
    for text in _texts_linked_to(branch.keys):
        words = [link.label for link in links_in(text.html) if link.key in branch.keys]
        if text.page is None:
            in_settings.setdefault(text.pk, []).extend(words)
        elif text.page not in branch.keys:
            in_pages.setdefault(text.page, []).extend(words)
    pages = Page.objects.filter(pk__in=in_pages).order_by("path")
    return [
        *(Pointer(str(page), _change_url(page), in_pages[page.pk]) for page in pages),
        *(
            Pointer(str(_("site settings")), reverse("admin:pages_sitesettings_change", args=[pk]), words)
            for pk, words in in_settings.items()
        ),
    ]


def _texts_linked_to(keys: Collection[int]) -> Iterator[StoredText]:
    """Yield the texts with a link to one of the pages; the quotes keep 42 from being found in 421."""
    if len(keys) == 1:
        [key] = keys
        yield from texts_with(f'{PAGE_ATTRIBUTE}="{key}"')
    else:
        for text in texts_with(f'{PAGE_ATTRIBUTE}="'):
            if not links.keys_in(text.html).isdisjoint(keys):
                yield text


def _menus_pointing_to(branch: Branch) -> list[Pointer]:
    pages = Page.objects.published().filter(branch.pages).exclude(menu=Page.Menu.NONE).order_by("path")
    return [Pointer(str(page.get_menu_display()), _change_url(page), [str(page)]) for page in pages]


def _change_url(page: Page) -> str:
    return reverse("admin:pages_page_change", args=[page.pk])


def retarget(
    branch: Branch,
    target: Page,
    allowed: Collection[type[models.Model]],
    before: Callable[[type[models.Model], int], None] = lambda model, key: None,
) -> list[tuple[type[models.Model], int]]:
    """
    Have the links from elsewhere to a page of `branch` lead to `target`, in one transaction.

    Only texts of the models that are `allowed` change, of at most RETARGETED_AT_ONCE pages and settings. Returns these;
    each is handed to `before` first.
    """

    def change(link: Link) -> Link:
        return link.to(target.path, target.pk) if link.key in branch.keys else link

    changed: dict[tuple[type[models.Model], int], bool] = {}
    with transaction.atomic():
        for text in list(_texts_linked_to(branch.keys)):
            if len(changed) == RETARGETED_AT_ONCE:
                break
            if text.model in allowed and text.page not in branch.keys:
                owner = (text.model, text.pk) if text.page is None else (Page, text.page)
                if owner not in changed:
                    before(*owner)
                row = text.model._base_manager.select_for_update().filter(pk=text.pk).first()
                if row:
                    setattr(row, text.field, rewritten(getattr(row, text.field), change))
                    row.save(update_fields=[text.field])
                    changed[owner] = True
    return list(changed)


# To nowhere


class DeadLink(NamedTuple):
    """A link of a public page, or of the site's foot, that leads to nothing; and where that is changed."""

    name: str
    url: str
    words: str
    reason: str


GONE = _("the page is gone")
NO_PAGE = _("there is no page at this address")
HIDDEN = _("visitors see only the words, because the page is not public")
NO_HEADING = _("the page has no such heading")


class _Place(NamedTuple):
    path: str
    is_public: bool


class _Search:
    """Looks where links lead; reads the addresses of all pages once, and the headings of those that some lead to."""

    def __init__(self) -> None:
        rows = Page.objects.order_by().values_list("pk", "path", "is_public")
        self.places = {pk: _Place(path, is_public) for pk, path, is_public in rows}
        self.by_path = {same(place.path): pk for pk, place in self.places.items()}
        self.answered: dict[str, bool] = {}

    def is_shown(self, text: StoredText) -> bool:
        return text.page is None or (text.page in self.places and self.places[text.page].is_public)

    def target(self, link: Link, text: StoredText) -> tuple[int | None, str, str]:
        """Return the page that a link leads to, the heading there, and what is wrong already."""
        if link.href.startswith("#"):
            return text.page, link.href[1:], ""
        heading = link.href.partition("#")[2]
        if (key := link.key) is not None:
            reason = GONE if key not in self.places else "" if self.places[key].is_public else HIDDEN
            return key, heading, str(reason)
        own = own_address(link.href, self.places[text.page].path if text.page is not None else "/")
        if own is None:
            return None, "", ""
        key = self.by_path.get(same(own.page_path))
        if key is not None and self.places[key].is_public:
            return key, heading, ""
        if own.path not in self.answered:
            self.answered[own.path] = own.answered() is not None or self._is_led_on(own.path)
        return None, "", "" if self.answered[own.path] else str(NO_PAGE)

    def _is_led_on(self, path: str) -> bool:
        """Whether an old address leads to somewhere that is there."""
        redirect = Redirect.objects.at(path, b"")
        return redirect is not None and bool(redirect.address or (redirect.page and redirect.page.is_public))


def dead_links() -> list[DeadLink]:
    """Return the links that lead nowhere, in the order of pages; what is not public has none yet."""
    search = _Search()
    found: list[tuple[StoredText, Link, str]] = []
    to_headings: list[tuple[StoredText, Link, int, str]] = []
    for text in texts_with("<a "):
        if search.is_shown(text):
            for link in links_in(text.html):
                key, heading, reason = search.target(link, text)
                if reason:
                    found.append((text, link, reason))
                elif key is not None and heading:
                    to_headings.append((text, link, key, heading))
    ids = _ids_of({key for _text, _link, key, _heading in to_headings})
    found += [
        (text, link, str(NO_HEADING))
        for text, link, key, heading in to_headings
        if heading not in ids[key] and unquote(heading) not in ids[key]
    ]
    pages = {page.pk: page for page in Page.objects.filter(pk__in={text.page for text, *_rest in found})}
    dead = [
        (pages[text.page].path if text.page in pages else "", _dead_link(text, link, reason, pages))
        for text, link, reason in found
    ]
    return [link for _path, link in sorted(dead)]


def _dead_link(text: StoredText, link: Link, reason: str, pages: dict[int, Page]) -> DeadLink:
    if text.page is None:
        url = reverse("admin:pages_sitesettings_change", args=[text.pk])
        return DeadLink(str(_("site settings")), url, link.label, reason)
    return DeadLink(str(pages[text.page]), _change_url(pages[text.page]), link.label, reason)


def _ids_of(keys: Collection[int]) -> dict[int, set[str]]:
    """Return the ids of the headings of those pages."""
    blocks: dict[int, list[Any]] = {key: [] for key in keys}
    for kind in kinds():
        if rich_texts(kind):
            for block in kind._base_manager.filter(parent__in=keys, region=REGION):
                blocks[block.parent_id].append(block)
    return {
        key: {
            *links.TAKEN_IDS,
            *(name for name, _words in links.headings(sorted(of, key=attrgetter("ordering", "pk")))),
        }
        for key, of in blocks.items()
    }


# What was stored without keys


def refer_all() -> int:
    """
    Put keys into all links to pages that have none, as an older release or another hand stored them.

    Returns the number of texts; nothing else in them changes.
    """
    targets = [Target(*row) for row in Page.objects.order_by("path").values_list("pk", "path")]
    found = Found.of(targets)
    number = 0
    batch: list[tuple[StoredText, str]] = []
    for text in texts_with('href="'):
        base = found.by_key[text.page].path if text.page in found.by_key else "/"
        html = refer(text.html, found, base)
        if html != text.html:
            batch.append((text, html))
        if len(batch) == REFERRED_AT_ONCE:
            number += _store(batch)
            batch = []
    return number + _store(batch)


def _store(batch: list[tuple[StoredText, str]]) -> int:
    """Write the texts that are still what they were: the owner may have saved others meanwhile."""
    number = 0
    # In one transaction, after which pages are made anew once.
    with transaction.atomic():
        for text, html in batch:
            rows = text.model._base_manager.filter(pk=text.pk, **{text.field: text.html})
            number += rows.update(**{text.field: html})
    return number
