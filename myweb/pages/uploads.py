"""
Pictures that were uploaded: one row each, and the same bytes only once. Forms carry their numbers.

A file that comes with a form, without JavaScript, becomes such a row before anything else of the form is looked at.
"""

import hashlib
import os
from pathlib import PurePath
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, models, transaction
from django.forms.widgets import ClearableFileInput
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from myweb.keys import as_key

from . import pictures
from .fields import PictureField

PREVIEW = ["default", ("thumbnail", (300, 300))]


class Upload(models.Model):
    """A picture as it is stored."""

    file = PictureField(
        _("picture"), upload_to="pictures", max_length=200, unique=True, width_field="width", height_field="height"
    )
    width = models.PositiveIntegerField(editable=False)
    height = models.PositiveIntegerField(editable=False)
    name = models.CharField(_("name"), max_length=200)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    uploaded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.name)

    @classmethod
    def take(cls, upload: pictures.Upload, author: Any = None) -> "Upload":
        """
        Return the row for `upload`, prepared and stored.

        Raises ValidationError with one sentence for the owner if it is no picture that can be shown.
        """
        prepared = pictures.prepare(upload)
        prepared.seek(0)
        digest = hashlib.file_digest(prepared.file, "sha256").hexdigest()  # type: ignore[arg-type]
        there = cls.objects.filter(digest=digest).first()
        if there and there.is_whole:
            return there
        row = there or cls(digest=digest, name=PurePath(upload.name or "").name[:200], author=author)
        row._store(prepared)
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError:  # the same picture, at the same moment
            return cls.objects.get(digest=digest)
        return row

    def _store(self, prepared: pictures.Upload) -> None:
        """Write the file to the disk, before anything says that it is there."""
        field: Any = self._meta.get_field("file")
        name, storage = field.generate_filename(self, prepared.name), field.storage
        self.__dict__["file"] = name
        if not self.is_whole:
            # A hash is part of the name, so what is there by that name is a part of this picture, left by a power cut.
            storage.delete(name)
            name = storage.save(name, prepared)
            with storage.open(name) as file:
                os.fsync(file.fileno())
        self.file = name

    @property
    def is_whole(self) -> bool:
        """Whether the file is there, and what was uploaded."""
        try:
            with self.file.storage.open(self.file.name) as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.digest
        except OSError:
            return False

    @property
    def preview_url(self) -> str:
        """Where a small picture is, which is made if it is not there."""
        return str(self.file.storage.url(self.file.process(PREVIEW)))

    @classmethod
    def find(cls, number: str) -> "Upload | None":
        return cls.objects.filter(pk=as_key(number)).first()


class UploadInput(ClearableFileInput):
    """A file to choose, and the number of the one that was uploaded already."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return super().value_from_datadict(data, files, name) or data.get(f"{name}_number") or None

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return super().value_omitted_from_data(data, files, name) and f"{name}_number" not in data

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        shown = super().render(name, value, attrs, renderer)
        hidden = '{}<input type="hidden" name="{}_number" value="{}" data-upload>'
        return format_html(hidden, shown, name, self._number_of(value) or "")

    def _number_of(self, value: Any) -> int | None:
        owner = getattr(value, "instance", None)
        if isinstance(owner, Upload):
            return owner.pk
        if not getattr(value, "name", "") or isinstance(value, UploadedFile):
            return None
        return Upload.objects.filter(file=value.name).values_list("pk", flat=True).first()


_GONE = _("This picture is not there any more. Please choose it again.")


class PictureFormField(forms.FileField):
    """
    Not Django's forms.ImageField, which has every decoder of Pillow try its hand on the file.

    Its errors are those of `pictures.prepare`.
    """

    widget = UploadInput

    def clean(self, data: Any, initial: Any = None) -> Any:
        if isinstance(data, UploadedFile):
            super().clean(data, initial)
            data.taken = Upload.take(data)  # type: ignore[attr-defined]
            return data.taken.file.name  # type: ignore[attr-defined]
        if isinstance(data, str):
            row = Upload.find(data)
            if row is None or not row.file.storage.exists(row.file.name):
                raise ValidationError(_GONE)
            return row.file.name
        if initial and data is None and not default_storage.exists(str(initial)):
            # Before the library, which takes the name away and says so in its own words
            raise ValidationError(_GONE)
        return super().clean(data, initial)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what the form shows when it comes back: the picture that was sent with it."""
        row = getattr(data, "taken", None) or (Upload.find(data) if isinstance(data, str) else None)
        return row.file if row else initial

    def has_changed(self, initial: Any, data: Any) -> bool:
        if isinstance(data, str):
            row = Upload.find(data)
            return row is None or row.file.name != getattr(initial, "name", initial)
        return super().has_changed(initial, data)
