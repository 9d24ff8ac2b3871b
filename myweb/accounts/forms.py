from typing import Any

from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.forms import PasswordResetForm as BasePasswordResetForm
from django.contrib.auth.models import User
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from .models import PasswordReset


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
    """Asks for mails, which accounts.resets sends."""

    def save(self, **kwargs: Any) -> None:  # type: ignore[override]
        """Do just as much, and as little, whether there is such an account or not."""
        users: list[User | None] = [*self.get_users(self.cleaned_data["email"])]
        PasswordReset.objects.bulk_create(PasswordReset(user=user, language=get_language()) for user in users or [None])
