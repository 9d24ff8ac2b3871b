"""Formatted text as plain words."""

import re
from html import unescape

from django.utils.html import strip_tags
from django.utils.text import Truncator

_END_OF_A_LINE = re.compile(r"<br|</(?!(?:a|em|strong)>)")


def beginning(html: str, length: int) -> str:
    """Return the beginning of `html` as plain words, at most `length` characters."""
    words = " ".join(strip_tags(_END_OF_A_LINE.sub(r" \g<0>", html)).split())
    return Truncator(unescape(words)).chars(length)
