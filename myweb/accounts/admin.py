"""Accounts and groups: nobody gives rights, to themselves or others, but a superuser."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from myweb.admin import ShortTransactionMixin, StrictListMixin

# In the place of Django's own, which that module registers
admin.site.unregister([User, Group])


@admin.register(User)
class UserAdmin(StrictListMixin, ShortTransactionMixin, auth_admin.UserAdmin):  # type: ignore[misc,type-arg]
    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = [*super().get_readonly_fields(request, obj)]
        if obj and not request.user.is_superuser:
            fields += ["is_staff", "is_superuser", "groups", "user_permissions"]
            if obj != request.user:
                # Whoever reads the mail of an account can have a new password sent there.
                fields += ["email"]
        return fields

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        # Not in the transaction that Django's begins.
        response: HttpResponse = self._add_view(request, form_url, extra_context)  # type: ignore[attr-defined]
        return response

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        # Chromium looks ahead for what Django's forms.css imports beside the page for a new password, where Django
        # takes it for a user, and tells the next page that there is none.
        if not object_id.isdecimal():
            raise Http404
        response: HttpResponse = super().change_view(request, object_id, *args, **kwargs)
        return response

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        if not request.user.is_superuser:
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)


@admin.register(Group)
class GroupAdmin(StrictListMixin, ShortTransactionMixin, auth_admin.GroupAdmin):  # type: ignore[misc]
    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)


def _may_touch(request: HttpRequest, obj: User | None) -> bool:
    return obj is None or not obj.is_superuser or bool(request.user.is_superuser)
