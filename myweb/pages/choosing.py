"""
Choosing a page by its title, in a form of the admin.

What is chosen is sent as the page's number. Without JavaScript, or if nothing of what was offered was chosen, the title
or the address that was typed says which page is meant.
"""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Case, Q, QuerySet, Value, When
from django.db.models.functions import Length
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from myweb.admin import EditorAdmin
from myweb.keys import as_key

from .models import Page

SHOWN = 20  # pages that are offered at once
LONGEST = 300  # characters to search for: each word is a condition, of which SQLite takes 1,000
BETWEEN = " – "


def numbers(values: Iterable[str]) -> list[int]:
    """Return those that can be keys of pages."""
    return [key for key in map(as_key, values) if key]


def label_of(page: Page) -> str:
    """Return what stands for `page` where it was chosen: what it is called, and where it is."""
    return f"{page.title}{BETWEEN}{page.path}"


def trails(pages: Iterable[Page]) -> dict[int, str]:
    """Return for each page, by its key, the titles of those above it; one query for all."""
    above = {page.pk: _paths_above(page) for page in pages}
    wanted = {each for places in above.values() for each in places}
    titles = dict(Page.objects.filter(path__in=wanted).order_by().values_list("path", "title")) if wanted else {}
    return {key: " › ".join(titles[each] for each in places if each in titles) for key, places in above.items()}


def _paths_above(page: Page) -> list[str]:
    parts = page.path.strip("/").split("/")[:-1]
    return ["/" + "/".join(parts[: depth + 1]) + "/" for depth in range(len(parts))]


def search(pages: "QuerySet[Page]", words: str) -> "QuerySet[Page]":
    """Return those `pages` that have all words in title or address; those with the beginning of the title first."""
    words = words.strip()[:LONGEST]
    for word in words.split():
        pages = pages.filter(Q(title__icontains=word) | Q(path__icontains=word))
    rank = Case(
        When(title__iexact=words, then=Value(0)),
        When(title__istartswith=words, then=Value(1)),
        When(title__icontains=words, then=Value(2)),
        default=Value(3),
    )
    return pages.order_by(rank, Length("path"), "path")


class Typed(str):
    """The words in the field, where nobody has chosen a page since they were typed."""

    __slots__ = ()


class PageInput(forms.TextInput):
    """A search for a page; page_input.js makes a combobox of it."""

    template_name = "pages/page_input.html"
    choices: Any = None  # which ModelChoiceField sets

    class Media:
        css = {"all": ["myweb/page_input.css"]}
        js = ["myweb/combobox.js", "myweb/page_input.js"]

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.moved: Page | None = None  # neither it nor what is below it is offered
        self.has_home = False  # whether the home page is offered, too

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        page = None if isinstance(value, Typed) else self._find(value)
        shown = label_of(page) if page else ""
        # What was typed into a draft is a string only.
        typed = value if isinstance(value, str) and not page else ""
        context = super().get_context(f"{name}_text", typed or shown, attrs)
        query = {"for": self.moved.pk} if self.moved and self.moved.pk else {"home": "yes"} if self.has_home else {}
        return context | {
            "name": name,
            "number": page.pk if page else "",
            "shown": shown,
            "search": reverse("admin:pages_page_choices", query=query),
        }

    def _find(self, value: Any) -> Page | None:
        try:
            page: Page | None = Page.objects.filter(pk=value).first() if value else None
        except (ValueError, TypeError, OverflowError):
            page = None
        return page

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        number, text = data.get(name), data.get(f"{name}_text")
        if text is None or (number and text == data.get(f"{name}_shown")):
            return number
        return Typed(text.strip()) or None

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return name not in data and f"{name}_text" not in data


class PageField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """One page of however many."""

    widget = PageInput
    default_error_messages = {"invalid_choice": gettext_lazy("This page has been deleted. Please choose another one.")}

    def to_python(self, value: Any) -> Page | None:
        try:
            page: Page | None = self._named(value) if isinstance(value, Typed) else super().to_python(value)
        except OverflowError as error:
            raise ValidationError(self.error_messages["invalid_choice"], "invalid_choice") from error
        return page

    def _named(self, text: str) -> Page:
        """Return the page with this title or address, or raise ValidationError, with those that may be meant."""
        pages: Any = self.queryset
        text = text.replace("\0", "")
        address = text.rpartition(BETWEEN)[2].removeprefix(settings.SITE_URL)
        if address.startswith("/"):
            parts = address.strip("/")
            page: Page | None = pages.like(f"/{parts}/" if parts else "/").first()
            if page:
                return page
        found: list[Page] = list(pages.filter(title__iexact=text).order_by("path")[: SHOWN + 1])
        found = found or list(search(pages, text)[: SHOWN + 1])
        if not found:
            raise ValidationError(_("There is no page called “%(text)s”."), params={"text": text})
        if len(found) > 1:
            pages = ", ".join(label_of(page) for page in found[:5])
            raise ValidationError(
                _("Several pages may be meant. Please fill in the address of one: %(pages)s"), params={"pages": pages}
            )
        return found[0]


class PageChoiceAdmin(EditorAdmin):
    """What the admin of pages answers when one is looked for, to be the page above another."""

    def get_urls(self) -> list[URLPattern]:
        choices = self.admin_site.admin_view(self.choices_view)
        return [path("choices/", choices, name="pages_page_choices"), *super().get_urls()]

    def choices_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with the pages that have the words of `q` in title or address, and may be above the page `for`."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return _choices(request)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "parent":
            return db_field.formfield(**{"form_class": PageField, **kwargs})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_form(self, request: HttpRequest, obj: Page | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if "parent" in form.base_fields:
            form.base_fields["parent"].widget.moved = obj
        return form


@require_safe
def _choices(request: HttpRequest) -> HttpResponse:
    pages = Page.objects.all() if request.GET.get("home") else Page.objects.exclude(path="/")
    # A page that is new is not there yet.
    moved = Page.objects.filter(pk__in=numbers([request.GET.get("for", "")])).first()
    if moved:
        pages = pages.exclude(pk=moved.pk)
        if moved.path != "/":
            pages = pages.exclude(path__startswith=moved.path)
    words = request.GET.get("q", "").replace("\0", "")
    found = list(search(pages, words)[: SHOWN + 1]) if words.strip() else list(pages.filter(parent=None)[: SHOWN + 1])
    above = trails(found)
    shown = found[:SHOWN]
    if len(found) > SHOWN:
        said = _("There are more; type more of the title.")
    else:
        said = ngettext("%(count)d page.", "%(count)d pages.", len(shown)) % {"count": len(shown)}
    results = [
        {"key": page.pk, "title": page.title, "label": label_of(page), "where": above[page.pk] or page.path}
        for page in shown
    ]
    return JsonResponse({"results": results, "said": said if shown else _("No page has this in its title.")})
