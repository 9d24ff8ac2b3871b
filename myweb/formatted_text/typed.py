"""Texts that were typed as they are stored, where there is no editor: in browsers without JavaScript."""

import re
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django_prose_editor.widgets import AdminProseEditorWidget

EXAMPLES = {
    "h2": ("<h2>{}</h2>", gettext_noop("Heading")),
    "h3": ("<h3>{}</h3>", gettext_noop("Subheading")),
    "strong": ("<strong>{}</strong>", gettext_noop("Bold")),
    "em": ("<em>{}</em>", gettext_noop("Italic")),
    "a": ('<a href="/contact/">{}</a>', gettext_noop("Link")),
    "ul": ("<ul><li>{}</li></ul>", gettext_noop("Bulleted list")),
    "ol": ("<ol><li>{}</li></ol>", gettext_noop("Numbered list")),
    "blockquote": ("<blockquote>{}</blockquote>", gettext_noop("Quotation")),
}
_EMPTY_LINES = re.compile(r"\n(?:[ \t]*\n)+")
_NOT_WITHIN_PARAGRAPHS = re.compile(r"<(?!/?(?:a|b|br|em|i|strong)\b)[a-z/!]", re.IGNORECASE)


def with_paragraphs(html: str) -> str:
    """Return `html` with a paragraph of each part between empty lines that is nothing else, and its lines apart."""
    parts = _EMPTY_LINES.split(html.replace("\r\n", "\n").strip())
    return "\n\n".join(map(_paragraph, parts)) if "\n" in html else html


def _paragraph(part: str) -> str:
    lines = part.strip().split("\n")
    return part if _NOT_WITHIN_PARAGRAPHS.search(part) else f"<p>{'<br>'.join(lines)}</p>"


class FormattedTextInput(AdminProseEditorWidget):  # type: ignore[misc]
    """The editor; where there is none, it says how texts are written that may have `tags`."""

    def __init__(self, tags: frozenset[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tags = tags

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        examples = [(html.format(_(name)),) for tag, (html, name) in EXAMPLES.items() if tag in self.tags]
        return format_html(
            '{}<noscript><p class="help">{} {}</p></noscript>',
            super().render(name, value, attrs, renderer),
            _("An empty line begins a new paragraph. This can be typed, too:"),
            format_html_join(" ", "<code>{}</code>", examples),
        )
