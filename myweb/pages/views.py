"""What visitors see: pages, and what search engines ask for. None of it reads the clock or a query."""

from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import Length
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_safe

from myweb.db.compiled import compiled
from myweb.publishing.decorators import publishable

from .blocks import Block, blocks_of
from .frame import Around, Frame, around
from .links import keys_of, show
from .missing import lead_on
from .models import Page, way_to


@publishable(lambda: ["/"])
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the home page; as long as there is none, the first page of the menu, or that there is nothing yet."""
    surroundings = around()
    page = surroundings.home_page()
    if page is None:
        return render(request, "pages/nothing.html")
    trail = [page] if page.parent_id is None else _trail(page.path)
    return render_page(request, page, trail, surroundings)


def page_paths() -> "QuerySet[Page, str]":
    """Where the other pages are, the shortest addresses, which are nearer to the top, first."""
    pages: QuerySet[Page, str] = (
        Page.objects.published().exclude(path="/").order_by(Length("path"), "path").values_list("path", flat=True)
    )
    return pages


@publishable(page_paths)
@require_safe
def page(request: HttpRequest, path: str) -> HttpResponse:
    """Show the page at `path`, in the page's own language, or lead to where it is."""
    path = f"/{path}"
    trail = _trail(path)
    if not trail or trail[-1].path != path:
        return lead_on(request, path, trail)
    return render_page(request, trail[-1], trail)


def _trail(path: str) -> list[Page]:
    """Return the page at `path`, if everybody may read it, after those above it."""
    return list(Page.objects.raw(*compiled(_public_at, *way_to(path))))


def _public_at(*paths: str) -> "QuerySet[Page]":
    pages: QuerySet[Page] = Page.objects.published().filter(path__in=paths).order_by(Length("path"))
    return pages


def render_page(
    request: HttpRequest, page: Page, trail: list[Page], surroundings: Around | None = None, **preview: Any
) -> HttpResponse:
    """Answer with `page`; `trail` leads from the home page to it. `preview` may have blocks that are in no table."""
    context = page_context(page, trail, preview.pop("blocks", None))
    surroundings = surroundings or around()
    if preview:
        surroundings = surroundings.with_preview(page)
    context["frame"] = Frame.make(surroundings, page.language_code)
    context["bar"] = _bar(request, page, **preview)
    with translation.override(page.language_code):
        return render(request, "pages/page.html", context)


def _bar(request: HttpRequest, page: Page, **preview: Any) -> str:
    """Return what is said above a preview; above a page, what leads whoever may edit it to its form; "" for others."""
    edit_url = ""
    # Nobody is asked for without that cookie: the answer would be one for this visitor only.
    if not preview and settings.SESSION_COOKIE_NAME in request.COOKIES:
        may_edit = any(map(request.user.has_perm, ("pages.change_page", "desk.draft_page")))
        if may_edit and request.user.is_staff:
            edit_url = reverse("admin:pages_page_change", args=[page.pk])
    if not preview and not edit_url:
        return ""
    # For who looks at it, whatever language the page is in
    with translation.override(translation.get_language_from_request(request)):
        return render_to_string("pages/bar.html", {"edit_url": edit_url, **preview}, request)


def page_context(page: Page, trail: list[Page], blocks: list[Block] | None = None) -> dict[str, Any]:
    """What pages/page.html needs, beside what every page has around it."""
    blocks = blocks_of(page) if blocks is None else blocks
    pages = list(Page.objects.raw(*compiled(_below_or_linked, page.pk, *keys_of(blocks))))
    show(blocks, {item.pk: item.path for item in pages})
    return {
        "page": page,
        # The home page may be in another language.
        "trail": [item for item in trail if item.language_code == page.language_code],
        "description": page.description or next(filter(None, (block.excerpt(155) for block in blocks)), ""),
        "share_picture": next(filter(None, (block.share_picture for block in blocks)), None),
        "blocks": blocks,
        "subpages": [item for item in pages if item.parent_id == page.pk],
    }


def _below_or_linked(page: int, *linked: int) -> "QuerySet[Page]":
    """The pages below a page and those that its texts lead to, in one query."""
    wanted = Q(parent=page) | Q(pk__in=linked)
    pages: QuerySet[Page] = Page.objects.published().filter(wanted).order_by("position", "pk")
    return pages


@publishable(lambda: ["/robots.txt"])
def robots(request: HttpRequest) -> HttpResponse:
    """Tell search engines where the sitemap is."""
    lines = ["User-agent: *", "Disallow: /admin/", f"Sitemap: {settings.SITE_URL}/sitemap.xml", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")
