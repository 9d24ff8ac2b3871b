"""
What search engines read of the site's addresses (https://www.sitemaps.org/protocol.html).

Not django.contrib.sitemaps, whose addresses follow from the request; nor a template, as there may be 10,000 pages.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from math import ceil

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.encoding import iri_to_uri
from django.utils.html import escape
from django.utils.timezone import localtime

from myweb.publishing.decorators import publishable

from .models import Page

MOST = 50_000  # addresses in one file, by the protocol
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def _parts() -> int:
    """Return how many files it takes; the contact form is one of their addresses."""
    addresses: int = Page.objects.published().count() + 1
    return ceil(addresses / MOST)


def _part_paths() -> Sequence[str]:
    parts = _parts()
    return [reverse("sitemap_part", args=[number]) for number in range(1, parts + 1)] if parts > 1 else []


@publishable(lambda: ["/sitemap.xml"])
def sitemap(request: HttpRequest) -> HttpResponse:
    """List every public page and the contact form, or the files that do if these are too many."""
    parts = _part_paths()
    return _answer("sitemapindex", "sitemap", [(path, None) for path in parts]) if parts else _urls(1)


@publishable(_part_paths)
def sitemap_part(request: HttpRequest, number: int) -> HttpResponse:
    parts = _parts()
    if parts == 1 or not 1 <= number <= parts:
        raise Http404
    return _urls(number)


def _urls(number: int) -> HttpResponse:
    pages = Page.objects.published().order_by("path").values_list("path", "updated_at")
    places: list[tuple[str, datetime | None]] = list(pages[(number - 1) * MOST : number * MOST])
    if len(places) < MOST:
        places.append((reverse("contact"), None))
    return _answer("urlset", "url", places)


def _answer(root: str, element: str, places: Iterable[tuple[str, datetime | None]]) -> HttpResponse:
    lines = [
        f"<{element}><loc>{settings.SITE_URL}{escape(iri_to_uri(path))}</loc>"
        + (f"<lastmod>{localtime(moment).isoformat()}</lastmod>" if moment else "")
        + f"</{element}>"
        for path, moment in places
    ]
    xml = ['<?xml version="1.0" encoding="UTF-8"?>', f'<{root} xmlns="{NAMESPACE}">', *lines, f"</{root}>", ""]
    return HttpResponse("\n".join(xml), content_type="application/xml; charset=utf-8")
