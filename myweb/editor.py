"""What the editor's links have beside an address. Apart, since the settings name it before there are models."""

from typing import Any

from django_prose_editor.config import process_link

PAGE_ATTRIBUTE = "data-page"


def links_to_pages(config: Any, allowed: dict[str, Any]) -> None:
    """Have the sanitiser leave in a link the key of the page that it leads to."""
    process_link(config, allowed)
    allowed["attributes"]["a"].add(PAGE_ATTRIBUTE)
