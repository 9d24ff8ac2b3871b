"""Makes lists of paragraphs that are items by their looks: “·  Milk”, “1.  Milk”."""

import re

from .blocks import Block, Container, Item, Words, without_start

# After what Word writes before an item, there is more than one space, some of them unbreakable. Before a mere space,
# only what nobody begins a sentence with is taken for a sign.
_BULLET = re.compile(r"\s*(?:[·•▪‣◦●■□➢➤✓\uf0b7\uf0a7\uf0d8]\s+|([o§\-–—*])(?:\s*[\xa0\t]\s*|\s{2,})(?=\S))")
_NUMBER = re.compile(r"\s*([(（]?(?:\d{1,4}(?:\.\d{1,3})*|[A-Za-z]|[ivxIVX]{2,6})[.)）、])(?=\s)")
_WIDE = re.compile(r"\s*[\xa0\t]\s*|\s{2,}")
_CHINESE = "一二三四五六七八九十"
_LEVELS = {"o": 2, "§": 3}


def read_sign(sign: str, level: int) -> Item:
    """Return the item of which `sign`, such as “a)”, stands before the words."""
    text = sign.strip(" \t\r\n\xa0()（）.、:：")
    if text.isascii() and (number := re.search(r"(?:^|\.)(\d{1,4})$", text)):
        return Item(level, True, "", int(number[1]))
    if len(text) == 1 and text in _CHINESE:
        return Item(level, True, "", _CHINESE.index(text) + 1)
    if text and all(character in _CHINESE for character in text):
        return Item(level, True)
    if re.fullmatch(r"[ivx]{2,6}|[IVX]{2,6}|[iI]", text) and text != sign.strip():
        return Item(level, True, "lower-roman" if text.islower() else "upper-roman")
    if re.fullmatch(r"[A-Za-z]", text) and text != sign.strip():
        return Item(level, True, "lower-alpha" if text.islower() else "upper-alpha", ord(text.lower()) - ord("a") + 1)
    return Item(level)


def find_sign(words: list[Words], is_item: bool) -> tuple[Item, list[Words]] | None:
    """Return what `words` are an item of, and the words after its sign; None if they are a paragraph like any other."""
    text = "".join(each.text for each in words)
    if bullet := _BULLET.match(text):
        return Item(_LEVELS.get(bullet[1], 1)), without_start(words, bullet.end())
    number = _NUMBER.match(text)
    if number and (is_item or _WIDE.match(text, number.end())):
        return read_sign(number[1], 1), without_start(words, number.end())
    return None


def group(container: Container) -> None:
    """Put the items among the children of `container` into lists."""
    children: list[Block | Container] = []
    open_lists: list[tuple[Item, Container]] = []  # from the outermost one, with the last item of each
    for child in container.children:
        if isinstance(child, Block) and child.item is not None:
            _add(child, child.item, open_lists, children)
        elif isinstance(child, Block) and child.continues_item and open_lists:
            _last_item(open_lists).children.append(child)
        else:
            open_lists = []
            children.append(child)
    container.children = children


def _add(block: Block, item: Item, open_lists: list[tuple[Item, Container]], children: list[Block | Container]) -> None:
    while len(open_lists) > 1 and open_lists[-1][0].level > item.level:
        open_lists.pop()
    if open_lists and open_lists[-1][0].level >= item.level:
        last, listing = open_lists.pop()
        if _goes_on(last, item):
            listing.children.append(Container("li", children=[block]))
            open_lists.append((item, listing))
            return
    listing = Container("ol" if item.is_ordered else "ul", list_attributes(item.style, item.number))
    listing.children.append(Container("li", children=[block]))
    (_last_item(open_lists).children if open_lists else children).append(listing)
    open_lists.append((item, listing))


def _goes_on(last: Item, item: Item) -> bool:
    if last.is_ordered != item.is_ordered:
        return False
    return last.number is None or item.number is None or item.number == last.number + 1


def _last_item(open_lists: list[tuple[Item, Container]]) -> Container:
    item = open_lists[-1][1].children[-1]
    assert isinstance(item, Container)  # noqa: S101
    return item


_TYPES = {"decimal": "", "lower-alpha": "a", "upper-alpha": "A", "lower-roman": "i", "upper-roman": "I"}
_STYLES = {"1": "decimal", "lower-latin": "lower-alpha", "upper-latin": "upper-alpha"} | {
    letter: style for style, letter in _TYPES.items() if letter
}


def list_attributes(style: str, start: int | None) -> dict[str, str]:
    """Return the attributes of an <ol> with `style`, a type of HTML or CSS, as the editor writes them."""
    style = _STYLES.get(style, style)
    attributes = {
        "data-type": style if style in _TYPES else "",
        "start": str(start) if start and start != 1 else "",
        "type": _TYPES.get(style, ""),
    }
    return {name: value for name, value in attributes.items() if value}
