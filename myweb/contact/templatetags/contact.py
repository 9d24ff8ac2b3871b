from typing import Any

from django import template

from myweb.contact import faults

register = template.Library()


@register.inclusion_tag("contact/fault.html", takes_context=True)
def mail_fault(context: Any) -> dict[str, Any]:
    """A banner about mail that does not go out, for those who may read the messages."""
    allowed = context["request"].user.has_perm("contact.view_contactmessage")
    return {"fault": faults.find() if allowed else None}
