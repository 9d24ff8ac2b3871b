"""Pages that Nginx has for when it cannot or may not ask Django, and Django for when it has too much to do."""

from typing import NamedTuple

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class NginxPage(NamedTuple):
    title: Promise
    text: Promise
    refresh: int | None = None  # seconds, after which a browser asks again


PAGES = {
    "unavailable": NginxPage(
        _("Back in a moment"),
        _(
            "This site is being restarted or has too much to do just now. Nothing is lost; this page tries again by"
            " itself."
        ),
        refresh=15,
    ),
    "too_large": NginxPage(
        _("Too large"),
        _(
            "That is more than this site takes at once. Go back, and send less: smaller pictures, for example, or a"
            " shorter text."
        ),
    ),
    "signed_out": NginxPage(
        _("Please log in again"),
        _(
            "You are not logged in any more, so nothing was saved. Log in in another tab, then go back here and save"
            " again."
        ),
    ),
}


def render(name: str, language: str) -> str:
    """Return one of PAGES in a language, whole: it needs no other file."""
    with translation.override(language):
        return render_to_string("nginx_page.html", {"page": PAGES[name], "language": language})
