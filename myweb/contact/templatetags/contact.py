from typing import Any

from django import template

from myweb.contact import trouble

register = template.Library()


@register.inclusion_tag("contact/trouble.html", takes_context=True)
def mail_trouble(context: Any) -> dict[str, Any]:
    """A banner about mail that does not go out, for those who may read the messages."""
    allowed = context["request"].user.has_perm("contact.view_contactmessage")
    return {"trouble": trouble.find() if allowed else None}
