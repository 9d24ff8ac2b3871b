"""The model and form field of a picture that a stranger may have made."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from imagefield.fields import ImageField

from . import pictures


class PictureFormField(forms.FileField):
    """
    Not Django's forms.ImageField, which has every decoder of Pillow try its hand on the file.

    Its errors are those of `pictures.prepare`.
    """

    def clean(self, data: Any, initial: Any = None) -> Any:
        cleaned = super().clean(data, initial)
        return pictures.prepare(cleaned) if isinstance(cleaned, UploadedFile) else cleaned


class PictureField(ImageField):  # type: ignore[misc]
    """A picture, stored as `pictures.prepare` leaves it."""

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": PictureFormField, **kwargs})
