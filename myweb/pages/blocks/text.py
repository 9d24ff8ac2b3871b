from html import unescape

from django.utils.html import strip_tags
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from myweb.formatted_text.fields import FormattedTextField

from . import Block


class Text(Block):
    """A block of formatted text."""

    icon = "notes"
    place = 10
    search_fields = ["text"]

    text = FormattedTextField(
        _("text"),
        extensions={
            "Bold": True,
            "Italic": True,
            "Heading": {"levels": [2, 3]},
            "BulletList": True,
            "OrderedList": True,
            "ListItem": True,
            "Blockquote": True,
            "HorizontalRule": True,
            "HardBreak": True,
            "Link": True,
            # An editor with only some of these four fails to start.
            "Table": True,
            "TableRow": True,
            "TableHeader": True,
            "TableCell": True,
        },
        sanitize=True,
    )

    class Meta:
        verbose_name = _("text")
        verbose_name_plural = _("texts")

    def __str__(self) -> str:
        return self.excerpt(60)

    def excerpt(self, length: int) -> str:
        """Return the beginning of the text as plain words, at most `length` characters."""
        words = " ".join(strip_tags(self.text.replace("</", " </").replace("<br", " <br")).split())
        return Truncator(unescape(words)).chars(length)
