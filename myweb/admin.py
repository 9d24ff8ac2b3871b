"""The Django admin as this site uses it, with the owner's own things first."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from functools import wraps
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import FORMFIELD_FOR_DBFIELD_DEFAULTS, IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR, ChangeListSearchForm
from django.contrib.admin.views.main import ChangeList as BaseChangeList
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db import DataError, IntegrityError, transaction
from django.db.models import DateTimeField, Model, QuerySet
from django.forms import CharField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import path, resolve, reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.i18n import JavaScriptCatalog as BaseJavaScriptCatalog
from django_prose_editor.fields import ProseEditorField
from js_asset import Media

from . import forms
from .desk import unsent
from .formatted_text.pasting import pasted
from .library_texts import PROSE_EDITOR

# Of every form of the admin, those of other apps too
FORMFIELD_FOR_DBFIELD_DEFAULTS[DateTimeField] = {"form_class": forms.DateTimeField, "widget": forms.DateTimeWidget}


class AdminSite(admin.AdminSite):
    site_header = _("Your website")
    site_title = _("Your website")
    index_title = _("Welcome")

    def get_urls(self) -> list[Any]:
        # Django's own asks nobody for the right to view what the address belongs to.
        shortcut = path(
            "r/<int:content_type_id>/<path:object_id>/", self.admin_view(self.shortcut_view), name="view_on_site"
        )
        paste = path("pasted/", self.admin_view(pasted), name="pasted")
        return [shortcut, paste, *(url for url in super().get_urls() if getattr(url, "name", None) != "view_on_site")]

    def i18n_javascript(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return JavaScriptCatalog.as_view(packages=["django.contrib.admin"])(request)  # type: ignore[return-value]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        inner = super().admin_view(view, cacheable)

        @wraps(view)
        def keeping(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not self.has_permission(request) and unsent.is_carried(request):
                # Shown, not sent: what is in this POST is no login.
                shown = copy(request)
                shown.method = "GET"
                place = {"next": request.path, "app_path": reverse("admin:login"), "unsent": unsent.pack(request)}
                return self.login(shown, place)
            response: HttpResponseBase = inner(request, *args, **kwargs)
            return response

        return keeping

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        token = request.POST.get(unsent.FIELD, "") if request.method == "POST" else ""
        response = super().login(request, {"unsent": token} | (extra_context or {}))
        if response.status_code == 302 and token and (sent := unsent.unpack(token)):
            path, request.POST = sent  # type: ignore[assignment]
            match = resolve(path)
            request.path = request.path_info = path
            request.resolver_match = match
            response = match.func(request, *match.args, **match.kwargs)
        return response

    def shortcut_view(self, request: HttpRequest, content_type_id: int, object_id: str) -> HttpResponseBase:
        """Redirect whoever may view an object to its address on the site."""
        # No model can be imported before all apps are loaded, and this module is imported by one.
        from django.contrib.contenttypes.models import ContentType
        from django.contrib.contenttypes.views import shortcut

        model = get_object_or_404(ContentType, pk=content_type_id).model_class()
        model_admin = self._registry.get(model) if model else None
        obj = model_admin.get_object(request, object_id) if model_admin else None
        if model_admin is None or obj is None:
            raise Http404
        if not model_admin.has_view_permission(request, obj):
            raise PermissionDenied
        return shortcut(request, content_type_id, object_id)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Sort by INSTALLED_APPS rather than by name."""
        order = list(apps.app_configs)
        return sorted(super().get_app_list(request, app_label), key=lambda app: order.index(app["app_label"]))


class JavaScriptCatalog(BaseJavaScriptCatalog):
    """What scripts of the admin can translate: Django's texts, and those of the editor."""

    def get_catalog(self) -> dict[str, Any]:
        return super().get_catalog() | {text: gettext(text) for text in PROSE_EDITOR}


class SearchForm(ChangeListSearchForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Each word is a condition, of which SQLite takes 1,000.
        self.fields = {SEARCH_VAR: CharField(required=False, strip=False, max_length=300)}


class ChangeList(BaseChangeList):
    search_form_class = SearchForm

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with _incorrect_lookups():
            return super().get_queryset(request, *args, **kwargs)

    def get_results(self, request: HttpRequest) -> None:
        with _incorrect_lookups():
            super().get_results(request)


@contextmanager
def _incorrect_lookups() -> Iterator[None]:
    """Have Django's list view refuse what no database can look for, such as the year 9999 in a western time zone."""
    try:
        yield
    except (ValueError, OverflowError, DataError) as error:
        raise IncorrectLookupParameters(error) from error


class StrictListMixin:
    """Takes only those filters and rows that a list offers; Django takes any lookup on any column, and any value."""

    # What Django's own filters put into addresses
    LOOKUPS = {"exact", "isnull", "gte", "lt", "year", "month", "day"}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ChangeList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        field, _separator, rest = lookup.partition("__")
        filters = self.get_list_filter(request)  # type: ignore[attr-defined]
        offered = {getattr(each, "parameter_name", each) for each in filters} | {self.date_hierarchy}  # type: ignore[attr-defined]
        is_known = not rest or rest.removeprefix("id__") in self.LOOKUPS
        return is_known and field in offered and super().lookup_allowed(lookup, value, request)  # type: ignore[misc]

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        for value in request.POST.getlist(ACTION_CHECKBOX_NAME):
            try:
                self.opts.pk.clean(value, None)  # type: ignore[attr-defined]
            except ValidationError as error:
                raise BadRequest("no row has that number") from error
        return super().response_action(request, queryset)  # type: ignore[misc]


class ShortTransactionMixin:
    """
    Begins the transaction when a form is valid: Django's own would have begun before, and nobody else writes to SQLite
    while a password is hashed. What somebody else has taken meanwhile is said by the form, which is looked at again.
    """

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return self._save_or_show(request, *args, **kwargs)
        except IntegrityError:
            return self._save_or_show(request, *args, **kwargs)

    def _save_or_show(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with ExitStack() as request.saving:  # type: ignore[attr-defined]
            response: HttpResponse = self._changeform_view(request, *args, **kwargs)  # type: ignore[attr-defined]
        return response

    def save_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        row = super().save_form(request, *args, **kwargs)  # type: ignore[misc]
        request.saving.enter_context(transaction.atomic())  # type: ignore[attr-defined]
        return row


class EditorAdmin(StrictListMixin, admin.ModelAdmin):  # type: ignore[misc, type-arg]
    """Lets editors run under the Content-Security-Policy, and shows texts as they look to those who only read."""

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Model | None:
        obj: Model | None = super().get_object(request, *args, **kwargs)
        if obj and not self.has_change_permission(request, obj):
            for field in obj._meta.concrete_fields:
                if isinstance(field, ProseEditorField):
                    # For those who only read: as it looks, not as it is written. Saving has sanitised it.
                    setattr(obj, field.attname, mark_safe(getattr(obj, field.attname)))  # noqa: S308
        return obj

    def render_change_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().render_change_form(request, *args, **kwargs)
        # The editors' import map is an inline script.
        media = response.context_data["media"]  # type: ignore[attr-defined]
        media = Media.from_media(media, nonce=str(request.csp_nonce))  # type: ignore[attr-defined]
        response.context_data["media"] = media  # type: ignore[attr-defined]
        return response
