"""
The form of a content: filled from a version, and read back as one, whatever was typed.

Only what is to be published has to be right. What no field can take of a draft, such as half a date, is kept as it was
typed, in "unread" of the content, and stands in the form again.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from content_editor.admin import ContentEditorInline
from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import CharField, Field, Model, TextField
from django.forms.formsets import DELETION_FIELD_NAME
from django.forms.models import BaseInlineFormSet, ModelForm, construct_instance

from myweb.formatted_text.fields import FormattedTextField

from .content import LEAST_NEW_KEY, new_key

Unread: TypeAlias = dict[str, Any]


@dataclass
class Opening:
    """What a form is opened on: the blocks of a version and what no field could take, or else what it begins with."""

    blocks: list[Any]
    typed: Unread
    initial: dict[str, Any]
    is_lenient: bool  # it is not to be published
    is_rearranged: bool  # it comes back as it was sent


class DeskForm(ModelForm):  # type: ignore[type-arg]
    """`opening`, or else `instance.opening`, is what the whole form was opened on."""

    def __init__(self, *args: Any, opening: Opening | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own: Opening | None = getattr(self.instance, "opening", None)
        opening = opening or own
        self.is_lenient = bool(opening and opening.is_lenient)
        self.unread: Unread = {}
        self.refused_files: list[str] = []  # what there is to say of those that a draft goes without
        if opening and not self.is_bound:
            if own:
                self.initial.update(own.initial)
            typed = {name: opening.typed.get(f"{unread_key(self.instance)} {name}") for name in self.fields}
            self.initial.update({name: value for name, value in typed.items() if value is not None})
        if self.is_lenient:
            for field in self.fields.values():
                field.required = False

    def _clean_fields(self) -> None:
        super()._clean_fields()  # type: ignore[misc]
        if self.is_lenient:
            for name in list(self.errors):
                if file := self.files.get(self.add_prefix(name)):
                    self.refused_files.append(f"“{file.name}”: {' '.join(map(str, self.errors[name]))}")
                self._take_as_typed(name)
                del self.errors[name]

    def _take_as_typed(self, name: str) -> None:
        typed = self[name].data
        # PostgreSQL stores no NUL, and nobody types one.
        typed = typed.replace("\0", "") if isinstance(typed, str) else typed
        if isinstance(self._field(name), CharField | TextField):
            self.cleaned_data[name] = typed or ""
        elif typed not in (None, "", []) and not isinstance(typed, UploadedFile):
            parts = typed if isinstance(typed, list) else [typed]
            said = [str(part or "").replace("\0", "") for part in parts]
            self.unread[name] = said if isinstance(typed, list) else said[0]

    def is_valid(self) -> bool:
        own: Opening | None = getattr(self.instance, "opening", None)
        return super().is_valid() and not (own and own.is_rearranged)

    def _post_clean(self) -> None:
        if self.is_lenient:
            self._construct_instance()
        else:
            super()._post_clean()  # type: ignore[misc]

    def _construct_instance(self) -> None:
        self.instance = construct_instance(self, self.instance, self._meta.fields, self._meta.exclude)
        # Sanitising is no validation.
        for field in self.instance._meta.concrete_fields:
            if isinstance(field, FormattedTextField):
                field.clean_in(self.instance)

    def read_leniently(self) -> None:
        """Have `instance` be what was typed, where it was refused, too; the errors stay."""
        if self.errors:
            for name in self.errors:
                if name in self.fields:
                    self._take_as_typed(name)
            self._construct_instance()

    def unread_here(self) -> Unread:
        """Return what no field can take, by row and field."""
        return {f"{unread_key(self.instance)} {name}": value for name, value in self.unread.items()}

    def _field(self, name: str) -> "Field[Any, Any] | None":
        return next((field for field in self.instance._meta.concrete_fields if field.name == name), None)


class BlockFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """The blocks that a version has, in place of those of the table."""

    def get_queryset(self) -> Any:
        opening = getattr(self.instance, "opening", None)
        return [block for block in opening.blocks if type(block) is self.model] if opening else []

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return {**super().get_form_kwargs(index), "opening": getattr(self.instance, "opening", None)}

    def _existing_object(self, pk: Any) -> Any:
        # A block that the version it was opened on has not, or nobody knows any more: all of it is in the form.
        found = {block.pk: block for block in self.get_queryset()}
        return found.get(pk) or self.model(pk=pk, parent=self.instance)  # type: ignore[misc]

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        is_shown = not form.is_bound and index is not None and index < self.initial_form_count()
        key = self.get_queryset()[index].pk if is_shown else form.instance.pk
        form.fields["id"] = forms.IntegerField(
            initial=key, required=False, widget=forms.HiddenInput, min_value=1, max_value=2 * LEAST_NEW_KEY
        )

    def validate_unique(self) -> None:
        """No field of a block is unique but its key, which write_blocks() sees to."""

    def begin(self, prefix: str) -> None:
        """Have the last form, if it has this prefix, show what a new one does: only its place was sent."""
        if self.forms and self.forms[-1].prefix == prefix:
            sent, form = self.forms[-1], self.empty_form
            form.prefix = prefix
            for name in ("region", "ordering"):
                form.initial[name] = sent.cleaned_data[name]
                setattr(form.instance, name, sent.cleaned_data[name])
            self.forms[-1] = form

    def blocks(self) -> list[Model]:
        """Return what was sent, with a key each; neither what was deleted nor what was added and left empty."""
        sent = []
        for form in self.forms:
            if self.is_deleted(form) or (form.empty_permitted and not form.has_changed()):
                continue
            form.instance.pk = self._key_of(form)
            sent.append(form.instance)
        return sent

    def is_deleted(self, form: Any) -> bool:
        """Whether the block of `form` is marked; Django's `deleted_forms` knows none while another block is wrong."""
        return bool(form.cleaned_data.get(DELETION_FIELD_NAME))

    def _key_of(self, form: Any) -> int:
        """Return the key that the block was given; one that a browser made up may be another block's, or become so."""
        key = form.instance.pk or form.cleaned_data.get("id") or 0
        is_known = key >= LEAST_NEW_KEY or any(block.pk == key for block in self.get_queryset())
        return key if is_known else new_key()

    def unread(self) -> Unread:
        return {key: value for form in cast(list[DeskForm], self.forms) for key, value in form.unread_here().items()}


class BlockInline(ContentEditorInline):  # type: ignore[misc]
    template = "desk/kind.html"
    form = DeskForm
    formset = BlockFormSet

    # Blocks are parts of their page, and whoever may open its form may edit them.

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return True

    has_add_permission = has_change_permission = has_delete_permission = has_view_permission


def unread_key(instance: Any) -> str:
    return f"{instance._meta.label_lower} {instance.pk}".replace(" ", ":")
