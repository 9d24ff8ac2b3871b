"""Fields that the libraries' own would be too generous for."""

import unicodedata
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db import models
from imagefield.fields import ImageField

from . import pictures
from .texts import validate_address


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


class AddressFormField(forms.CharField):
    """The last part of a page's address, with its accents in the form that browsers send."""

    allow_unicode = True  # for the admin's script that makes it from the title
    default_validators = [validate_address]

    def to_python(self, value: Any) -> str:
        return unicodedata.normalize("NFC", super().to_python(value) or "")


class AddressField(models.SlugField):  # type: ignore[type-arg]
    """Django's own refuses combining marks."""

    default_validators = [validate_address]

    def formfield(self, **kwargs: Any) -> Any:
        # Past SlugField's, which passes on what only its own form field takes
        return super(models.SlugField, self).formfield(**{"form_class": AddressFormField, **kwargs})
