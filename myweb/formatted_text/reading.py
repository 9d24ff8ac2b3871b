"""Reads the HTML of any program into blocks."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from .blocks import BREAK, Attributes, Block, Container, Item, Marks, Words, divided, tidied
from .lists import find_sign, group, list_attributes, read_sign
from .tokens import END, START, tokens

DEEPEST = 16  # containers within each other; people make three or four

_ATTRIBUTES = {
    *("alt", "aria-level", "class", "colspan", "data-aria-level", "data-type", "height", "hidden", "href", "role"),
    *("rowspan", "start", "style", "type", "width"),
}
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = {"ul", "ol"}
_CELLS = {"td", "th"}
# What each part of a table can be right within
_AROUND = {"table", "tbody", "thead", "tfoot"}
_PARENTS = {
    **{part: {"table"} for part in ("tbody", "thead", "tfoot", "caption", "colgroup")},
    "tr": _AROUND,
    **{cell: {"tr", *_AROUND} for cell in _CELLS},
}
_BLOCKS = {
    *(*_HEADINGS, *_LISTS, *_PARENTS, "address", "article", "aside", "blockquote", "body", "center", "dd", "details"),
    *("dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "html"),
    *("legend", "li", "main", "menu", "nav", "option", "p", "pre", "section", "select", "summary", "table"),
}
# End tags reach no further than to the innermost of these.
_SCOPES = {"table", "td", "th", "caption", "ul", "ol"}
_BOLD, _ITALIC = {"b", "strong", "dt"}, {"i", "em", "cite", "dfn", "var"}
# What cannot come along, and what of it nobody sees
_EMBEDDED = {"video", "audio", "iframe", "object", "embed", "canvas", "math", "applet"}
_UNSEEN = {"template", "datalist", "del", "button", "select", "svg", "xml", *_EMBEDDED}
_CONTROL = re.compile(r"[\0-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_STYLE = re.compile(r"([\w-]+)\s*:\s*([^;]*)")
# Links from and to notes, comments and tables of contents of a document, whose targets do not come along
_WITHIN_DOCUMENT = re.compile(r"#(?:_(?:ftn|edn|mso|toc|ref|hlk)|sd(?:foot|end)note|ftnt|cmnt)", re.IGNORECASE)
_HIGH = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_LOW = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")


_UNMARKED = Marks()


@dataclass(slots=True)
class Element:
    """An element that is open, with what it says of the words in it."""

    name: str = ""
    marks: Marks = _UNMARKED
    level: int = 0
    item: Item | None = None
    is_hidden: bool = False
    is_sign: bool = False
    is_preformatted: bool = False
    continues_item: bool = False
    in_notes: bool = False
    in_list_wrapper: bool = False
    shift: str = ""
    container: Container | None = None


@dataclass(slots=True)
class LeftOut:
    """How many things cannot be part of a text."""

    pictures: int = 0
    embedded: int = 0
    comments: int = 0

    def __bool__(self) -> bool:
        return bool(self.pictures or self.embedded or self.comments)

    def __add__(self, other: "LeftOut") -> "LeftOut":
        return LeftOut(self.pictures + other.pictures, self.embedded + other.embedded, self.comments + other.comments)


@dataclass
class Reader:
    """
    Makes `text` of HTML in one pass. Elements that are open are a stack, with what counts for the words in them; so are
    the containers of what is written, which are fewer.
    """

    tags: frozenset[str]
    link_attributes: frozenset[str]
    text: Container = field(default_factory=lambda: Container("text"))
    left_out: LeftOut = field(default_factory=LeftOut)

    def __post_init__(self) -> None:
        self.elements = [Element()]
        self.containers = [self.text]
        self.open: Counter[str] = Counter()
        self.scopes: list[Counter[str]] = [Counter()]
        self.words: list[Words] = []
        self.sign = ""

    def read(self, html: str) -> Container:
        for kind, value, attributes in tokens(html, self.link_attributes | _ATTRIBUTES):
            if kind == START:
                self.start(value, attributes)
            elif kind == END:
                self.end(value)
            else:
                self.say(value)
        while len(self.elements) > 1:
            self._pop()
        self._close_block()
        group(self.text)
        return self.text

    # Tags

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name in _PARENTS and not self._prepare_table(name):
            self._close_block()
            return
        self._close_implied(name)
        if name in _BLOCKS:
            self._close_block()
        element = self._element(name, attributes)
        if not self.elements[-1].is_hidden:
            self._count(name, attributes, element)
        if name in _VOID:
            self._void(name, element)
            return
        self._push(element)
        if not element.is_hidden:
            self._open_container(name, attributes, element)

    def end(self, name: str) -> None:
        if (self.open if name in _SCOPES else self.scopes[-1])[name]:
            while self._pop() != name:
                pass

    def _push(self, element: Element) -> None:
        self.elements.append(element)
        self.open[element.name] += 1
        self.scopes[-1][element.name] += 1
        if element.name in _SCOPES:
            self.scopes.append(Counter())

    def _pop(self) -> str:
        element = self.elements[-1]
        if element.name in _BLOCKS or element.container is not None:
            self._close_block()
        self.elements.pop()
        if element.name in _SCOPES:
            self.scopes.pop()
        self.scopes[-1][element.name] -= 1
        self.open[element.name] -= 1
        if element.container is not None:
            self._close_container()
        return element.name

    def _close_implied(self, name: str) -> None:
        """Close what need not be closed by a tag of its own."""
        scope = self.scopes[-1]
        if name in _BLOCKS and scope["p"]:
            self.end("p")
        if name in _HEADINGS and self.elements[-1].name in _HEADINGS:
            self._pop()
        for other in {"li": ["li"], "dt": ["dt", "dd"], "dd": ["dt", "dd"]}.get(name, []):
            if scope[other]:
                self.end(other)

    def _prepare_table(self, name: str) -> bool:
        """Close what stands in the way of a part of a table; return whether there is a table."""
        if not self.open["table"]:
            return False
        while self.elements[-1].name not in _PARENTS[name]:
            self._pop()
        return True

    # What elements say

    def _element(self, name: str, attributes: dict[str, str]) -> Element:
        element = replace(self.elements[-1], name=name, container=None)
        if name in _BOLD:
            element.marks = element.marks._replace(bold=True)
        elif name in _ITALIC:
            element.marks = element.marks._replace(italic=True)
        elif name == "a":
            element.marks = element.marks._replace(link=self._link(attributes))
        elif name in ("sup", "sub"):
            element.shift = name
        elif name == "pre":
            element.is_preformatted = True
        elif name in _HEADINGS:
            element.level = _HEADINGS[name]
        if name in _UNSEEN or "hidden" in attributes:
            element.is_hidden = True
        if "role" in attributes and attributes["role"] == "heading" and name in _BLOCKS:
            element.level = _number(attributes.get("aria-level"), 2)
        if "class" in attributes:
            self._read_class(element, attributes)
        if "style" in attributes:
            _read_style(element, attributes["style"])
        return element

    def _read_class(self, element: Element, attributes: dict[str, str]) -> None:
        for name in attributes["class"].split():
            if name == "MsoTitle":
                element.level = 1
            elif name.startswith("MsoHeading"):
                element.level = _number(name.removeprefix("MsoHeading"), 1)
            elif name.startswith("MsoListParagraph"):
                element.continues_item = True
            elif name == "ListContainerWrapper":
                element.in_list_wrapper = True
            elif name in ("msocomanchor", "msoDel"):
                element.is_hidden = True
        if element.name == "li" and element.in_list_wrapper:
            # Word on the web puts each item into a list of its own.
            listing = self.elements[-1].name
            level = _number(attributes.get("data-aria-level") or attributes.get("aria-level"), 1)
            element.item = replace(self.elements[-1].item or Item(1), level=level, is_ordered=listing == "ol")

    def _link(self, attributes: dict[str, str]) -> Attributes:
        address = attributes.get("href", "").strip()
        if not address or _WITHIN_DOCUMENT.match(address):
            return ()
        return tuple((name, value) for name, value in attributes.items() if name in self.link_attributes)

    def _count(self, name: str, attributes: dict[str, str], element: Element) -> None:
        is_tiny = _number(attributes.get("width"), 99) < 3 or _number(attributes.get("height"), 99) < 3
        is_invisible = "hidden" in attributes or (element.is_hidden and name not in _UNSEEN)
        if name in ("img", "v:imagedata") and not element.is_sign and not is_invisible:
            alternative = attributes.get("alt", "")
            if alternative and len(alternative) < 9 and not re.search(r"[\w*]", alternative):
                self.say(alternative)  # an emoji
            elif not is_tiny:
                self.left_out.pictures += 1
        elif name == "svg" and _number(attributes.get("width"), 0) > 99:  # Smaller ones are icons.
            self.left_out.pictures += 1
        elif name in _EMBEDDED and not is_tiny:
            self.left_out.embedded += 1
        elif name == "a" and "msocomanchor" in attributes.get("class", ""):
            self.left_out.comments += 1

    def _void(self, name: str, element: Element) -> None:
        if element.is_hidden:
            return
        if name == "br":
            self.say(BREAK)
        elif name == "hr" and name in self.tags and not element.in_notes:
            self._append(Container("hr"))

    # Containers

    def _open_container(self, name: str, attributes: dict[str, str], element: Element) -> None:
        if len(self.containers) > DEEPEST:
            return
        top = self.containers[-1].tag
        if name in _LISTS:
            self._open_list(name, attributes, element)
        elif name == "li" and element.item is None and "li" in self.tags:
            if top not in _LISTS:
                self._open(self.elements[-1], "ul")
                element = self._nested(element)
            self._style_list(attributes)
            self._open(element, "li")
        elif name == "table":
            element.item, element.level, element.continues_item = None, 0, False
            if name in self.tags:
                self._open(element, name, {"role": attributes["role"]} if "role" in attributes else {})
        elif name == "tr" and (top == "table" or "table" not in self.tags):
            self._open(element, name)
        elif name in _CELLS and name in self.tags:
            if top == "table":
                self._open(element, "tr")
                element = self._nested(element)
            if self.containers[-1].tag == "tr":
                sizes = {size: attributes[size] for size in ("colspan", "rowspan") if _is_size(attributes.get(size))}
                self._open(element, name, sizes)
        elif name == "blockquote" and name in self.tags:
            self._open(element, name)

    def _open_list(self, name: str, attributes: dict[str, str], element: Element) -> None:
        style, start = _style_and_start(attributes)
        if element.in_list_wrapper:
            element.item = Item(1, name == "ol", style, start)
            return
        element.item = None
        if name in self.tags:
            self._open(element, name, list_attributes(style, start) if name == "ol" else {})
        elif "ul" in self.tags:
            self._open(element, "ul")

    def _nested(self, element: Element) -> Element:
        """Return an element within `element` for a second container, which is closed first."""
        inner = replace(element, name="", container=None)
        self._push(inner)
        return inner

    def _open(self, element: Element, tag: str, attributes: dict[str, str] | None = None) -> None:
        element.container = Container(tag, attributes or {})
        self.containers.append(element.container)

    def _style_list(self, attributes: dict[str, str]) -> None:
        """Google Docs gives the style of a list to its items."""
        listing = self.containers[-1]
        style, _start = _style_and_start(attributes)
        if listing.tag == "ol" and not listing.children and "data-type" not in listing.attributes:
            listing.attributes |= list_attributes(style, None)

    def _close_container(self) -> None:
        container = self.containers.pop()
        if container.tag in {*_CELLS, "blockquote"}:
            group(container)
        elif container.tag in _LISTS:
            _join_items(container)
        elif container.tag == "table":
            is_nested = any(around.tag in _CELLS for around in self.containers)
            if _is_layout(container, is_nested):
                for child in [child for cell in _cells(container) for child in cell.children]:
                    self._append(child)
                return
        elif container.tag == "tr" and "table" not in self.tags:
            # A row, where there are no tables, is a line.
            if words := tidied(_joined(container)):
                self._append(Block(words))
            return
        if container.children or container.tag in _CELLS:
            self._append(container)

    def _append(self, child: Block | Container) -> None:
        """Put `child` where it may be: what is in a table, but in no cell, is before it."""
        tag = child.tag if isinstance(child, Container) else ""
        for container in reversed(self.containers):
            if container.tag == "tr" and tag not in _CELLS and "table" in self.tags:
                continue
            if container.tag == "table" and tag != "tr":
                continue
            container.children.append(child)
            return

    # Words

    def say(self, text: str) -> None:
        element = self.elements[-1]
        if element.is_hidden:
            return
        text = _CONTROL.sub("", text)
        if element.is_sign:
            self.sign += text
            return
        if element.is_preformatted and text != BREAK:
            for number, line in enumerate(text.replace("\r\n", "\n").split("\n")):
                self.words += [Words(BREAK, element.marks)] * (number > 0) + [Words(line, element.marks)]
            return
        if text != BREAK:
            text = _shifted(text, element.shift).replace("\n", " ")
        self.words.append(Words(text, element.marks))

    def _close_block(self) -> None:
        words, self.words = self.words, []
        sign, self.sign = self.sign.strip(), ""
        element = self.elements[-1]
        parts = divided(words, 2 if "br" in self.tags else 1)
        if element.level and "h2" in self.tags:
            # The number of a heading is part of what people call it.
            if any(character.isdigit() for character in sign):
                parts[0].insert(0, Words(f"{sign} ", _UNMARKED))
            for part in parts:
                if tidy := _not_all_bold(tidied(part)):
                    self._append(Block(tidy, element.level))
            return
        item, continues_item = element.item, element.continues_item
        for part in parts:
            found, rest = self._find_item(item, sign, part, element)
            if tidy := tidied(rest):
                self._append(Block(tidy, 0, found, continues_item))
                # What comes after it in the same element belongs to the item.
                item, sign, continues_item = None, "", continues_item or found is not None

    def _find_item(
        self, item: Item | None, sign: str, words: list[Words], element: Element
    ) -> tuple[Item | None, list[Words]]:
        """Return what the paragraph is an item of, if of any, and its words without the sign."""
        if self.containers[-1].tag == "li" or "ul" not in self.tags:
            return None, words
        if item is not None and (sign or element.in_list_wrapper):
            item = read_sign(sign, item.level) if sign else item
        elif found := find_sign(words, element.continues_item or item is not None):
            item, words = replace(found[0], level=item.level if item else found[0].level), found[1]
        if item is not None and "ol" not in self.tags:
            item = replace(item, is_ordered=False)
        return item, words


def _read_style(element: Element, text: str) -> None:
    style = {name.lower(): value.strip().lower() for name, value in _STYLE.findall(text)}
    if weight := style.get("font-weight"):
        is_bold = weight.startswith("bold") or (weight.isdecimal() and weight >= "600")
        element.marks = element.marks._replace(bold=is_bold)
    if slant := style.get("font-style"):
        element.marks = element.marks._replace(italic=slant.startswith(("italic", "oblique")))
    if place := style.get("vertical-align"):
        element.shift = {"super": "sup", "sub": "sub"}.get(place, "")
    if (
        style.get("display") == "none"
        or style.get("visibility") == "hidden"
        or style.get("mso-hide") == "all"
        or re.fullmatch(r"0(?:\.0+)?(?:px|pt|em|rem)?", style.get("font-size", ""))
    ):
        element.is_hidden = True
    part = style.get("mso-element", "")
    element.is_hidden |= part.startswith("comment") or style.get("mso-special-character") == "comment"
    element.in_notes |= part in ("footnote-list", "endnote-list")
    item = style.get("mso-list", "")
    element.is_sign |= item == "ignore"
    if (level := re.search(r"\blevel(\d)", item)) and element.name != "li":
        element.item = Item(int(level[1]))


def _shifted(text: str, shift: str) -> str:
    """Return “2” as “²”: there is no mark for what is above the line, or below."""
    table = {"sup": _HIGH, "sub": _LOW}.get(shift)
    if table and text.strip() and all(ord(character) in table for character in text.strip()):
        return text.translate(table)
    return text


def _not_all_bold(words: list[Words]) -> list[Words]:
    """Return the words of a heading, which are bold anyway."""
    if all(each.marks.bold or not each.text.strip() for each in words):
        return [each._replace(marks=each.marks._replace(bold=False)) for each in words]
    return words


def _number(text: str | None, otherwise: int) -> int:
    """Return `text`, the value of an attribute, as a number of at most four digits; `otherwise` if it is none."""
    match = re.match(r"\s*(\d{1,4})(?![\d%])", text or "", re.ASCII)
    return int(match[1]) if match else otherwise


def _is_size(text: str | None) -> bool:
    return 0 < _number(text, 0) <= 1000


def _style_and_start(attributes: dict[str, str]) -> tuple[str, int | None]:
    """Return the style of a list, or of one of its items, and the number it begins with."""
    style = re.search(r"list-style(?:-type)?\s*:\s*([\w-]+)", attributes.get("style", ""))
    name = attributes.get("data-type") or (style[1] if style else "") or attributes.get("type", "")
    return name, _number(attributes.get("start"), 0) or None


def _joined(row: Container) -> list[Words]:
    """Return the words of a row as those of one paragraph."""
    words: list[Words] = []
    for block in row.blocks():
        words += [Words(" ", _UNMARKED)] * bool(words) + block.words
    return words


def _cells(table: Container) -> Iterator[Container]:
    for row in table.children:
        if isinstance(row, Container):
            yield from (cell for cell in row.children if isinstance(cell, Container))


def _is_layout(table: Container, is_nested: bool) -> bool:
    """Return whether a table only puts things beside each other, as in mails."""
    cells = list(_cells(table))
    is_single = len(cells) == 1
    return (
        table.attributes.pop("role", "") in ("presentation", "none")
        or (is_nested and is_single)
        or any(cell.has("table") for cell in cells)
    )


def _join_items(listing: Container) -> None:
    """Put what is directly in a list, lists too, into the item before it."""
    items: list[Block | Container] = []
    for child in listing.children:
        for part in _strays(child):
            last = items[-1] if items else None
            if isinstance(part, Container) and part.tag == "li":
                items.append(part)
            elif isinstance(last, Container):
                last.children.append(part)
            elif isinstance(part, Container) and part.tag in _LISTS:
                listing.tag, listing.attributes = part.tag, part.attributes
                items += part.children
            else:
                items.append(Container("li", children=[part]))
    listing.children = items


def _strays(child: Block | Container) -> list[Block | Container]:
    """Return the lists of an item that has nothing else, and anything else as it is."""
    if isinstance(child, Block) or child.tag != "li":
        return [child]
    has_only_lists = all(isinstance(part, Container) and part.tag in _LISTS for part in child.children)
    return child.children if has_only_lists else [child]
