"""The field of all formatted text: what comes in is cleaned, and what cannot come along is said."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django_prose_editor.config import allowlist_from_extensions
from django_prose_editor.fields import ProseEditorField

from .cleaning import LeftOut, clean
from .typed import FormattedTextInput, with_paragraphs

# Of every editor; see static/myweb/text_editor.js.
EXTENSIONS = {
    "Names": True,
    "Pasting": {
        "url": reverse_lazy("admin:pasted"),
        "waiting": _("Pasting…"),
        "unanswered": _(
            "The server did not answer, so this was pasted as it came. Lists and headings are put right when you save."
        ),
        "leftOut": _("Pictures and videos were left out: a text cannot hold them."),
        "file": _("A text cannot hold pictures or other files. On a page, a picture is a block of its own."),
    },
}


class FormattedTextField(ProseEditorField):  # type: ignore[misc]
    """HTML of the editor. Whatever is posted is made what the editor could have written, before it is validated."""

    def __init__(self, *args: Any, extensions: dict[str, Any] | None = None, **kwargs: Any) -> None:
        # Without extensions, it is only being copied for a migration.
        extensions = (extensions or {}) | EXTENSIONS
        super().__init__(*args, extensions=extensions, **kwargs)
        allowed = allowlist_from_extensions(extensions)
        self.tags = frozenset(allowed["tags"])
        self.link_attributes = frozenset(allowed["attributes"].get("a", []))

    def contribute_to_class(self, cls: type[Model], name: str, **kwargs: Any) -> None:
        super().contribute_to_class(cls, name, **kwargs)
        # The editor says which field it is of when it asks how to paste.
        extensions = self.config["extensions"]
        self.config["extensions"] = extensions | {
            "Pasting": extensions["Pasting"] | {"field": f"{cls._meta.label_lower}.{name}"}
        }

    def formfield(self, **kwargs: Any) -> Any:
        # The admin has a widget of its own for long texts.
        return super().formfield(**kwargs | {"widget": FormattedTextInput(self.tags)})

    def clean_html(self, html: str) -> tuple[str, LeftOut]:
        """Return `html` as this field keeps it, and what of it cannot come along."""
        return clean(html, self.tags, self.link_attributes, self.sanitize)

    def clean_in(self, instance: Model) -> None:
        """Clean the text of `instance`, whatever is wrong with it, and remember what of it could not come along."""
        html, left_out = self.clean_html(with_paragraphs(getattr(instance, self.attname) or ""))
        setattr(instance, self.attname, html)
        vars(instance).setdefault("_left_out", {})[self.attname] = left_out

    def clean(self, value: Any, instance: Model | None) -> Any:
        if isinstance(value, str):
            value, left_out = self.clean_html(with_paragraphs(value))
            if instance is not None:
                vars(instance).setdefault("_left_out", {})[self.attname] = left_out
        return super().clean(value, instance)


def left_out_of(instance: Model) -> LeftOut:
    """Return what could not come along when the texts of `instance` were last cleaned."""
    return sum(vars(instance).get("_left_out", {}).values(), LeftOut())


def sentences(left_out: LeftOut) -> list[str]:
    """Return what there is to say to the owner of `left_out`."""
    return list(_sentences(left_out))


def _sentences(left_out: LeftOut) -> Iterable[str]:
    if number := left_out.pictures:
        yield ngettext(
            "%(number)d picture was left out: a text cannot hold it. On a page, add it as a block of its own.",
            "%(number)d pictures were left out: a text cannot hold them. On a page, add them as blocks of their own.",
            number,
        ) % {"number": number}
    if number := left_out.embedded:
        yield ngettext(
            "%(number)d video, map or the like was left out: a text cannot hold it. You can link to it instead.",
            "%(number)d videos, maps or the like were left out: a text cannot hold them. You can link to them instead.",
            number,
        ) % {"number": number}
    if number := left_out.comments:
        yield ngettext("%(number)d comment was left out.", "%(number)d comments were left out.", number) % {
            "number": number
        }
