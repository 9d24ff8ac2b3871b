"""Addresses and titles: of which letters they are made, and which ones are the same."""

import hashlib
import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

# Letters that show nothing: fillers of Hangul, the empty Braille pattern, a note without a head
BLANK = "\u115f\u1160\u2800\u3164\uffa0\U0001d159"


def is_of_address(letter: str) -> bool:
    """Return whether `letter` may be in an address: letters, combining marks, digits, hyphens and underscores."""
    return letter in "-_" or (unicodedata.category(letter)[0] in "LMN" and letter not in BLANK)


def slugify(text: str, length: int) -> str:
    """Return the address that a page with the title `text` gets, at most `length` letters; address.js does the same."""
    # Django's own leaves combining marks out, without which words in Hindi, Tamil or Thai are others.
    text = unicodedata.normalize("NFKC", text).lower()
    text = "".join(letter for letter in text if is_of_address(letter) or letter.isspace())
    words = re.sub(r"[-\s]+", "-", text).strip("-_")
    return unicodedata.normalize("NFC", _without_lone_marks(words))[:length].rstrip("-_")


def _without_lone_marks(words: str) -> str:
    """Leave out the combining marks that have no letter to stand on."""
    kept = ""
    for letter in words:
        if unicodedata.category(letter)[0] != "M" or kept[-1:] not in ("", "-", "_"):
            kept += letter
    return kept


def same(path: str) -> str:
    """Return what two addresses have in common that differ only in case, or in how their accents are written."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).lower())


def key_of(path: str) -> str:
    """Return what is stored of `same(path)`, which may be longer than what databases index."""
    return hashlib.sha256(same(path).encode()).hexdigest()


def validate_address(slug: str) -> None:
    if not all(map(is_of_address, slug)) or slug != _without_lone_marks(slug):
        raise ValidationError(
            _("Please use only letters, digits, hyphens and underscores, for example “about-us”."), code="invalid"
        )


def validate_visible(text: str) -> None:
    """Refuse what nobody could see or click."""
    if not any(unicodedata.category(letter)[0] in "LNPS" and letter not in BLANK for letter in text):
        raise ValidationError(_("Please fill in something that can be seen."), code="invisible")
