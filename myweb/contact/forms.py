"""The form that visitors fill in."""

import secrets
import time
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

from django import forms
from django.core import signing
from django.core.validators import EmailValidator
from django.forms.renderers import Jinja2
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from .models import ContactMessage, address_in_mail, fingerprint_of
from .showing import is_visible

SALT = "myweb.contact.form"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
LONG_AGO = 0.0
# What keeps 1Password, Bitwarden, Dashlane and LastPass away
NOT_FILLED_IN = {
    "autocomplete": "off",
    "tabindex": "-1",
    **{"data-1p-ignore": True, "data-bwignore": True, "data-form-type": "other", "data-lpignore": "true"},
}


@cache
def machine() -> str:
    """Return what stands for this machine since its start: all its processes and containers have one steady clock."""
    return salted_hmac(SALT, BOOT_ID.read_text()).hexdigest()[:16]


def clock() -> float:
    """Return seconds that no change of the time of day moves; since when, which is nobody's business, is added."""
    return time.monotonic() + int(machine(), 16) % 1_000_000_000


def new_form_id() -> str:
    return f"{secrets.token_urlsafe(12)}.{machine()}"


def sign(form_id: str, opened: float) -> str:
    return signing.dumps([form_id, opened], salt=SALT)


def no_line_breaks(value: str) -> None:
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in value):
        raise forms.ValidationError(_("Please leave out line breaks and other control characters."))


def some_of_it_visible(value: str) -> None:
    if not is_visible(value):
        raise forms.ValidationError(forms.Field.default_error_messages["required"])


class MessageField(forms.CharField):
    """Counts a line break as one character, as browsers do, although they send two."""

    def to_python(self, value: Any) -> str | None:
        text = super().to_python(value)
        return text.replace("\r\n", "\n") if text else text


class ContactForm(forms.ModelForm):  # type: ignore[type-arg]
    """A message, with what tells people from programs and one sending from the next."""

    default_renderer = Jinja2()  # as all that visitors see

    # Its name is one that no browser or password manager has anything for, unlike “website”, “phone” or “company”.
    leave_empty = forms.CharField(
        label=_("Leave this empty"), required=False, max_length=1000, widget=forms.TextInput(attrs=NOT_FILLED_IN)
    )
    # Not a CharField: whatever is wrong with it, clean_form_id() has to see it.
    form_id = forms.Field(widget=forms.HiddenInput, required=False)

    class Meta:
        model = ContactMessage
        fields = [*ContactMessage.ASKED, "text"]
        field_classes = {"text": MessageField}
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "name"}),
            "email": forms.EmailInput(attrs={"autocomplete": "email"}),
            "text": forms.Textarea(attrs={"rows": 10}),
        }
        labels = {"name": _("Your name"), "email": _("Your e-mail address"), "text": _("Your message")}
        help_texts = {
            "name": _("Up to 200 characters."),
            "email": _("The answer goes there."),
            "subject": _("Up to 300 characters."),
            "text": _("Up to 20,000 characters."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].validators += [no_line_breaks, some_of_it_visible]
        self.fields["subject"].validators += [no_line_breaks, some_of_it_visible]
        self.fields["form_id"].initial = lambda: sign(new_form_id(), clock())

    def clean_email(self) -> str:
        """Refuse what EmailField lets through, but no mail can be answered to."""
        email = str(self.cleaned_data["email"])
        try:
            address_in_mail("", email)
        except ValueError as error:
            raise forms.ValidationError(EmailValidator.message) from error
        return email

    def clean_form_id(self) -> str:
        """Remember when the form was opened. A form that is not ours gets a new id and has to be sent again."""
        try:
            form_id, self.opened = signing.loads(self.cleaned_data["form_id"] or "", salt=SALT)
        except (signing.BadSignature, ValueError, TypeError) as error:
            self.add_error(None, _("The form had to be renewed. Please send it once more; your text is still here."))
            raise forms.ValidationError("") from error
        return str(form_id)

    def ask_again(self, *, as_another: bool = False) -> None:
        """Have the form that comes back sent once more, at any speed, as the same message or `as_another` one."""
        form_id = None if as_another else self.cleaned_data.get("form_id")
        renewed = form_id or new_form_id()
        self.data = {**self.data.dict(), "form_id": sign(renewed, LONG_AGO)}  # type: ignore[attr-defined]

    @property
    def seconds_open(self) -> float:
        """
        How long the visitor took, as far as this machine can tell. Only for a valid form.

        The clocks of two machines, or of one before and after a start, have nothing to do with each other.
        """
        here = self.cleaned_data["form_id"].endswith(f".{machine()}")
        return clock() - self.opened if here else float("inf")

    @property
    def fingerprint(self) -> str:
        """The same for the same form, whatever its content. Only for a valid form."""
        return fingerprint_of(self.cleaned_data["form_id"])

    def has_become(self, message: ContactMessage) -> bool:
        """Return whether `message` is what is in the form. Only for a valid form."""
        return all(getattr(message, name) == self.cleaned_data[name] for name in self.Meta.fields)
