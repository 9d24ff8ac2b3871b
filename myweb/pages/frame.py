"""What is around every page: the name of the site and its menus."""

from dataclasses import dataclass, field
from typing import NamedTuple, Self

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Q
from django.utils import translation

from myweb.publishing.memory import until_written

from .links import keys_in, shown
from .models import LANGUAGE_NAMES, Page, SiteSettings


class Around(NamedTuple):
    """What pages have around them, in all languages."""

    site: SiteSettings
    pages: list[Page]  # in menus, and the home page

    def home_page(self) -> Page | None:
        """Return what is shown at the site's own address: without a home page, the first page of the menu."""
        found = sorted(
            (page for page in self.pages if page.path == "/" or page.menu == Page.Menu.MAIN),
            key=lambda page: (page.path != "/", page.language_code != settings.LANGUAGE_CODE),
        )
        others = Page.objects.published().filter(parent=None).order_by("position", "pk")
        first: Page | None = found[0] if found else others.first()
        return first

    def with_preview(self, preview: Page) -> "Around":
        """Return this with a page as it is given, which need not be saved."""
        return self._replace(pages=_in_order([*(page for page in self.pages if page.pk != preview.pk), preview]))


@until_written
def around() -> Around:
    """Read it, in two queries."""
    site = SiteSettings.load()
    # Said twice, that a menu is not empty lets SQLite use the index of the pages in menus; and an order, another one.
    wanted = (Q(menu__in=[Page.Menu.MAIN, Page.Menu.FOOTER]) & ~Q(menu="")) | Q(path="/")
    if linked := keys_in(site.footer_text):
        wanted |= Q(pk__in=linked)
    pages = list(Page.objects.published().filter(wanted).order_by())
    site.footer_text = shown(site.footer_text, {page.pk: page.path for page in pages})  # type: ignore[assignment]
    return Around(site, _in_order(pages))


def _in_order(pages: list[Page]) -> list[Page]:
    # Positions count among siblings only.
    return sorted(pages, key=lambda page: (page.path.count("/"), page.position, page.pk))


@dataclass
class Frame:
    """What is around a page of one language."""

    site: SiteSettings
    main_menu: list[Page] = field(default_factory=list)
    footer_menu: list[Page] = field(default_factory=list)
    # The first page of each other language's menu leads there.
    languages: list[tuple[str, str, Page]] = field(default_factory=list)

    @classmethod
    def make(cls, around: Around, language: str) -> Self:
        main = [page for page in around.pages if page.menu == Page.Menu.MAIN]
        footer = [page for page in around.pages if page.menu == Page.Menu.FOOTER]
        others = {page.language_code: page for page in reversed(main) if page.language_code != language}
        return cls(
            site=around.site,
            main_menu=[page for page in main if page.language_code == language],
            footer_menu=[page for page in footer if page.language_code == language],
            languages=[(code, name, others[code]) for code, name in LANGUAGE_NAMES.items() if code in others],
        )

    @classmethod
    def load(cls) -> Self:
        """Return what is around whatever is shown in the language that is active."""
        try:
            return cls.make(around(), translation.get_language() or "")
        except DatabaseError:
            # A form that comes back because the database does not answer has to show what was typed.
            return cls(SiteSettings.unsaved())

    @property
    def home_url(self) -> str:
        """Where the name of the site leads: to what is first in the menu of this language."""
        return self.main_menu[0].get_absolute_url() if self.main_menu else "/"
