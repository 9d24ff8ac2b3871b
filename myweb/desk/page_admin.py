"""What pages have beside the form: previews, links that show them, and the way back for those that were deleted."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from myweb.keys import as_key
from myweb.operations.backup import keeping
from myweb.pages.blocks import blocks_of
from myweb.pages.models import Page
from myweb.pages.uploads import Upload

from .admin import PREVIEW, DeskAdmin
from .deletion import bring_all_back, bring_back, deleted_branches, deleted_pages
from .emptying import Emptying
from .line import Conflict, Line
from .models import PreviewLink, Version
from .previews import show_preview

DELETED_AT_MOST = 500  # branches in the list of what can be brought back


class PageDesk(DeskAdmin):
    change_form_template = "desk/page_form.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("upload/", view(self.upload_view), name="pages_page_upload"),
            path("deleted/", view(self.deleted_view), name="pages_page_deleted"),
            path("deleted/<int:version>/", view(self.bring_back_view), name="pages_page_bring_back"),
            path("<int:key>/preview/", view(self.preview_view), name="pages_page_preview"),
            path("<int:key>/links/", view(self.links_view), name="pages_page_links"),
            path("<int:key>/empty/", view(self.empty_view), name="pages_page_empty"),
            *super().get_urls(),
        ]

    def may_draft(self, request: HttpRequest) -> bool:
        user = request.user
        return super().may_draft(request) or user.has_perm("desk.draft_page") or user.has_perm("pages.add_page")

    def may_publish(self, request: HttpRequest, line: Line) -> bool:
        return super().may_publish(request, line) or (not line.is_live and request.user.has_perm("pages.add_page"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) or self.may_draft(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may_draft(request)

    def preview_url(self, key: int) -> str:
        return self.url("preview", key)

    def upload_url(self) -> str:
        return reverse("admin:pages_page_upload")

    def empty_url(self, request: HttpRequest, key: int) -> str:
        may = self.has_delete_permission(request) and self.has_change_permission(request)
        return self.url("empty", key) if may else ""

    def links_url(self, key: int) -> str:
        return self.url("links", key)

    def preview_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Show what was sent, or else a version or the draft, or else the page, as visitors will see it."""
        if request.method == "POST":
            return self.change_view_as(request, key, PREVIEW)
        page = self.get_object(request, str(key))
        if page is None:
            raise Http404
        if not self.has_view_permission(request, page):
            raise PermissionDenied
        return self.preview(request, page, page.opening.blocks if hasattr(page, "opening") else blocks_of(page))

    def preview(self, request: HttpRequest, row: Page, blocks: list[Any]) -> HttpResponse:
        return show_preview(request, row, blocks, self.url("change", row.pk))

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Take one picture, and answer with its number."""
        if request.method != "POST" or not self.may_draft(request):
            raise PermissionDenied
        file = request.FILES.get("file")
        if file is None:
            return JsonResponse({"message": _("Please choose a file.")}, status=400)
        try:
            upload = Upload.take(file, request.user)
        except ValidationError as refusal:
            return JsonResponse({"message": " ".join(refusal.messages)}, status=400)
        return JsonResponse({"number": upload.pk, "name": upload.name, "preview": upload.preview_url})

    def links_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """List, make and revoke the links that show the draft of a page to people without an account."""
        if not self.may_draft(request):
            raise PermissionDenied
        line = Line(Page, min(key, 2**62))
        if line.content is None:
            raise Http404
        links = PreviewLink.objects.valid().filter(key=key)
        if request.method == "POST":
            if revoked := as_key(request.POST.get("revoke", "")):
                links.filter(pk=revoked).delete()
            elif "make" in request.POST:
                PreviewLink.make(key, request.user)
            return redirect(request.path)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Links that show this page"),
            "subtitle": str(Version(content=line.content)),
            "links": [(link, settings.SITE_URL + reverse("shown", args=[link.token])) for link in links],
            "change_url": self.url("change", key),
        }
        return render(request, "desk/links.html", context)

    def empty_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Ask what is to go for good, say what remains in backups, and do it."""
        if not (self.has_delete_permission(request) and self.has_change_permission(request)):
            raise PermissionDenied
        key = min(key, 2**62)
        choices = {"versions": Emptying(key, with_page=False), "page": Emptying(key, with_page=True)}
        line = choices["page"].line
        # What was only kept aside is in no line.
        newest = line.last or line.versions.order_by("-pk").first()
        if newest is None and line.row is None:
            raise Http404
        if line.row is None or not choices["versions"].versions.exists():
            del choices["versions"]
        chosen = choices.get(request.POST.get("what", ""))
        seen = str(line.versions.aggregate(Max("pk", default=0))["pk__max"])
        if request.method == "POST" and chosen:
            if request.POST.get("seen") != seen:
                self.message_user(
                    request, _("Somebody has saved this page meanwhile. Please look once more."), messages.ERROR
                )
                return redirect(request.path)
            try:
                chosen.run(request.user)
            except ValidationError as refusal:
                self.message_user(request, " ".join(refusal.messages), messages.ERROR)
                return redirect(request.path)
            self.message_user(request, _("It is removed for good, but for what backups have of it."), messages.SUCCESS)
            return redirect("admin:pages_page_changelist" if chosen.with_page else self.url("versions", key))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Remove for good"),
            "subtitle": str(line.row or newest),
            "seen": seen,
            "choices": [(name, choice, choice.versions.count()) for name, choice in choices.items()],
            **_backups(),
            "versions_url": self.url("versions", key),
        }
        return render(request, "desk/empty.html", context)

    def deleted_view(self, request: HttpRequest) -> HttpResponse:
        """List the pages that were deleted, those that others went with below them."""
        if not self.may_draft(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Deleted pages"),
            "versions": deleted_branches(DELETED_AT_MOST),
            "may_publish": self.has_change_permission(request),
            "may_empty": self.has_change_permission(request) and self.has_delete_permission(request),
        }
        return render(request, "desk/deleted.html", context)

    def bring_back_view(self, request: HttpRequest, version: int) -> HttpResponse:
        """Bring a page back, with all that went with it below it; or all that went at once."""
        if request.method != "POST" or not self.has_change_permission(request):
            raise PermissionDenied
        deleted = get_object_or_404(deleted_pages(), pk=min(version, 2**62))
        try:
            pages = (bring_all_back if "all" in request.POST else bring_back)(deleted, request.user)
        except (Conflict, ValidationError) as refusal:
            sentences = getattr(refusal, "messages", [_("Somebody else has just saved it.")])
            self.message_user(request, " ".join(sentences), messages.ERROR)
            return redirect("admin:pages_page_deleted")
        page = next(page for page in pages if page.pk == deleted.key)
        if deleted.said["fields"]["parent"] and page.parent is None:
            sentence = _("The page above it is not there any more. It is at the top now, until you move it.")
            self.message_user(request, sentence, messages.WARNING)
        self._say_new_addresses(request, pages)
        if "all" in request.POST:
            sentence = ngettext("%(number)d page is back.", "%(number)d pages are back.", len(pages))
            self.message_user(request, sentence % {"number": len(pages)}, messages.SUCCESS)
            return redirect("admin:pages_page_changelist")
        together = len(pages) - 1
        sentence = (
            ngettext(
                "“%(page)s” is back, and %(number)d page below it.",
                "“%(page)s” is back, and %(number)d pages below it.",
                together,
            )
            if together
            else _("“%(page)s” is back.")
        )
        self.message_user(request, sentence % {"page": pages[0], "number": together}, messages.SUCCESS)
        return redirect("admin:pages_page_changelist")

    def _say_new_addresses(self, request: HttpRequest, pages: Sequence[Page]) -> None:
        """Say which of those that were brought back have left their addresses to other pages."""
        keys = {page.pk for page in pages}
        for page in pages:
            if page.parent_id not in keys and page.is_published:
                deleted = Line(Page, page.pk).versions.line().filter(event=Version.Event.DELETED).first()
                if deleted and deleted.said["is_live"] and deleted.said["fields"]["slug"] != page.slug:
                    sentence = _("The address of “%(page)s” is %(path)s now, because another page has its former one.")
                    self.message_user(request, sentence % {"page": page, "path": page.path}, messages.WARNING)


def _backups() -> dict[str, Any]:
    """Return what is said of the backups that are there: of those that go by themselves, and of those that stay."""
    weeks = keeping.WEEKLY + 1
    try:
        paths = list(keeping.backups_directory().iterdir())
    except OSError:
        return {"unreadable": True, "weeks": weeks}
    moments = sorted(filter(None, map(keeping.time_in_name, paths)))
    return {
        "number": len(moments),
        "oldest": moments[0] if moments else None,
        "newest": moments[-1] if moments else None,
        "gone_by": moments[-1] + timedelta(weeks=weeks) if moments else None,
        "staying": sorted(path.name for path in paths if path.suffix == ".zip" and not keeping.time_in_name(path)),
    }
