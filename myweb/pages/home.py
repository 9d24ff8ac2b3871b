"""How the owner says which page is the home page: it has no address of its own, and nothing is above it."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from myweb.desk.forms import DeskForm

from .choosing import PageField
from .models import Page
from .texts import slugify


class PageForm(DeskForm):
    is_home = forms.BooleanField(label=gettext_lazy("This is the home page"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        page: Page = self.instance
        self.initial.setdefault("is_home", page.parent is None and not page.slug)
        former = Page.objects.filter(path="/").exclude(pk=page.pk).first()
        if former and "is_home" in self.fields:
            self.fields["is_home"].help_text = _(
                "Now it is “%(page)s”, which gets an address of its own as soon as this is published."
            ) % {"page": former}

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("is_home"):
            data["slug"], data["parent"] = "", None
        elif not data.get("slug"):
            data["slug"] = slugify(data.get("title") or "", self.fields["slug"].max_length)  # type: ignore[attr-defined]
            if not data["slug"] and self.is_lenient:
                self.unread["is_home"] = ""  # which an empty address would mean
            elif not data["slug"] and "slug" not in self.errors:
                self.add_error("slug", _("Please fill in an address."))
        return data


class HomeForm(forms.Form):
    """Which page takes the place of the home page that is to go."""

    home = PageField(
        Page.objects.published().exclude(path="/"),
        label=gettext_lazy("The home page from then on"),
        help_text=gettext_lazy("One of these pages is the home page. Type some letters of the title of another one."),
        error_messages={"invalid_choice": gettext_lazy("Please choose a page that everybody can see.")},
    )

    def __init__(self, *args: Any, leaving: set[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.leaving = leaving

    def clean_home(self) -> Page:
        page: Page = self.cleaned_data["home"]
        if page.pk in self.leaving:
            raise forms.ValidationError(_("Please choose a page that stays."))
        return page
