"""The owner's list of old addresses."""

import csv
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, DELETION, LogEntry
from django.contrib.admin.widgets import AdminTextInputWidget
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from myweb.admin import ShortTransactionMixin, StrictListMixin

from .choosing import PageField
from .importing import MAX_BYTES, Line, decode, examine, imports, take, undo
from .leading import Book, Lead, old_address
from .models import Page
from .redirects import Redirect, key_of_text

SHOWN = 1000  # lines of a report


class RedirectForm(forms.ModelForm):  # type: ignore[type-arg]
    # What is written with % is longer than what is stored.
    path = forms.CharField(
        label=_("Old address"),
        max_length=6000,
        widget=AdminTextInputWidget,
        help_text=_(
            "The address that people and other sites still use, for example “/prices.html” or “/index.php?page=3”."
        ),
    )

    class Meta:
        model = Redirect
        fields = ["path", "page", "address"]
        help_texts = {
            "page": _("The page to which visitors are led. They go on being led there when its address changes."),
            "address": _(
                "Instead of a page: an address of another site, for example “https://www.example.org/prices”, or"
                " one of this site. Without a page and an address, visitors are told that the page is gone."
            ),
        }

    def clean_path(self) -> str:
        text: str = self.cleaned_data["path"]
        return text if text == self.instance.path else old_address(text)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return data
        if data["page"] and data["address"]:
            raise ValidationError({"address": _("Please choose a page or fill in an address, but not both.")})
        key = key_of_text(data["path"])
        book = Book([data["path"], data["address"]])
        if book.redirects.get(key) == self.instance:
            del book.redirects[key]
        try:
            lead = Lead(data["page"]) if data["page"] else book.lead(data["address"], [key])
        except ValidationError as refusal:
            raise ValidationError({"address": refusal.messages}) from refusal
        try:
            is_there = book.check(data["path"], lead)
        except ValidationError as refusal:
            raise ValidationError({"path": refusal.messages}) from refusal
        if is_there:
            raise ValidationError({"path": _("This address leads there already.")})
        return data | lead._asdict()

    def _post_clean(self) -> None:
        # A page that was deleted can be brought back, and then has its addresses again.
        gone = self.instance.page_id if self.instance.pk and self.instance.is_gone else None
        super()._post_clean()  # type: ignore[misc]
        self.instance.address_key = key_of_text(self.instance.path)
        self.instance.imported_at = None
        if gone and self.instance.page_id is None and not self.instance.address:
            self.instance.page_id = gone


class ImportForm(forms.Form):
    """A file or pasted text; `text` is then what was in it."""

    file = forms.FileField(
        label=_("File"), required=False, help_text=_("CSV, as spreadsheets save it, in any usual encoding.")
    )
    text = forms.CharField(
        label=_("or text"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 12, "cols": 80, "spellcheck": "false"}),
        help_text=_("One line for each: the old address, a semicolon, comma or tab, and the new one."),
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        file: Any = data.get("file")
        if file and file.size and file.size > MAX_BYTES:
            raise ValidationError({"file": _("The file is too large. At most 5 MB are possible.")})
        if file:
            data["text"] = decode(file.read()).replace("\0", "")
        if not self.errors:
            data["lines"] = examine(data["text"])
        return data


class LeadFilter(admin.SimpleListFilter):
    title = _("where it leads")
    parameter_name = "leads"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("page", _("To a page")), ("elsewhere", _("To another address")), ("gone", _("Nowhere: gone"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Redirect]) -> QuerySet[Redirect]:
        match self.value():
            case "page":
                return queryset.filter(page__path__isnull=False)
            case "elsewhere":
                return queryset.exclude(address="")
            case "gone":
                return queryset.filter(page__path=None, address="")
        return queryset


class ImportFilter(admin.SimpleListFilter):
    title = _("import")
    parameter_name = "import"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(time.isoformat(), localize(localtime(time))) for time, _number in imports()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Redirect]) -> QuerySet[Redirect]:
        # Only what is offered is a time.
        is_known = self.value() in dict(self.lookup_choices)
        return queryset.filter(imported_at=self.value()) if is_known else queryset


