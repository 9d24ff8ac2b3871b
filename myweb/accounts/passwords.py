"""Which passwords are refused."""

import re
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from zxcvbn import zxcvbn

from myweb.pages.models import SiteSettings

# Names of people and places are in no list, but a year behind one is what lists of breached passwords are full of.
WORD_AND_YEAR = re.compile(r"[^\W\d_]{0,15}[\W_]*(?:19|20)\d\d[\W_]*|[\W_]*(?:19|20)\d\d[\W_]*[^\W\d_]{0,15}[\W_]*")


class GuessableValidator:
    """Refuses what was breached elsewhere and what people make of it, by a list of 47,000 words that zxcvbn brings."""

    LEAST = 10**10  # guesses
    LONGEST = 72  # characters; zxcvbn takes no more

    def validate(self, password: str, user: Any = None) -> None:
        guesses = zxcvbn(password[: self.LONGEST], user_inputs=_words_around(user))["guesses"]
        if guesses < self.LEAST or WORD_AND_YEAR.fullmatch(password):
            raise ValidationError(
                _(
                    "This password can be guessed: it is a known one, or made like many. Take four words that have"
                    " nothing to do with each other, or let your browser make a password."
                ),
                code="password_guessable",
            )

    def get_help_text(self) -> str:
        return _("Four words that have nothing to do with each other make a good password.")


def _words_around(user: Any) -> list[str]:
    """Return what somebody who knows the site and `user` tries first."""
    site = SiteSettings.objects.values_list("name", flat=True).first() or ""
    person = [getattr(user, name, "") for name in ("username", "email", "first_name", "last_name")]
    texts = [text for text in [site, settings.SITE_HOST, "myweb", *person] if text]
    words = [word for text in texts for word in re.split(r"[\W_]+", text)]
    return [*words, *texts, *(re.sub(r"[\W_]+", "", text) for text in texts)]
