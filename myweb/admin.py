"""The Django admin as this site uses it, with the owner's own things first."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.options import FORMFIELD_FOR_DBFIELD_DEFAULTS
from django.core.exceptions import PermissionDenied
from django.db.models import DateTimeField, Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from js_asset import Media
from reversion.admin import VersionAdmin

from . import forms

# Of every form of the admin, those of other apps too
FORMFIELD_FOR_DBFIELD_DEFAULTS[DateTimeField] = {"form_class": forms.DateTimeField, "widget": forms.DateTimeWidget}


class AdminSite(admin.AdminSite):
    site_header = _("Your website")
    site_title = _("Your website")
    index_title = _("Welcome")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Sort by INSTALLED_APPS rather than by name."""
        order = list(apps.app_configs)
        return sorted(super().get_app_list(request, app_label), key=lambda app: order.index(app["app_label"]))


class VersionedAdmin(VersionAdmin):  # type: ignore[misc]
    """Keeps every version of what the owner saves, and lets editors run under the Content-Security-Policy."""

    history_latest_first = True

    @contextmanager
    def create_revision(self, request: HttpRequest) -> Iterator[None]:
        # A revision is a transaction, which takes SQLite's write lock: none just to show a form.
        if request.method in ("GET", "HEAD"):
            yield
        else:
            with super().create_revision(request):
                yield

    def render_change_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().render_change_form(request, *args, **kwargs)
        # The editors' import map is an inline script.
        media = response.context_data["media"]  # type: ignore[attr-defined]
        media = Media.from_media(media, nonce=str(request.csp_nonce))  # type: ignore[attr-defined]
        response.context_data["media"] = media  # type: ignore[attr-defined]
        return response


class SingleRowAdmin(VersionedAdmin):
    """For settings: one row, which is edited but neither added twice nor deleted."""

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        row = self.model.objects.first()
        return redirect(f"{name}_change", row.pk) if row else redirect(f"{name}_add")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not self.model.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
