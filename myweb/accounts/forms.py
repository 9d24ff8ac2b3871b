from typing import Any

from django.conf import settings
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.forms import PasswordResetForm as BasePasswordResetForm
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _


class SetupForm(BaseUserCreationForm):  # type: ignore[type-arg]
    """Makes the administrator."""

    class Meta:
        model = User
        fields = ["username", "email"]
        help_texts = {
            "username": _("The name you log in with."),
            "email": _("A new password is sent there if you forget yours."),
        }

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit=False)
        user.is_staff = user.is_superuser = True
        if commit:
            user.save()
        return user


class PasswordResetForm(BasePasswordResetForm):
    """Sends links to SITE_URL, whatever address the request came to."""

    def save(self, **kwargs: Any) -> None:  # type: ignore[override]
        scheme, _separator, host = settings.SITE_URL.partition("://")
        super().save(**{**kwargs, "domain_override": host, "use_https": scheme == "https"})
