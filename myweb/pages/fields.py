"""Fields that the libraries' own would be too generous for."""

import unicodedata
from typing import Any

from django import forms
from django.db import models
from imagefield.fields import ImageField

from .texts import validate_address


class PictureField(ImageField):  # type: ignore[misc]
    """A picture, stored as `pictures.prepare` leaves it."""

    def formfield(self, **kwargs: Any) -> Any:
        from .uploads import PictureFormField, UploadInput  # whose model has such a field

        # The admin has a widget of its own for files.
        return super().formfield(**{**kwargs, "form_class": PictureFormField, "widget": UploadInput})


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
