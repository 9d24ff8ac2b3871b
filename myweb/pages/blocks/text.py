from django.utils.translation import gettext_lazy as _

from myweb.formatted_text.fields import FormattedTextField
from myweb.formatted_text.words import beginning

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
        return beginning(self.text, length)
