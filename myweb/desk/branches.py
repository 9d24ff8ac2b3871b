"""What is done to the lines of many pages at once, as Line does it to one: a branch may have thousands of pages."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import Exists, OuterRef

from myweb.pages.blocks import Block, blocks_of_all
from myweb.pages.models import Page
from myweb.pages.redirects import Redirect

from .content import add_blocks, load
from .line import Conflict, Line, Sender, appending
from .models import Version

BATCH = 200  # pages


class PageLine(Line):
    """The line of a page that was read with others; what is appended is written with theirs."""

    def __init__(self, page: Page, last: Version | None, blocks: Sequence[Block]) -> None:
        self.model, self.key, self.row, self.last = Page, page.pk, page, last
        self.appended: list[Version] = []
        vars(self)["blocks"] = blocks

    @classmethod
    def of_made(cls, version: Version, parent: Page) -> "PageLine":
        """Return the line of a page that is made of `version` below `parent`, and not saved."""
        content = version.said
        page = Page(pk=version.key, position=content["position"])
        fields = {name: value for name, value in content["fields"].items() if name != "parent"}
        blocks = load(page, {**content, "fields": fields})
        page.parent = parent
        page.derive(parent)
        return cls(page, version, blocks)

    def _append(self, fields: dict[str, Any]) -> Version:
        self.last = version = self._next(fields)
        self.appended.append(version)
        return version


def end_all(keys: Collection[int], author: Any, deletion: str) -> None:
    """Append what goes with pages, which are about to be deleted, as Line.end() does."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), BATCH):
        lines = _lines(ordered[start : start + BATCH])
        for line in lines:
            line.append_end(Sender(author), deletion, line.row.position)
        try:
            with appending():
                _write(lines)
        except Conflict:
            for line in lines:
                Line(Page, line.key).end(author, deletion, line.row.position)


def make_again(versions: Sequence[Version], parents: Mapping[int, Page], author: Any) -> list[Page]:
    """
    Make pages that were deleted while they were live and had no draft, as they were then; return them.

    Those above, by their keys in `parents`, were made again in the same transaction: nothing else can be below them.
    """
    pages: list[Page] = []
    for start in range(0, len(versions), BATCH):
        batch = versions[start : start + BATCH]
        lines = [PageLine.of_made(version, parents[version.said["fields"]["parent"]]) for version in batch]
        made = [line.row for line in lines]
        with appending():
            Page.objects.bulk_create(made)
            add_blocks([block for line in lines for block in line.blocks])
            Redirect.remember(made)
            for line, version in zip(lines, batch, strict=True):
                line.append_live(line.row, line.blocks, version.said, Sender(author))
            _write(lines)
        pages += made
    return pages


def _lines(keys: Collection[int]) -> list[PageLine]:
    pages = list(Page.objects.without_tree_fields().filter(pk__in=keys))
    newer = Version.objects.filter(model=OuterRef("model"), key=OuterRef("key"), number__gt=OuterRef("number"))
    versions = Version.objects.filter(~Exists(newer), model=Page._meta.label_lower, key__in=keys, number__isnull=False)
    last = {version.key: version for version in versions.select_related("author")}
    blocks = blocks_of_all(pages)
    return [PageLine(page, last.get(page.pk), blocks[page.pk]) for page in pages]


def _write(lines: Sequence[PageLine]) -> None:
    Version.objects.bulk_create([version for line in lines for version in line.appended])
