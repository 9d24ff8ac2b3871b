"""Old addresses: where the page is that was at an address, or what the owner has put in its place."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote_to_bytes

from django.apps import apps
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.encoding import repercent_broken_unicode
from django.utils.translation import gettext_lazy as _

from .texts import key_of

if TYPE_CHECKING:
    from .models import Page

BATCH = 500  # rows in a statement


def decoded(text: str | bytes) -> str:
    """Return a part of an address as Django hands it to views: without %, but where that would be no UTF-8."""
    return repercent_broken_unicode(unquote_to_bytes(text)).decode()


def key_of_address(path: str, query: str | bytes = "") -> str:
    """Return by what an old address is found: in any case, however it is encoded, with the final slash or without."""
    slash = "" if path.endswith("/") else "/"
    return key_of(f"{path}{slash}?{decoded(query)}" if query else f"{path}{slash}")


def key_of_text(address: str) -> str:
    """Return the key of an address with all that follows it, decoded."""
    path, _question_mark, query = address.partition("?")
    return key_of_address(path, query)


class RedirectQuerySet(models.QuerySet["Redirect"]):
    def left(self) -> Self:
        """Those that lead away, not those of pages that are still there."""
        return self.exclude(page__path=F("path"))

    def gone(self) -> Self:
        return self.filter(page__path=None, address="")

    def at(self, path: str, query: bytes) -> "Redirect | None":
        """Return what is known of `path` with `query`, or else of `path` alone."""
        keys = [key_of_address(path, query), key_of_address(path)]
        found = {row.address_key: row for row in self.filter(address_key__in=keys).select_related("page")}
        return found.get(keys[0]) or found.get(keys[1])


class Redirect(models.Model):
    """
    The page that was at `path` last, where everybody could see it; or what the owner has put in its place.

    A page has its row as soon as it is public, and whoever asks for `path` is led to where the page is now, so that
    nothing has to be written when it goes: if there is no such page, it is gone. No constraint in the database, and so
    a page that is brought back has its old addresses again, and the release before, which does not know this table, can
    delete pages. Looked up only where no page is, so that no page is ever hidden; and it leads to a page or away
    from this site, never to another old address, so that there are no loops.
    """

    path = models.CharField(_("old address"), max_length=600, db_index=True)
    address_key = models.CharField(max_length=64, unique=True, editable=False)
    page = models.ForeignKey(
        "pages.Page",
        verbose_name=_("page"),
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )
    address = models.CharField(_("other address"), max_length=2000, blank=True)
    imported_at = models.DateTimeField(_("imported"), null=True, blank=True, editable=False, db_index=True)

    objects = RedirectQuerySet.as_manager()

    class Meta:
        verbose_name = _("old address")
        verbose_name_plural = _("old addresses")
        ordering = ["path"]

    def __str__(self) -> str:
        return str(self.path)

    @property
    def is_gone(self) -> bool:
        return self.page is None and not self.address

    @classmethod
    def remember(cls, pages: "Iterable[Page]") -> None:
        """
        Have the addresses of `pages` lead to them from now on, wherever they go, and nowhere else.

        Those of pages that nobody could see yet lead nowhere. What is at `/` is the home page's to say.
        """
        public = [page for page in pages if page.is_public and page.path != "/"]
        cls.put(Redirect(path=page.path, address_key=page.address_key, page_id=page.pk) for page in public)

    @classmethod
    def put(cls, redirects: "Iterable[Redirect]") -> None:
        """Write rows, in the place of those that have the same addresses."""
        rows = {row.address_key: row for row in redirects}
        # In the same order everywhere, so that nobody waits crosswise on PostgreSQL
        Redirect.objects.bulk_create(
            [rows[key] for key in sorted(rows)],
            BATCH,
            update_conflicts=True,
            unique_fields=["address_key"],
            update_fields=["path", "page", "address", "imported_at"],
        )

    @classmethod
    def add_missing(cls) -> None:
        """Remember the addresses of public pages that another release saved."""
        pages = apps.get_model("pages", "Page").objects.published()
        known = cls.objects.filter(address_key=OuterRef("address_key"))
        missing = pages.filter(~Exists(known), ~Q(address_key=""), ~Q(path="/")).order_by()
        while found := list(missing[:BATCH]):
            cls.remember(found)
