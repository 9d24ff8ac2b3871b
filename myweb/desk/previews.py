"""A page as visitors would see it, made of what is in no table: nothing is written or locked for it."""

from typing import Any

from csp.constants import SELF
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from myweb.pages.models import Page
from myweb.pages.views import render_page


def show_preview(request: HttpRequest, page: Page, blocks: list[Any], back: str = "") -> HttpResponse:
    """Answer with `page`, which need not be saved; `back` is where its form is."""
    page.title = page.title or _("without a title")
    above = page.parent
    page.derive(above)
    trail = list(Page.objects.on_the_way_to(above.path if above else "/").exclude(pk=page.pk))
    shown = sorted(blocks, key=lambda block: (block.ordering, block.pk))
    response = render_page(request, page, [*trail, page], blocks=shown, preview=True, back=back)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Cache-Control"] = "no-store"
    # Beside its form, and nowhere else
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response._csp_config = {**settings.CONTENT_SECURITY_POLICY["DIRECTIVES"], "frame-ancestors": [SELF]}  # type: ignore[attr-defined]
    return response
