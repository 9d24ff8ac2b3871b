"""What visitors see: pages, and what search engines ask for. None of it reads the clock or a query."""

from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import Length
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_safe

from myweb.publishing.decorators import publishable

from .blocks import Block, blocks_of
from .links import show
from .missing import lead_on
from .models import Page


@publishable(lambda: ["/"])
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the home page; as long as there is none, the first page of the menu, or that there is nothing yet."""
    page = _home_page()
    if page is None:
        return render(request, "pages/nothing.html")
    trail = [page] if page.parent_id is None else list(Page.objects.published().on_the_way_to(page.path))
    return render_page(request, page, trail)


def _home_page() -> Page | None:
    public = Page.objects.published()
    found: list[Page] = sorted(
        public.filter(Q(path="/") | Q(menu=Page.Menu.MAIN)).order_by("position", "pk"),
        key=lambda page: (page.path != "/", page.language_code != settings.LANGUAGE_CODE, page.path.count("/")),
    )
    first: Page | None = found[0] if found else public.filter(parent=None).order_by("position", "pk").first()
    return first


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
    trail = list(Page.objects.published().on_the_way_to(path))
    if not trail or trail[-1].path != path:
        return lead_on(request, path, trail)
    return render_page(request, trail[-1], trail)


def render_page(request: HttpRequest, page: Page, trail: list[Page], **preview: Any) -> HttpResponse:
    """Answer with `page`; `trail` leads from the home page to it. `preview` may have blocks that are in no table."""
    context = page_context(page, trail, preview.pop("blocks", None)) | preview
    with translation.override(page.language_code):
        return render(request, "pages/page.html", context | {"edit_url": _edit_url(request, page, **preview)})


def _edit_url(request: HttpRequest, page: Page, **preview: Any) -> str:
    """Return where whoever is logged in may edit the page; "" for everybody else."""
    # Nobody is asked for without that cookie: the answer would be one for this visitor only.
    if preview or settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return ""
    may_edit = any(map(request.user.has_perm, ("pages.change_page", "desk.draft_page")))
    return reverse("admin:pages_page_change", args=[page.pk]) if may_edit and request.user.is_staff else ""


def page_context(page: Page, trail: list[Page], blocks: list[Block] | None = None) -> dict[str, Any]:
    """What pages/page.html needs, beside what every page has around it."""
    blocks = blocks_of(page) if blocks is None else blocks
    show(blocks)
    return {
        "page": page,
        # The home page may be in another language.
        "trail": [item for item in trail if item.language_code == page.language_code],
        "description": page.description or next(filter(None, (block.excerpt(155) for block in blocks)), ""),
        "share_picture": next(filter(None, (block.share_picture for block in blocks)), None),
        "blocks": blocks,
    }


@publishable(lambda: ["/robots.txt"])
def robots(request: HttpRequest) -> HttpResponse:
    """Tell search engines where the sitemap is."""
    lines = ["User-agent: *", "Disallow: /admin/", f"Sitemap: {settings.SITE_URL}/sitemap.xml", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")
