"""
One cleaning for HTML from anywhere: lists that are lists, our two levels of headings, no empty paragraphs, tables. The
sanitiser has the last word on what comes out.
"""

import re
from collections.abc import Callable

from .reading import LeftOut, Reader
from .writing import write

__all__ = ["LeftOut", "clean"]

_LINK_WITHOUT_ADDRESS = re.compile(r"<a(?![^>]* href=)[ >]")


def clean(
    html: str, tags: frozenset[str], link_attributes: frozenset[str], sanitize: Callable[[str], str]
) -> tuple[str, LeftOut]:
    """
    Return `html` as the editor would write it, of nothing but `tags`, and what of it cannot be part of a text.

    What is clean stays as it is. It takes time in proportion to the length of `html`, whatever that is.
    """
    reader = Reader(tags, link_attributes)
    cleaned = sanitize(write(reader.read(html), tags))
    if _LINK_WITHOUT_ADDRESS.search(cleaned):  # The sanitiser refused it.
        cleaned = sanitize(write(Reader(tags, link_attributes).read(cleaned), tags))
    return cleaned, reader.left_out
