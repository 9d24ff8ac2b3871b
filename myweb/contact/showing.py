"""What visitors wrote, as it is shown where it could pass for something else."""

import re
import unicodedata

# Default_Ignorable_Code_Point (Unicode 16, DerivedCoreProperties.txt) and the separators of lines: nobody sees them.
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
# These join and part letters of Arabic and Indic scripts and the parts of emoji, and choose how a character looks.
_JOINERS = re.compile("[\u200c\u200d\ufe00-\ufe0f]")
_JOINED = ("Lo", "Mn", "Mc", "Sk", "So", "Sm")


def shown(text: str) -> str:
    """
    Return the line `text` without what nobody sees: control characters, those that turn the direction of the text
    round, and all that have no width, unless they belong to the way that their script is written.
    """
    kept = ""
    for character in text:
        if unicodedata.category(character) in ("Cc", "Zl", "Zp"):
            character = " "
        if not _INVISIBLE.match(character) or (kept and _joins(kept[-1], character)):
            kept += character
    return kept


def _joins(before: str, character: str) -> bool:
    return bool(_JOINERS.match(character)) and unicodedata.category(before) in _JOINED


def is_visible(text: str) -> bool:
    """Return whether anything of `text` can be seen."""
    return any(unicodedata.category(character)[0] not in "CZ" and character != "\u2800" for character in shown(text))


def in_header(text: str) -> str:
    """Return `text` for the header of a mail, where no program may take it for an encoded word (RFC 2047)."""
    return shown(text).replace("=?", "= ?")
