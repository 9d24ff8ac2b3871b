"""What people without an account are shown of drafts."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from myweb.pages.models import Page

from .content import load
from .line import Line
from .models import PreviewLink
from .previews import show_preview


@require_safe
def shown(request: HttpRequest, token: str) -> HttpResponse:
    """Show the page that a link is for, as its draft has it, or else as it is."""
    link = PreviewLink.find(token)
    line = Line(Page, link.key) if link else None
    # A page that was deleted is shown to nobody any more.
    if line is None or line.row is None or line.content is None:
        raise Http404
    blocks = load(line.row, line.content)
    response = show_preview(request, line.row, blocks)
    # The address is the secret.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
