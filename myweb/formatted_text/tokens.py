"""Reads HTML as a browser does, tag by tag, in time that grows with its length, whatever is wrong with it."""

import html
import re
from collections.abc import Iterator

# Python's html.parser is quadratic on some malformed input (CVE-2025-6069) where it is not upgraded, and what builds a
# whole tree (nh3) on deep nesting: 243 seconds for 1.5 MB of <div>.
Token = tuple[str, str, dict[str, str]]

START, END, TEXT = "start", "end", "text"

# What is in these is no text of the page.
_RAW = {"iframe", "noembed", "noframes", "noscript", "script", "style", "textarea", "title", "xmp"}
_NAME = re.compile(r"[a-zA-Z][^\s/>]*")
_ATTRIBUTE = re.compile(
    r"""[\s/]*+ (?: (?P<end>>) | (?P<name>[^\s/>][^\s/>=]*+)
    (?: \s*+=\s*+ (?: "(?P<double>[^"]*+)(?P<double_end>"?) | '(?P<single>[^']*+)(?P<single_end>'?)
    | (?P<bare>[^\s>]*+) ) )? )""",
    re.VERBOSE,
)
# int() refuses what has thousands of digits.
_TOO_LONG = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{7,});?")


def unescape(text: str) -> str:
    return html.unescape(_TOO_LONG.sub("\ufffd", text)) if "&" in text else text


def tokens(source: str, attributes: frozenset[str]) -> Iterator[Token]:
    """Yield start tags, with those of their attributes that are in `attributes`, end tags and text."""
    position, length = 0, len(source)
    while position < length:
        opening = source.find("<", position)
        if opening < 0:
            opening = length
        if opening > position:
            yield TEXT, unescape(source[position:opening]), {}
        if opening == length:
            return
        is_end = source.startswith("/", opening + 1)
        name = _NAME.match(source, opening + 1 + is_end)
        if name is None:
            position = _after_no_tag(source, opening)
            if position == opening + 1:
                yield TEXT, "<", {}
            continue
        tag = name[0].lower()
        found, position = _attributes(source, name.end(), attributes)
        if position < 0:
            return
        yield (END if is_end else START), tag, found
        if tag in _RAW and not is_end:
            # </ and what follows is the end tag, which the next round reads.
            end = re.compile(f"</{tag}(?=[\\s/>])", re.IGNORECASE).search(source, position)
            position = end.start() if end else length


def _after_no_tag(source: str, opening: int) -> int:
    """Return where what begins like a tag, but is a comment, a declaration or a mere “<”, is over."""
    if source.startswith("<!--", opening):
        end, width = source.find("-->", opening + 2), 3
    elif source.startswith(("<!", "<?", "</"), opening):
        end, width = source.find(">", opening), 1
    else:
        return opening + 1
    return end + width if end >= 0 else len(source)


def _attributes(source: str, position: int, wanted: frozenset[str]) -> tuple[dict[str, str], int]:
    """Return the attributes from `position` on, and where their tag ends: -1 if it does not."""
    found: dict[str, str] = {}
    while match := _ATTRIBUTE.match(source, position):
        position = match.end()
        if match["end"]:
            return found, position
        if "" in (match["double_end"], match["single_end"]):
            break
        name = match["name"].lower()
        if name in wanted and name not in found:
            found[name] = unescape(match["double"] or match["single"] or match["bare"] or "")
    return found, -1
