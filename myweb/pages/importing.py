"""Many old addresses at once: lines with an old and a new address, as spreadsheets and other systems write them."""

import codecs
import csv
from datetime import datetime
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from .leading import Book, old_address, redirect_from
from .redirects import Redirect, key_of_text

MAX_LINES = 10_000
MAX_BYTES = 5 * 1024 * 1024
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class Line(NamedTuple):
    """What becomes of a line: `redirect` is taken; without one, it is there already, or there is a `refusal`."""

    number: int
    old: str
    new: str
    redirect: Redirect | None = None
    refusal: str = ""


def decode(content: bytes) -> str:
    """Return the text of a file, which spreadsheets write in the encoding of their country."""
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    for encoding in ("utf-8", "gb2312", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        # Most of what is in a western encoding could be of this one, too, but then with rare characters.
        if encoding != "gb18030" or _is_mostly_common(text):
            return text
    return content.decode("cp1252", errors="replace")


def _is_mostly_common(text: str) -> bool:
    letters = [letter for letter in text if not letter.isascii()]
    return sum(_is_common(letter) for letter in letters) > 0.8 * len(letters)


def _is_common(letter: str) -> bool:
    try:
        return bool(letter.encode("gb2312"))
    except UnicodeEncodeError:
        return False


def examine(text: str) -> list[Line]:
    """
    Return what would become of each line of `text`; raise ValidationError if there are none, or too many.

    An address may lead to the old one of another line, and then leads where that one does.
    """
    written = [
        (number, line.strip()) for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1) if line.strip()
    ]
    if not written:
        raise ValidationError(_("There is nothing in it. Please give one old and one new address a line."))
    if len(written) > MAX_LINES:
        raise ValidationError(
            _("These are %(number)d lines. At most %(most)d are possible at once.")
            % {"number": len(written), "most": MAX_LINES}
        )
    separator = _separator([line for _number, line in written])
    cells = [(number, _cells(line, separator)) for number, line in written]
    book = Book([text for _number, texts in cells for text in texts])
    seen: dict[str, int] = {}
    read = []
    for number, texts in cells:
        try:
            address = old_address(texts[0])
        except ValidationError as refusal:
            read.append((number, texts, "", str(refusal.message)))
            continue
        first = seen.setdefault(key_of_text(address), number)
        read.append((number, texts, address, _("Line %d has this address already.") % first if first != number else ""))
        if first == number and len(texts) > 1:
            book.planned[key_of_text(address)] = texts[1]
    return [_examine_line(book, *line) for line in read]


def _examine_line(book: Book, number: int, texts: list[str], address: str, refusal: str) -> Line:
    line = Line(number, address or texts[0], texts[1] if len(texts) > 1 else "")
    if refusal:
        return line._replace(refusal=refusal)
    if len(texts) < 2:
        return line._replace(refusal=_("There is no new address on this line."))
    try:
        lead = book.lead(line.new, [key_of_text(address)])
        is_there = book.check(address, lead)
    except ValidationError as error:
        return line._replace(refusal=str(error.message))
    return line if is_there else line._replace(redirect=redirect_from(address, lead))


def _separator(lines: list[str]) -> str:
    """Return what separates the cells of most lines."""
    return max("\t;,", key=lambda separator: sum(separator in line for line in lines))


def _cells(line: str, separator: str) -> list[str]:
    """Return the first two cells of a line, or the one that it has. One line is one row, whatever its quotes."""
    try:
        [cells] = csv.reader([line], delimiter=separator, skipinitialspace=True)
    except (csv.Error, ValueError):
        cells = [line]
    return [cell.strip() for cell in cells[:2]] or [""]


def take(lines: list[Line]) -> str:
    """Write what can be taken, in one step; return by what `undo` finds it."""
    now = timezone.now()
    redirects = [line.redirect for line in lines if line.redirect]
    for redirect in redirects:
        redirect.imported_at = now
    with transaction.atomic():
        Redirect.put(redirects)
    return now.isoformat()


def undo(name: str) -> int:
    """Remove what an import has brought, but what has been changed since; return how many addresses these were."""
    time = next((time for time, _number in imports() if time.isoformat() == name), None)
    return Redirect.objects.filter(imported_at=time).delete()[0] if time else 0


def imports() -> list[tuple[datetime, int]]:
    """Return when there were imports, the last one first, and how many addresses each has brought."""
    counted = Redirect.objects.exclude(imported_at=None).values_list("imported_at").order_by("-imported_at")
    return list(counted.annotate(number=Count("pk"))[:20])
