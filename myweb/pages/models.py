"""The tree of pages, and what the owner says about the site as a whole. What a page is made of is in blocks."""

from collections.abc import Collection
from itertools import count
from typing import Any, Self

from content_editor.models import Region
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Max, Q
from django.db.models.functions import Length, Now
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.encoding import iri_to_uri
from django.utils.translation import gettext_lazy as _
from tree_queries.fields import TreeNodeForeignKey
from tree_queries.models import OrderableTreeNode
from tree_queries.query import TreeQuerySet

from myweb.formatted_text.fields import FormattedTextField

from .fields import AddressField
from .links import LinkedTexts
from .redirects import Redirect
from .texts import key_of, same, slugify, validate_visible

# In the words of those who read them, whatever the language of the admin
LANGUAGE_NAMES = {"en": "English", "zh-hans": "简体中文"}


class PageQuerySet(TreeQuerySet):  # type: ignore[misc]
    def published(self) -> Self:
        """Pages that everybody may read."""
        pages: Self = self.filter(is_public=True)
        return pages

    def scheduled(self) -> Self:
        """Pages with a time to appear or to disappear."""
        # Without an order, SQLite uses the index of the scheduled pages.
        pages: Self = self.filter(Q(publish_from__isnull=False) | Q(publish_until__isnull=False)).order_by()
        return pages

    def due(self) -> Self:
        """
        Pages whose time to appear or to disappear has come, by the database's clock, which all nodes share.

        A page below one that is not public waits for that one.
        """
        has_begun = Q(publish_from=None) | Q(publish_from__lte=Now())
        has_ended = Q(publish_until__lte=Now())
        appears = Q(is_public=False, is_published=True) & (Q(parent=None) | Q(parent__is_public=True))
        disappears = Q(is_public=True) & (~has_begun | has_ended)
        pages: Self = self.scheduled().filter((appears & has_begun & ~has_ended) | disappears)
        return pages

    def like(self, path: str) -> Self:
        """Pages whose address is `path`, or differs from it only in case or in how its accents are written."""
        pages: Self = self.filter(address_key=key_of(path)).order_by("path")
        return pages

    def on_the_way_to(self, path: str) -> Self:
        """The page at `path` and those above it."""
        pages: Self = self.filter(path__in=way_to(path)).order_by(Length("path"))
        return pages


def way_to(path: str) -> list[str]:
    """Return the addresses of the pages that lead from the home page to `path`."""
    parts = path.strip("/").split("/")
    return ["/", *("/" + "/".join(parts[:depth]) + "/" for depth in range(1, len(parts) + 1))]


