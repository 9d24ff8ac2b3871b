"""The owner's screens: the tree of pages, a page with its blocks, and the settings of the site."""

from copy import copy
from itertools import chain
from typing import Any

from content_editor.admin import ContentEditor
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from tree_queries.admin import TreeAdmin, TreeChangeList

from myweb.admin import ChangeList
from myweb.desk.admin import SingleRowAdmin
from myweb.desk.forms import BlockInline
from myweb.desk.line import Line
from myweb.desk.page_admin import PageDesk

from .blocks import blocks_of, kinds
from .fields import PageChoiceField
from .models import Page, SiteSettings


class PageChangeList(ChangeList, TreeChangeList):  # type: ignore[misc]
    pass


@admin.register(Page)
class PageAdmin(PageDesk, ContentEditor, TreeAdmin):  # type: ignore[misc]
    """Pages with their blocks. The order of the bases matters: each one's form view wraps the next one's."""

    list_display = [*TreeAdmin.list_display, "address", "menu", "is_public"]
    list_filter = ["is_public", "menu", "language"]
    search_fields = ["title", "path", *chain.from_iterable(kind.searched_from_page() for kind in kinds())]
    position_field = "position"
    prepopulated_fields = {"slug": ["title"]}
    inlines = [kind.inline(BlockInline) for kind in kinds()]
    fieldsets = [
        (None, {"fields": ["title", ("parent", "menu")]}),
        (_("Address and language"), {"fields": ["slug", "language"]}),
        (_("Publication"), {"fields": ["is_published", "publish_from", "publish_until"]}),
        (_("Search engines"), {"fields": ["description"]}),
    ]

    class Media:
        js = ["admin/js/urlify.js", "myweb/address.js"]

    @admin.display(description=_("content"))
    def content(self, page: Page) -> str:
        """The blocks as visitors see them, for those who may not change them."""
        return render_to_string("pages/blocks.html", {"blocks": blocks_of(page)})

    def get_fieldsets(self, request: HttpRequest, obj: Page | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets if self.may_edit(request, obj) else [*fieldsets, (None, {"fields": ["content"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Page | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if self.may_edit(request, obj) else [*fields, "content"]

    def get_inline_instances(self, request: HttpRequest, obj: Page | None = None) -> Any:
        # The editor's script stumbles over blocks without a form.
        return super().get_inline_instances(request, obj) if self.may_edit(request, obj) else []

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        response: HttpResponse
        if self.may_edit(request, kwargs.get("obj")):
            response = super().render_change_form(request, context, *args, **kwargs)
        else:
            # Without something to edit, there is no editor, either.
            response = super(ContentEditor, self).render_change_form(request, context, *args, **kwargs)
        return response

    def may_edit(self, request: HttpRequest, page: Page | None) -> bool:
        return page is None or bool(self.has_change_permission(request, page))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PageChangeList]:
        return PageChangeList

    @admin.display(description=_("address"), ordering="path")
    def address(self, page: Page) -> str:
        if not page.is_public:
            return str(page.path)
        return format_html('<a href="{}">{}</a>', page.get_absolute_url(), page.path)

    def view_on_site(self, page: Page) -> str:
        return page.get_absolute_url() if page.is_public else reverse("admin:pages_page_preview", args=[page.pk])

    def get_queryset(self, request: HttpRequest) -> Any:
        pages: Any = super().get_queryset(request)
        # To show or save one page, all others need not be looked at.
        is_form = request.resolver_match and request.resolver_match.url_name == "pages_page_change"
        return pages.without_tree_fields() if is_form else pages

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "parent":
            kwargs["form_class"] = PageChoiceField
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_form(self, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(*args, **kwargs)
        if "parent" in form.base_fields:
            # A page is chosen here, not made or changed.
            widget = form.base_fields["parent"].widget
            widget.can_add_related = widget.can_change_related = widget.can_view_related = False
        return form

    def get_prepopulated_fields(self, request: HttpRequest, obj: Page | None = None) -> dict[str, Any]:
        # The address of the home page is empty, so a new title would move it, and nothing would be left at /.
        is_new = hasattr(request, "desk_line") and request.desk_line.row is None
        return dict(super().get_prepopulated_fields(request, obj)) if is_new else {}

    def is_valid_move(self, request: HttpRequest, node: Page, *, parent: Page | None, after: Page | None) -> bool:
        moved = copy(node)
        moved.parent = parent
        try:
            moved.clean()
            moved.clean_address()
        except ValidationError as error:
            for sentence in error.messages:
                self.message_user(request, sentence, messages.ERROR)
            return False
        return True

    def move_node_view(self, request: HttpRequest) -> HttpResponse:
        # TreeAdmin only checks that somebody of the staff is asking.
        if request.method != "POST" or not self.has_change_permission(request):
            raise PermissionDenied
        with transaction.atomic():
            response: HttpResponse = super().move_node_view(request)
            # The owner means it now; a draft must not undo it later.
            if response.content == b"ok" and (line := Line(Page, int(request.POST["move"]))).is_live:
                line.note(request.user, _("moved"))
        return response


@admin.register(SiteSettings)
class SiteSettingsAdmin(SingleRowAdmin):
    pass
