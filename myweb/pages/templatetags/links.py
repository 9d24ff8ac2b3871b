"""What the admin says of links that lead nowhere, and of what points to pages that go."""

from typing import Any

from django import template

from myweb.pages.pointing import dead_links as find_dead_links

SHOWN_AT_MOST = 20

register = template.Library()


@register.inclusion_tag("pages/dead_links.html", takes_context=True)
def dead_links(context: Any) -> dict[str, Any]:
    """List the links that lead nowhere, for those who may see the pages."""
    if not context["request"].user.has_perm("pages.view_page"):
        return {}
    found = find_dead_links()
    return {"links": found[:SHOWN_AT_MOST], "others": max(0, len(found) - SHOWN_AT_MOST)}
