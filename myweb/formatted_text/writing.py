"""Writes blocks as the editor writes them."""

from collections.abc import Collection, Iterator
from html import escape

from .blocks import BREAK, Block, Container, Marks, Words

_CELLS = ("td", "th")


def write(text: Container, tags: Collection[str]) -> str:
    """Return `text`, whose containers are among `tags`, as HTML; where no tag is for a block, it is a paragraph."""
    levels = _levels(text)
    return "".join(_write(text.children, tags, levels, around=""))


def _levels(text: Container) -> dict[int, str]:
    """Return the tag for each level of the headings: in their order, unless they are right as they are."""
    levels = sorted({block.level for block in text.blocks()} - {0})
    if set(levels) <= {2, 3}:
        return {level: f"h{level}" for level in levels}
    return {level: "h2" if level == levels[0] else "h3" for level in levels}


def _write(
    children: list[Block | Container], tags: Collection[str], levels: dict[int, str], around: str
) -> Iterator[str]:
    for child in children:
        if isinstance(child, Block):
            tag = levels.get(child.level, "p")
            # An item begins with a paragraph.
            tag = tag if tag in tags and around != "li" else "p"
            yield f"<{tag}>{write_words(child.words)}</{tag}>"
        elif child.tag == "hr":
            yield "<hr>"
        else:
            attributes = "".join(f' {name}="{escape(value)}"' for name, value in child.attributes.items())
            yield f"<{child.tag}{attributes}>" + ("<tbody>" if child.tag == "table" else "")
            yield from _write(child.children, tags, levels, child.tag)
            if child.tag in _CELLS and not child.children:
                yield "<p></p>"
            yield ("</tbody>" if child.tag == "table" else "") + f"</{child.tag}>"


def write_words(words: list[Words]) -> str:
    """Return `words` as HTML, in which marks that go on are not closed between."""
    written: list[str] = []
    open_tags: list[tuple[str, str]] = []
    for each in words:
        wanted = list(_tags(each.marks))
        same = 0
        while same < min(len(wanted), len(open_tags)) and wanted[same] == open_tags[same]:
            same += 1
        written += (f"</{name}>" for name, _tag in reversed(open_tags[same:]))
        written += (tag for _name, tag in wanted[same:])
        written.append("<br>" if each.text == BREAK else escape(each.text, quote=False))
        open_tags = wanted
    return "".join(written) + "".join(f"</{name}>" for name, _tag in reversed(open_tags))


def _tags(marks: Marks) -> Iterator[tuple[str, str]]:
    if marks.link:
        yield "a", "<a" + "".join(f' {name}="{escape(value)}"' for name, value in marks.link) + ">"
    if marks.bold:
        yield "strong", "<strong>"
    if marks.italic:
        yield "em", "<em>"
