"""What is around every page: the name of the site and its menus."""

from dataclasses import dataclass, field
from typing import Any

from django import template
from django.db import DatabaseError
from django.db.models import Q
from django.utils import translation

from myweb.pages.links import keys_in, shown
from myweb.pages.models import LANGUAGE_NAMES, Page, SiteSettings

register = template.Library()


@dataclass
class Frame:
    site: SiteSettings
    main_menu: list[Page] = field(default_factory=list)
    footer_menu: list[Page] = field(default_factory=list)
    # The first page of each other language's menu leads there.
    languages: list[tuple[str, str, Page]] = field(default_factory=list)
    # The pages below the one that is shown
    subpages: list[Page] = field(default_factory=list)


@register.simple_tag(takes_context=True)
def own_language(context: Any) -> str:
    """Return the language of the browser; nothing that is published may depend on it."""
    return translation.get_language_from_request(context["request"])


@register.simple_tag(takes_context=True)
def frame(context: Any) -> Frame:
    """Return what is around `page`, or around whatever else is shown; two queries."""
    page = context.get("page")
    language = translation.get_language() or ""
    if isinstance(page, Page):
        return make_frame(language, page)
    try:
        return make_frame(language, None)
    except DatabaseError:
        # A form that comes back because the database does not answer has to show what was typed.
        return Frame(SiteSettings.unsaved())


def make_frame(language: str, page: Page | None) -> Frame:
    # Said twice, that a menu is not empty lets SQLite use the index of the pages in menus; and an order, another one.
    site = SiteSettings.load()
    wanted = Q(menu__in=[Page.Menu.MAIN, Page.Menu.FOOTER]) & ~Q(menu="")
    if page:
        wanted |= Q(parent=page)
    if linked := keys_in(site.footer_text):
        wanted |= Q(pk__in=linked)
    listed = list(Page.objects.published().filter(wanted).order_by())
    site.footer_text = shown(site.footer_text, {item.pk: item.path for item in listed})  # type: ignore[assignment]
    if page:
        # As it is given: a preview's own title and menu
        listed = [item for item in listed if item.pk != page.pk] + ([page] if page.menu else [])
    # Positions count among siblings only.
    pages = sorted(listed, key=lambda item: (item.path.count("/"), item.position))
    main = [item for item in pages if item.menu == Page.Menu.MAIN]
    others = {item.language_code: item for item in reversed(main) if item.language_code != language}
    return Frame(
        site=site,
        main_menu=[item for item in main if item.language_code == language],
        footer_menu=[item for item in pages if item.menu == Page.Menu.FOOTER and item.language_code == language],
        languages=[(code, name, others[code]) for code, name in LANGUAGE_NAMES.items() if code in others],
        subpages=[item for item in pages if page and item.parent_id == page.pk],
    )