class Page(OrderableTreeNode):  # type: ignore[misc]
    """
    A page at `path`. What follows from the pages above it is stored with it (DERIVED) and brought up to date by
    `save()`, so that showing a page takes no look at the tree, and no look at the clock.
    """

    class Menu(models.TextChoices):
        NONE = "", _("In no menu")
        MAIN = "main", _("Main menu")
        FOOTER = "footer", _("Footer")

    DERIVED = ["path", "address_key", "is_public", "inherited_language"]
    regions = [Region(key="main", title=_("Content"))]

    title = models.CharField(_("title"), max_length=200, validators=[validate_visible])
    slug = AddressField(
        _("address"),
        max_length=100,
        blank=True,
        help_text=_(
            "The last part of the page's address, for example “about-us”. The home page has none: it is shown at the"
            " site's own address."
        ),
    )
    parent = TreeNodeForeignKey(
        "self",
        verbose_name=_("page above"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="children",
        help_text=_("Leave it empty to put the page at the top."),
    )
    language = models.CharField(
        _("language"),
        max_length=10,
        choices=list(LANGUAGE_NAMES.items()),
        blank=True,
        help_text=_("Leave it empty to use the language of the page above."),
    )
    menu = models.CharField(
        _("menu"),
        max_length=10,
        choices=Menu.choices,
        blank=True,
        help_text=_("Every page is also listed on the page above it."),
    )
    description = models.TextField(
        _("description"),
        max_length=300,
        blank=True,
        help_text=_(
            "One or two sentences for search engines and shared links. Left empty, the beginning of the text is used."
        ),
    )
    is_published = models.BooleanField(
        _("shown to visitors"),
        default=True,
        help_text=_("Without this, the page is hidden, and so are the pages below it."),
    )
    publish_from = models.DateTimeField(
        _("shown from"), null=True, blank=True, help_text=_("Leave it empty to show the page at once.")
    )
    publish_until = models.DateTimeField(
        _("shown until"), null=True, blank=True, help_text=_("Leave it empty to keep the page for good.")
    )
    # 600 characters, because PostgreSQL indexes at most 2,704 bytes.
    path = models.CharField(_("address"), max_length=600, unique=True, editable=False)
    # Not unique: pages that older releases saved may differ only in what this leaves out. Empty for theirs.
    address_key = models.CharField(max_length=64, blank=True, db_default="", db_index=True, editable=False)
    is_public = models.BooleanField(_("visible"), default=False, editable=False)
    inherited_language = models.CharField(max_length=10, blank=True, editable=False)
    updated_at = models.DateTimeField(_("last change"), auto_now=True)

    objects = PageQuerySet.as_manager()

    class Meta:
        verbose_name = _("page")
        verbose_name_plural = _("pages")
        ordering = ["position"]
        indexes = [
            models.Index(fields=["menu"], condition=~Q(menu=""), name="pages_in_a_menu"),
            models.Index(fields=["parent", "position"], name="pages_below_a_page"),
            # for due(), which is asked every second
            models.Index(
                fields=["publish_from", "publish_until"],
                condition=Q(publish_from__isnull=False) | Q(publish_until__isnull=False),
                name="pages_scheduled",
            ),
        ]

    def __str__(self) -> str:
        return str(self.title)

    def get_absolute_url(self) -> str:
        return iri_to_uri(self.path)

    @property
    def language_code(self) -> str:
        """The language this page is written in."""
        return str(self.language or self.inherited_language or settings.LANGUAGE_CODE)

    @property
    def absolute_url(self) -> str:
        """The page's address as other sites write it (RFC 3987 mapped to RFC 3986)."""
        return f"{settings.SITE_URL}{iri_to_uri(self.path)}"

    def clean(self) -> None:
        # Not TreeNode.clean(), which walks through the whole tree: a page's path says where it is.
        if self.publish_from and self.publish_until and self.publish_until <= self.publish_from:
            raise ValidationError({"publish_until": _("This has to be later than “shown from”.")})
        if self.parent and self.parent.path == "/":
            raise ValidationError(
                {"parent": _("No page can be below the home page. Please put it at the top, or below another page.")}
            )
        self.check_home()

    def check_home(self) -> None:
        """Raise ValidationError if this page would leave nothing at the site's own address, where there is a page."""
        home = Page.objects.published().filter(path="/").first()
        is_home = self.parent is None and not self.slug
        if home and home.pk == self.pk and not is_home:
            raise ValidationError({"slug": _("This is the home page. Please choose another home page first.")})
        if is_home and (self.publish_until or (home and not self._can_be_public(None))):
            field = "publish_from" if self.publish_from and self.publish_from > timezone.now() else "is_published"
            field = "publish_until" if self.publish_until else field
            if home and home.pk == self.pk:
                sentence = _("The home page cannot be hidden. Please choose another home page first.")
            else:
                sentence = _("A page that is hidden, or will be, cannot be the home page.")
            raise ValidationError({field: sentence})

    def validate_unique(self, exclude: Collection[str] | None = None) -> None:
        """Also refuse an address that cannot be; without those fields that have been refused already."""
        super().validate_unique(exclude)
        if not {"slug", "parent", "title"} & set(exclude or []):
            self.clean_address()

    def clean_address(self) -> None:
        """Raise ValidationError if this page, and those below it, cannot be at this address."""
        if self.parent and not self.slug:
            self.slug = slugify(self.title, self._meta.get_field("slug").max_length)
            if not self.slug:
                raise ValidationError({"slug": _("Please fill in an address.")})
        path = self._make_path(self.parent)
        old_path = Page.objects.filter(pk=self.pk).values_list("path", flat=True).first() if self.pk else None
        # What was possible once can still be saved.
        if path != old_path:
            self._clean_path(path, old_path)

    def _clean_path(self, path: str, old_path: str | None) -> None:
        longest = len(path)
        if old_path and old_path != "/":
            if path.startswith(old_path):
                raise ValidationError({"parent": _("A page cannot be moved below itself.")})
            below = Page.objects.filter(path__startswith=old_path).exclude(pk=self.pk)
            longest_below = below.aggregate(longest=Max(Length("path")))["longest"]
            if longest_below and path == "/":
                raise ValidationError({"slug": _("There are pages below this one, so it cannot be the home page.")})
            longest = max(longest, (longest_below or 0) - len(old_path) + len(path))
        if longest > Page._meta.get_field("path").max_length:
            raise ValidationError({"slug": _("The whole address would be too long. Please choose a shorter one.")})
        if path == "/":
            return  # save() gives another address to the page that is there
        taken = Page.objects.filter(Q(path=path) | Q(address_key=key_of(path))).exclude(pk=self.pk).first()
        if taken:
            raise ValidationError({"slug": _("“%(page)s” has this address already.") % {"page": taken}})
        if is_reserved(path):
            raise ValidationError({"slug": _("This address is used by the site itself. Please choose another one.")})

    def _make_path(self, parent: "Page | None") -> str:
        if parent:
            return f"{parent.path}{self.slug}/"
        return f"/{self.slug}/" if self.slug else "/"

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            # The lock keeps the parent from being renamed or hidden until this page, too, can be seen below it.
            parent = Page.objects.select_for_update().filter(pk=self.parent_id).first() if self.parent_id else None
            if self.parent_id and parent is None:
                raise ValidationError({"parent": _("The page above has been deleted.")})
            self.derive(parent)
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], *self.DERIVED}
            is_new = self._state.adding
            if self.path == "/":
                self._take_the_place_of_the_home_page()
            super().save(*args, **kwargs)
            Redirect.remember([self])
            if not is_new:
                self._derive_below()

    save.alters_data = True  # type: ignore[attr-defined]

    def _take_the_place_of_the_home_page(self) -> None:
        former = Page.objects.select_for_update().filter(path="/").exclude(pk=self.pk).first()
        if former:
            former.slug = former.free_slug()
            former.save()

    def free_slug(self, parent: "Page | None" = None) -> str:
        """Return an address below `parent`, or at the top, that no page has: the own one, or one made of the title."""
        longest = (self._meta.get_field("slug").max_length or 0) - 6
        base = self.slug[:longest] or slugify(self.title, longest) or "page"
        for number in count(1):
            slug = base if number == 1 else f"{base}-{number}"
            path = f"{parent.path if parent else '/'}{slug}/"
            taken = Page.objects.filter(Q(path=path) | Q(address_key=key_of(path))).exclude(pk=self.pk)
            if not is_reserved(path) and not taken.exists():
                break
        return slug

    def derive(self, parent: "Page | None") -> None:
        self.path = self._make_path(parent)
        self.address_key = key_of(self.path)
        self.is_public = self._can_be_public(parent)
        self.inherited_language = (parent.language or parent.inherited_language) if parent else ""

    def _can_be_public(self, parent: "Page | None") -> bool:
        now = timezone.now()
        return bool(
            self.is_published
            and (parent is None or parent.is_public)
            and (self.publish_from is None or self.publish_from <= now)
            and (self.publish_until is None or self.publish_until > now)
        )

    @property
    def is_due(self) -> bool:
        """Whether the page has to appear or to disappear. What SQLite finds may be so only as text: “12000-01-01”."""
        return self.is_public != self._can_be_public(self.parent)

    def _derive_below(self) -> None:
        changed: dict[int, Page] = {self.pk: self}
        while changed:
            children = list(Page.objects.filter(parent__in=changed))
            before = {child.pk: [getattr(child, name) for name in self.DERIVED] for child in children}
            for child in children:
                child.derive(changed[child.parent_id])
            changed = {
                child.pk: child
                for child in children
                if before[child.pk] != [getattr(child, name) for name in self.DERIVED]
            }
            Page.objects.bulk_update(changed.values(), self.DERIVED, batch_size=100)
            Redirect.remember(changed.values())

    @classmethod
    def update_due(cls) -> int:
        """Show and hide the pages whose time has come; return how many."""
        number = 0
        for pk in list(cls.objects.due().values_list("pk", flat=True)):
            with transaction.atomic():
                # Read again under the lock: the owner may have saved another time since.
                page = cls.objects.select_for_update().filter(pk=pk).first()
                if page and page.is_due:
                    page.save(update_fields=[])
                    number += 1
        return number

    @classmethod
    def add_keys(cls) -> None:
        """Give pages that another release saved what their addresses are found by in any case."""
        while pages := list(cls.objects.filter(address_key="").values_list("pk", "path")[:500]):
            with transaction.atomic():
                for pk, path in pages:
                    # A page that was renamed meanwhile has the next round.
                    cls.objects.filter(pk=pk, path=path).update(address_key=key_of(path))
        Redirect.add_missing()