class RedirectAdmin(StrictListMixin, ShortTransactionMixin, admin.ModelAdmin):  # type: ignore[misc,type-arg]
    """Old addresses: those that pages have left, and the owner's own. The titles are for who may see pages."""

    form = RedirectForm
    list_display = ["path", "leads_to"]
    list_filter = [LeadFilter, ImportFilter]
    list_select_related = ["page"]
    search_fields = ["path", "address", "page__title", "page__path"]
    change_list_template = "pages/old_addresses.html"
    view_on_site = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Redirect]:
        return Redirect.objects.left().select_related("page")

    @admin.display(description=_("leads to"))
    def leads_to(self, row: Redirect) -> str:
        if row.page:
            shown = "" if row.page.is_public else _("(not visible)")
            return format_html("{} <small>{} {}</small>", row.page.title, row.page.path, shown)
        return row.address or str(_("nowhere: the page is gone"))

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_view_permission(request, obj) and self._sees_pages(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and self._sees_pages(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_change_permission(request, obj) and self._sees_pages(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_delete_permission(request, obj) and self._sees_pages(request)

    def _sees_pages(self, request: HttpRequest) -> bool:
        return bool(self.admin_site.get_model_admin(Page).has_view_permission(request))

    def save_model(self, request: HttpRequest, obj: Redirect, form: Any, change: bool) -> None:
        # What is gone, or of a page that nobody can see
        Redirect.objects.filter(address_key=obj.address_key).exclude(pk=obj.pk).delete()
        super().save_model(request, obj, form, change)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "page":
            field = db_field.formfield(form_class=PageField, **kwargs)
            field.widget.has_home = True
            return field
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("import/", self.admin_site.admin_view(self.import_view), name="pages_redirect_import"),
            path("export/", self.admin_site.admin_view(self.export_view), name="pages_redirect_export"),
        ]
        return [*own, *super().get_urls()]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Show what would become of each line, then write what can be taken; or undo an import."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if "undo" in request.POST:
            return self._undo(request, request.POST["undo"])
        form = ImportForm(request.POST or None, request.FILES or None)
        lines: list[Line] = form.cleaned_data["lines"] if form.is_valid() and "edit" not in request.POST else []
        taken = [line for line in lines if line.redirect]
        if taken and "import" in request.POST:
            return self._import(request, taken)
        refused = [line for line in lines if line.refusal]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Import old addresses"),
            "form": form,
            "media": self.media,
            "lines": lines,
            "taken": taken,
            "refused": refused[:SHOWN],
            "number_refused": len(refused),
            "others": [line for line in lines if not line.refusal][:SHOWN],
            "number_there": len(lines) - len(taken) - len(refused),
            "number_hidden": max(0, len(refused) - SHOWN) + max(0, len(lines) - len(refused) - SHOWN),
            "imports": [(time, time.isoformat(), number) for time, number in imports()],
            "may_undo": self.has_delete_permission(request),
        }
        return render(request, "pages/import_addresses.html", context)

    def _import(self, request: HttpRequest, taken: list[Line]) -> HttpResponse:
        name = take(taken)
        sentence = ngettext("%d old address was imported.", "%d old addresses were imported.", len(taken)) % len(taken)
        self._log(request, ADDITION, sentence)
        self.message_user(request, sentence, messages.SUCCESS)
        return redirect(f"{reverse('admin:pages_redirect_changelist')}?{urlencode({'import': name})}")

    def _undo(self, request: HttpRequest, name: str) -> HttpResponse:
        if not self.has_delete_permission(request):
            raise PermissionDenied
        number = undo(name)
        sentence = ngettext("%d old address was removed.", "%d old addresses were removed.", number) % number
        if number:
            self._log(request, DELETION, sentence)
        self.message_user(request, sentence, messages.SUCCESS)
        return redirect("admin:pages_redirect_import")

    def _log(self, request: HttpRequest, action: int, sentence: str) -> None:
        LogEntry.objects.create(
            user_id=str(request.user.pk),
            content_type=ContentType.objects.get_for_model(Redirect),
            object_repr=sentence,
            action_flag=action,
        )

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """All that the list shows, in the form in which it can be imported."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")  # Excel asks for the mark
        response.headers["Content-Disposition"] = 'attachment; filename="old-addresses.csv"'
        writer = csv.writer(response, delimiter=";")
        for row in self.get_queryset(request):
            writer.writerow([row.path, row.page.path if row.page else row.address])
        return response
