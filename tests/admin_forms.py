"""What a browser would send of the forms of the admin."""

from datetime import datetime
from typing import Any

from django.test import Client
from django.utils import timezone

ADD = "/admin/pages/page/add/"


def new_form(client: Client) -> tuple[str, dict[str, Any]]:
    """Open the form for a new page; return its address, and what it sends as it is to be published."""
    url = client.get(ADD).headers["Location"]
    return url, form_data(client.get(url))


def form_data(response: Any) -> dict[str, Any]:
    """Return what a browser would send if the form were published, or saved, as it is."""
    forms = [response.context["adminform"].form]
    for inline in response.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    data = {}
    if desk := response.context.get("desk"):
        data |= desk["fields"] | {"_publish": "Publish"}
    for field in (field for form in forms for field in form):
        value = field.value()
        if isinstance(value, datetime):
            local = timezone.localtime(value)
            data[f"{field.html_name}_0"], data[f"{field.html_name}_1"] = f"{local:%Y-%m-%d}", f"{local:%H:%M:%S}"
        elif value is not None and value is not False and not hasattr(value, "field"):
            data[field.html_name] = value
    return data


def add_block(data: dict[str, Any], kind: str, **fields: Any) -> None:
    prefix = f"pages_{kind}_set"
    number = int(data[f"{prefix}-TOTAL_FORMS"])
    data[f"{prefix}-TOTAL_FORMS"] = number + 1
    for name, value in {"region": "main", "ordering": 10, **fields}.items():
        data[f"{prefix}-{number}-{name}"] = value