def is_reserved(path: str) -> bool:
    """Return whether the site itself answers at `path`, with or without the slash at its end, in whatever case."""
    path = same(path)
    if path.startswith((settings.STATIC_URL, settings.MEDIA_URL)):  # Nginx answers there
        return True
    return view_at(path) != "page" or view_at(path.rstrip("/")) is not None


def view_at(path: str) -> str | None:
    """Return the name of the view that answers at `path`."""
    try:
        return resolve(path).view_name
    except Resolver404:
        return None


class SiteSettings(LinkedTexts, models.Model):
    """What the owner says about the site as a whole: one row."""

    name = models.CharField(_("name of the site"), max_length=100, validators=[validate_visible])
    tagline = models.CharField(
        _("tagline"), max_length=200, blank=True, help_text=_("A few words about the site, shown next to its name.")
    )
    footer_text = FormattedTextField(
        _("footer text"),
        blank=True,
        extensions={"Bold": True, "Italic": True, "HardBreak": True, "Link": True},
        sanitize=True,
        help_text=_("Shown at the foot of every page: address, opening hours, copyright."),
    )

    class Meta:
        verbose_name = _("site settings")
        verbose_name_plural = _("site settings")

    def __str__(self) -> str:
        return str(self.name)

    @classmethod
    def load(cls) -> "SiteSettings":
        """Return the one row, or what stands for it as long as the owner has not saved any."""
        return cls.objects.first() or cls.unsaved()

    @classmethod
    def unsaved(cls) -> "SiteSettings":
        return cls(name=settings.SITE_HOST)
