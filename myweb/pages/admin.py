"""The owner's screens: the tree of pages, a page with its blocks, and the settings of the site."""

from typing import Any

from content_editor.admin import ContentEditor
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _

from myweb.desk.admin import SingleRowAdmin
from myweb.desk.forms import BlockInline
from myweb.desk.page_admin import PageDesk

from .blocks import blocks_of, kinds
from .choosing import PageChoiceAdmin
from .demo_admin import DemonstrationAdmin
from .home import PageForm
from .link_admin import LinksMixin
from .links import keys_of, public_paths, show
from .models import Page, SiteSettings
from .page_list import PageListAdmin
from .redirect_admin import RedirectAdmin
from .redirects import Redirect


@admin.register(Page)
class PageAdmin(LinksMixin, PageListAdmin, PageChoiceAdmin, DemonstrationAdmin, PageDesk, ContentEditor):  # type: ignore[misc]
    """Pages with their blocks. The order of the bases matters: each one's form view wraps the next one's."""

    form = PageForm
    prepopulated_fields = {"slug": ["title"]}
    inlines = [kind.inline(BlockInline) for kind in kinds()]
    fieldsets = [
        (None, {"fields": ["title", ("parent", "menu")]}),
        (_("Address and language"), {"fields": ["is_home", "slug", "language"]}),
        (_("Visibility"), {"fields": ["is_published", "publish_from", "publish_until"]}),
        (_("Search engines"), {"fields": ["description"]}),
    ]

    class Media:
        js = ["admin/js/urlify.js", "myweb/address.js"]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "title":
            field.widget.attrs["placeholder"] = field.label  # which is not shown above it
        return field

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"is_home": not Page.objects.exists(), **super().get_changeform_initial_data(request)}

    @admin.display(description=_("This is the home page"), boolean=True)
    def is_home(self, page: Page) -> bool:
        """For those who may not change it."""
        return page.path == "/"

    @admin.display(description=_("content"))
    def content(self, page: Page) -> str:
        """The blocks as visitors see them, for those who may not change them."""
        blocks = blocks_of(page)
        show(blocks, public_paths(keys_of(blocks)))
        # Jinja2 does not say of what it has made that it is HTML.
        return mark_safe(render_to_string("pages/blocks.html", {"blocks": blocks}))  # noqa: S308

    def get_fieldsets(self, request: HttpRequest, obj: Page | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets if self.may_edit(request, obj) else [*fieldsets, (None, {"fields": ["content"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Page | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if self.may_edit(request, obj) else [*fields, "is_home", "content"]

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

    def view_on_site(self, page: Page) -> str:
        return page.get_absolute_url() if page.is_public else reverse("admin:pages_page_preview", args=[page.pk])

    def get_prepopulated_fields(self, request: HttpRequest, obj: Page | None = None) -> dict[str, Any]:
        is_new = hasattr(request, "desk_line") and request.desk_line.row is None
        return dict(super().get_prepopulated_fields(request, obj)) if is_new else {}


@admin.register(SiteSettings)
class SiteSettingsAdmin(SingleRowAdmin):
    pass


admin.site.register(Redirect, RedirectAdmin)
