"""What a text is made of: blocks in containers, and words with marks in blocks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

# What stands for <br> among words, which have no line ends of their own
BREAK = "\n"
Attributes = tuple[tuple[str, str], ...]


class Marks(NamedTuple):
    link: Attributes = ()
    bold: bool = False
    italic: bool = False


class Words(NamedTuple):
    text: str
    marks: Marks


@dataclass(frozen=True, slots=True)
class Item:
    """What a paragraph says of itself that is an item of a list only by its looks."""

    level: int
    is_ordered: bool = False
    style: str = ""
    number: int | None = None


@dataclass(slots=True)
class Block:
    """A paragraph, or a heading of any level above 0."""

    words: list[Words]
    level: int = 0
    item: Item | None = None
    continues_item: bool = False


@dataclass(slots=True)
class Container:
    """What holds blocks, or containers: a list, an item, a table, a row, a cell, a quotation, or the whole text."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Block | Container"] = field(default_factory=list)

    def blocks(self) -> Iterator[Block]:
        """Yield all blocks in here; containers are nested in at most DEEPEST of each other."""
        for child in self.children:
            if isinstance(child, Block):
                yield child
            else:
                yield from child.blocks()

    def has(self, tag: str) -> bool:
        """Return whether a container `tag` is in here."""
        inner = [child for child in self.children if isinstance(child, Container)]
        return any(child.tag == tag or child.has(tag) for child in inner)


# What is left out between words, and what has no width
_SPACES = " \t\r\f\xa0" + BREAK
_INVISIBLE = _SPACES + "\u200b\u2060\u3000\ufeff"
_RUN = re.compile(f"[{_SPACES}]+")


def divided(words: list[Words], breaks: int) -> list[list[Words]]:
    """Return `words` divided where as many lines as `breaks` end at once."""
    parts: list[list[Words]] = [[]]
    number = 0
    for each in words:
        if each.text == BREAK:
            number += 1
        elif each.text.strip(_SPACES):
            if number >= breaks:
                parts.append([])
            number = 0
        parts[-1].append(each)
    return parts


def tidied(words: list[Words]) -> list[Words]:
    """Return `words` with single spaces between them and none at the ends; nothing if there is nothing to be seen."""
    tidy: list[Words] = []
    for each in words:
        if each.text == BREAK:
            _strip_end(tidy, _SPACES.replace(BREAK, ""))
            if tidy:
                tidy.append(each)
            continue
        text = _RUN.sub(lambda run: run[0] if run[0] == "\xa0" else " ", each.text)
        if not tidy or tidy[-1].text[-1] in _SPACES:
            text = text.lstrip(_SPACES)
        if text:
            tidy.append(each._replace(text=text))
    _strip_end(tidy, _SPACES)
    return tidy if any(each.text.strip(_INVISIBLE) for each in tidy) else []


def _strip_end(words: list[Words], characters: str) -> None:
    while words:
        last = words.pop()
        if text := last.text.rstrip(characters):
            words.append(last._replace(text=text))
            return


def without_start(words: list[Words], length: int) -> list[Words]:
    """Return `words` without their first `length` characters."""
    rest: list[Words] = []
    for each in words:
        if len(each.text) > length:
            rest.append(each._replace(text=each.text[length:]))
        length = max(0, length - len(each.text))
    return rest
