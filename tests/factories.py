"""Things that many tests need one of."""

from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from myweb.pages import pictures
from myweb.pages.blocks.picture import Picture
from myweb.pages.blocks.text import Text
from myweb.pages.models import Page


def make_page(title: str = "About us", **fields: Any) -> Page:
    """Save a page whose address, unless given, comes from its title."""
    page = Page(title=title, **{"slug": title.lower().replace(" ", "-"), **fields})
    page.full_clean()
    page.save()
    return page


def make_text(page: Page, text: str = "<p>Some text.</p>", ordering: int = 10) -> Text:
    block = Text(parent=page, region="main", ordering=ordering, text=text)
    block.full_clean()
    block.save()
    return block


def make_picture(page: Page, ordering: int = 20, **fields: Any) -> Picture:
    fields = {"image": pictures.prepare(make_upload()), "alt_text": "A red field", **fields}
    block = Picture(parent=page, region="main", ordering=ordering, **fields)
    block.full_clean()
    block.save()
    return block


def make_upload(
    size: tuple[int, int] = (700, 100),
    image_format: str = "JPEG",
    name: str = "field.jpg",
    mode: str = "RGB",
    **options: Any,
) -> SimpleUploadedFile:
    """What a browser sends when a picture was chosen: small, but wide enough for renditions of two widths."""
    buffer = BytesIO()
    Image.new(mode, size, "red" if mode in ("RGB", "RGBA") else 1).save(buffer, image_format, **options)
    return SimpleUploadedFile(name, buffer.getvalue(), "image/jpeg")
