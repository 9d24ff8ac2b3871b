"""The demonstration site: what `manage.py demo` writes (the .toml files) and shows (pictures/)."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NotRequired, TypedDict, cast

PICTURES = {path.name: path for path in sorted((Path(__file__).parent / "pictures").glob("*.jpg"))}
SITE = {
    "name": "Far Hills 远山",
    "tagline": "On keeping a small website · 小网站手记",
    "footer_text": (
        "<p><strong>Far Hills</strong>, 3 Mill Lane, Upper Valley<br>"
        "An example, to be replaced by your own site. 这是一个样例，请换成您自己的网站。</p>"
    ),
}


class Entry(TypedDict):
    """A page; where it says no language, it is in that of the page above."""

    path: str
    title: str
    language: NotRequired[str]
    description: str
    menu: NotRequired[str]
    # The kind of each block, and its fields; a file is the name of one in PICTURES
    block: list[dict[str, str]]


def entries() -> Iterator[Entry]:
    """Yield the pages, each after the one above it."""
    for name in ("english.toml", "chinese.toml"):
        content = tomllib.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))
        yield from cast(list[Entry], content["page"])
