"""The form that visitors fill in."""

import secrets
import time
import unicodedata
from typing import Any

from django import forms
from django.core import signing
from django.core.validators import EmailValidator
from django.utils.translation import gettext_lazy as _

from .models import ContactMessage, address_in_mail, fingerprint_of

SALT = "myweb.contact.form"


def no_line_breaks(value: str) -> None:
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in value):
        raise forms.ValidationError(_("Please leave out line breaks and other control characters."))


class MessageField(forms.CharField):
    """Counts a line break as one character, as browsers do, although they send two."""

    def to_python(self, value: Any) -> str | None:
        text = super().to_python(value)
        return text.replace("\r\n", "\n") if text else text


class ContactForm(forms.ModelForm):  # type: ignore[type-arg]
    """A message, with what tells people from programs and one sending from the next."""

    website = forms.CharField(label=_("Leave this empty"), required=False, max_length=1000)
    # Not a CharField: whatever is wrong with it, clean_form_id() has to see it.
    form_id = forms.Field(widget=forms.HiddenInput, required=False)

    class Meta:
        model = ContactMessage
        fields = ["name", "email", "subject", "text"]
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
        self.fields["name"].validators.append(no_line_breaks)
        self.fields["subject"].validators.append(no_line_breaks)
        self.fields["form_id"].initial = lambda: signing.dumps([secrets.token_urlsafe(12), time.time()], salt=SALT)

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
            form_id, self.opened_at = signing.loads(self.cleaned_data["form_id"] or "", salt=SALT)
        except (signing.BadSignature, ValueError, TypeError) as error:
            renewed = self.get_initial_for_field(self.fields["form_id"], "form_id")
            self.data = {**self.data.dict(), "form_id": renewed}  # type: ignore[attr-defined]
            self.add_error(None, _("The form had to be renewed. Please send it once more; your text is still here."))
            raise forms.ValidationError("") from error
        return str(form_id)

    @property
    def seconds_open(self) -> float:
        """How long the visitor took. Only for a valid form."""
        return float(time.time() - self.opened_at)

    @property
    def fingerprint(self) -> str:
        """The same for the same form with the same content. Only for a valid form."""
        content = {name: self.cleaned_data[name] for name in self.Meta.fields}
        return fingerprint_of(self.cleaned_data["form_id"], content)
