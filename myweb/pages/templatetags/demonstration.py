"""What the admin's first page says as long as the demonstration is there."""

from typing import Any

from django import template

from myweb.pages.demo import removing
from myweb.pages.demo_admin import may_remove

register = template.Library()


@register.inclusion_tag("pages/demonstration.html", takes_context=True)
def demonstration(context: Any) -> dict[str, Any]:
    """Offer to remove what nobody has changed, to those who may."""
    return {"is_there": may_remove(context["request"].user) and bool(removing.untouched(removing.pages()))}
