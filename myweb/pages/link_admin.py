"""What the admin of pages has for links: the editor's dialog, and what points to a page before it goes."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from myweb.desk.admin import PUBLISH
from myweb.desk.line import Line
from myweb.desk.linking import pointers, retarget_drafts

from . import links, pointing
from .blocks import blocks_of
from .choosing import search, trails
from .models import Page, SiteSettings

FOUND_AT_MOST = 20
SHOWN_AT_MOST = 20


class LinksMixin:
    """For PageAdmin."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view  # type: ignore[attr-defined]
        return [
            path("link/", wrap(self.link_view), name="pages_page_link"),
            path("link/pages/", wrap(self.link_pages_view), name="pages_page_link_pages"),
            path("link/headings/", wrap(self.link_headings_view), name="pages_page_link_headings"),
            path("<int:pk>/pointing/", wrap(self.pointing_view), name="pages_page_pointing"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def _check_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied

    def link_view(self, request: HttpRequest) -> HttpResponse:
        """The dialog in which the editor asks for a link."""
        self._check_view(request)
        return render(request, "pages/link_dialog.html", {"taken_ids": " ".join(sorted(links.TAKEN_IDS))})

    def link_pages_view(self, request: HttpRequest) -> JsonResponse:
        """The pages that have all words of `q` in title or address."""
        self._check_view(request)
        pages = pages_titled(request.GET.get("q", ""))
        count = len(pages)
        if count == FOUND_AT_MOST:
            summary = _("The first %(count)d pages; more words find fewer.") % {"count": count}
        elif count:
            summary = ngettext("%(count)d page", "%(count)d pages", count) % {"count": count}
        else:
            summary = _("No page has these words in its title.")
        return JsonResponse({"pages": [described(page, place) for page, place in pages], "summary": summary})

    def link_headings_view(self, request: HttpRequest) -> JsonResponse:
        """The page with the key `page`, and the headings that it had when it was last saved."""
        self._check_view(request)
        page = page_with_key(request.GET.get("page", ""))
        if page is None:
            raise Http404
        headings = [{"id": name, "words": words} for name, words in links.headings(blocks_of(page))]
        return JsonResponse({**described(page, ""), "headings": headings})

    def pointing_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say what points to a page and those below it, and have it point to another page."""
        page = get_object_or_404(Page, pk=pk)
        if not self.has_change_permission(request, page):  # type: ignore[attr-defined]
            raise PermissionDenied
        branch = pointing.Branch.of([page])
        error = ""
        if request.method == "POST":
            target = page_with_key(request.POST.get("target", ""))
            if target and target.pk not in branch.keys:
                return self._retarget(request, page, branch, target)
            error = _("Please choose a page other than this one and those below it.")
        query = request.GET.get("q", "")
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "opts": Page._meta,
            "title": _("What points to “%(page)s”") % {"page": page},
            "page": page,
            "pointers": pointers(branch),
            "query": query,
            "found": [each for each in pages_titled(query) if each[0].pk not in branch.keys],
            "error": error,
            "may_delete": self.has_delete_permission(request, page),  # type: ignore[attr-defined]
        }
        return render(request, "pages/pointing.html", context)

    def _retarget(
        self, request: HttpRequest, page: Page, branch: pointing.Branch, target: Page
    ) -> HttpResponseRedirect:
        # Whoever may change pages may change their blocks.
        may_change_settings = request.user.has_perm("pages.change_sitesettings")
        allowed = [model for model in pointing.linked_models() if model is not SiteSettings or may_change_settings]
        with transaction.atomic():
            changed = pointing.retarget(branch, target, allowed, lambda model, key: Line(model, key).keep_live())
            for model, key in changed:
                Line(model, key).note(request.user, _("links changed"))
            left = pointing.RETARGETED_AT_ONCE - len(changed)
            number = len(changed) + retarget_drafts(branch, target, allowed, left)
        sentence = ngettext(
            "%(count)d place now leads to “%(page)s”.", "%(count)d places now lead to “%(page)s”.", number
        ) % {"count": number, "page": target}
        self.message_user(request, sentence, messages.SUCCESS)  # type: ignore[attr-defined]
        if number >= pointing.RETARGETED_AT_ONCE and pointers(branch):
            sentence = _(
                "That is as many as can be changed at once. Those that are left are below: choose it once more."
            )
            self.message_user(request, sentence, messages.WARNING)  # type: ignore[attr-defined]
        return HttpResponseRedirect(reverse("admin:pages_page_pointing", args=[page.pk]))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        page = page_with_key(object_id)
        found = pointers(pointing.Branch.of([page])) if page and request.method == "GET" else []
        context = {**(extra_context or {}), "pointers": found}
        response: HttpResponse = super().delete_view(request, object_id, context)  # type: ignore[misc]
        return response

    def receive(self, request: HttpRequest, *sent: Any) -> HttpResponse:
        """Say after publishing what points to a page that is hidden by it, or will be."""
        key = request.desk_line.key  # type: ignore[attr-defined]
        before = Page.objects.published().filter(pk=key).first()
        response: HttpResponse = super().receive(request, *sent)  # type: ignore[misc]
        page = Page.objects.filter(pk=key).first() if before and PUBLISH in request.POST else None
        if before and page and (not page.is_public or page.publish_until not in (None, before.publish_until)):
            tell_what_points_to(self, request, page)
        return response


def tell_what_points_to(model_admin: Any, request: HttpRequest, page: Page) -> None:
    """Warn of what points to a page that is hidden, or will be, and lead to where it is changed."""
    found = pointers(pointing.Branch.of([page]))
    if not found:
        return
    items = format_html_join("", "<br>{}: {}", ((each.name, "; ".join(each.words)) for each in found[:SHOWN_AT_MOST]))
    sentence = (
        _("“%(page)s” will be hidden, and this points to it:")
        if page.is_public
        else _("“%(page)s” is hidden now, and this points to it:")
    ) % {"page": page}
    url = reverse("admin:pages_page_pointing", args=[page.pk])
    message = format_html('{}{}<br><a href="{}">{}</a>', sentence, items, url, _("Choose another target"))
    model_admin.message_user(request, message, messages.WARNING)


def pages_titled(query: str) -> list[tuple[Page, str]]:
    """Return the pages that `query` may mean, at most 20, each with the titles above it."""
    pages = list(search(Page.objects.all(), query.replace("\0", ""))[:FOUND_AT_MOST])
    above = trails(pages)
    return [(page, above[page.pk]) for page in pages]


def described(page: Page, place: str) -> dict[str, Any]:
    """Return what the dialog has to know of a page; the key as a text, as it stands in links."""
    note = "" if page.is_public else _("not public")
    return {
        "key": str(page.pk),
        "title": page.title,
        "address": page.path,
        "place": " · ".join(filter(None, (place, note))),
    }


def page_with_key(key: str) -> Page | None:
    return Page.objects.filter(pk=key).first() if links.KEY.fullmatch(key) else None
