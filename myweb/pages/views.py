"""What visitors see: pages, their errors, and what search engines ask for. None of it reads the clock or a query."""

from typing import Any

from content_editor.contents import contents_for_item
from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Length
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import render
from django.urls import resolve
from django.utils import translation
from django.views.decorators.http import require_safe

from myweb import csrf
from myweb.publishing.decorators import publishable

from . import language
from .models import Page, Picture, Text
from .renderer import renderer
from .texts import same


def page_paths() -> "QuerySet[Page, str]":
    """Where the pages are, the shortest addresses, which are nearer to the top, first."""
    pages: QuerySet[Page, str] = (
        Page.objects.published().order_by(Length("path"), "path").values_list("path", flat=True)
    )
    return pages


@publishable(page_paths)
@require_safe
def page(request: HttpRequest, path: str) -> HttpResponse:
    """Show the page at `path`, in the page's own language, or lead to the one whose address is spelled otherwise."""
    path = f"/{path}"
    trail = list(Page.objects.published().on_the_way_to(path))
    if not trail or trail[-1].path != path:
        return redirect_to_spelling(request, path)
    return render_page(request, trail[-1], trail)


def redirect_to_spelling(request: HttpRequest, path: str) -> HttpResponse:
    """Lead to the page that has `path` in other case, or with its accents written otherwise; raise Http404."""
    # Not the page at `path` itself, which can have appeared since: it would lead to itself.
    found = Page.objects.published().like(path).exclude(path=path).first()
    # An older release may have moved it meanwhile.
    if found is None or same(found.path) != same(path):
        raise Http404
    query = request.META["QUERY_STRING"]
    response = HttpResponsePermanentRedirect(found.get_absolute_url() + (f"?{query}" if query else ""))
    # The page may be renamed to the other spelling, and a browser that remembers this would go round in circles.
    response.headers["Cache-Control"] = "no-cache"
    return response


def render_page(request: HttpRequest, page: Page, trail: list[Page]) -> HttpResponse:
    """Answer with `page`; `trail` leads from the home page to it."""
    with translation.override(page.language_code):
        return render(request, "pages/page.html", page_context(page, trail))


def page_context(page: Page, trail: list[Page]) -> dict[str, Any]:
    """What pages/page.html needs, beside what every page has around it; one query for each kind of block."""
    contents = contents_for_item(page, plugins=renderer.plugins())
    texts = [block for block in contents.main if isinstance(block, Text)]
    shared = (block for block in contents.main if isinstance(block, Picture) and block.share_url)
    first = contents.main[0] if contents.main else None
    return {
        "page": page,
        # The home page may be in another language.
        "trail": [item for item in trail if item.language_code == page.language_code],
        "description": page.description or (texts[0].excerpt(155) if texts else ""),
        "share_picture": next(shared, None),
        "page_regions": renderer.regions_from_contents(contents),
        # The picture at the top is not loaded lazily: it is what the visitor waits for.
        "first_picture": first if isinstance(first, Picture) else None,
    }


@publishable(lambda: ["/robots.txt"])
def robots(request: HttpRequest) -> HttpResponse:
    """Tell search engines where the sitemap is."""
    lines = ["User-agent: *", "Disallow: /admin/", f"Sitemap: {settings.SITE_URL}/sitemap.xml", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


@publishable(lambda: ["/sitemap.xml"])
def sitemap(request: HttpRequest) -> HttpResponse:
    """List every public page. Not django.contrib.sitemaps, whose addresses follow from the request."""
    pages = Page.objects.published().order_by("path").only("path", "updated_at")[:50_000]  # the protocol's limit
    return render(request, "pages/sitemap.xml", {"pages": pages}, content_type="application/xml; charset=utf-8")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Let the view that was asked for answer, if it has something better to say."""
    view, sentence = resolve(request.path_info).func, csrf.sentence_for(reason)
    if hasattr(view, "csrf_failed"):
        answer: HttpResponse = view.csrf_failed(request, sentence)
        return answer
    return _error(request, 403, sentence)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 404)


def _error(request: HttpRequest, status: int, sentence: str = "") -> HttpResponse:
    """Answer with the page for `status`, in the visitor's language; a `sentence` says more than the page does."""
    translation.activate(language.of_link(request))
    return render(request, f"{status}.html", {"sentence": sentence}, status=status)
