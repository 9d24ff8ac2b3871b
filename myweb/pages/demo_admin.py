"""*Start with an empty site*: a button of the admin that takes the demonstration away."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from myweb.admin import EditorAdmin
from myweb.desk.line import Conflict
from myweb.desk.linking import pointers

from . import tree
from .choosing import numbers
from .demo import removing
from .models import Page
from .pointing import Branch


class PagesField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    default_error_messages = {
        "required": gettext_lazy("Please tick at least one page."),
        "invalid_choice": gettext_lazy("Some of the pages are gone already. These are left:"),
    }

    def clean(self, value: Any) -> Any:
        return super().clean(list(map(str, numbers(value or []))))

    def label_from_instance(self, page: Any) -> str:
        return f"{page.title} – {page.path}"


class RemovalForm(forms.Form):
    pages = PagesField(Page.objects.none(), label=gettext_lazy("These pages go"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = removing.pages()
        self.fields["pages"].queryset = Page.objects.filter(pk__in=[page.pk for page in found]).order_by("path")  # type: ignore[attr-defined]
        self.untouched = removing.untouched(found)
        self.initial["pages"] = [page.pk for page in self.untouched]

    def clean_pages(self) -> list[Page]:
        chosen = list(self.cleaned_data["pages"])
        keys = {page.pk for page in chosen}
        for page in chosen:
            if tree.keys_below([page.pk]) - keys:
                sentence = _("Below “%(page)s” there are pages that stay. Please move them first, or keep it.")
                raise forms.ValidationError(sentence % {"page": page})
        return chosen


class DemonstrationAdmin(EditorAdmin):
    """The part of the admin of pages that has to do with the demonstration."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.demonstration_view)
        return [path("demonstration/", view, name="pages_page_demonstration"), *super().get_urls()]

    def demonstration_view(self, request: HttpRequest) -> HttpResponse:
        """Ask which pages of the demonstration go, and lead to the form of the first page."""
        if not may_remove(request.user):
            raise PermissionDenied
        form = RemovalForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                removing.remove(form.cleaned_data["pages"], request.user)
            except Conflict:
                self.message_user(request, _("Somebody else has just saved it."), messages.ERROR)
                return redirect(request.path)
            sentence = _(
                "The demonstration is gone. To have it back, see “Deleted pages” in the list of pages. This is the form"
                " of your first page."
            )
            self.message_user(request, sentence, messages.SUCCESS)
            is_home = "" if Page.objects.filter(path="/").exists() else "?is_home=on"
            return redirect(reverse("admin:pages_page_add") + is_home)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Start with an empty site"),
            "form": form,
            "pointers": pointers(Branch.of(form.untouched), with_menus=False),
        }
        return render(request, "pages/empty_site.html", context, status=400 if form.errors else 200)


def may_remove(user: Any) -> bool:
    return bool(user.has_perms(["pages.change_page", "pages.delete_page", "pages.change_sitesettings"]))
