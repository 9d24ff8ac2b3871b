"""What the templates for visitors have at hand: Jinja2, since Django's own take several times as long."""

from typing import Any

from django.template.defaultfilters import capfirst, linebreaks_filter, linebreaksbr
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language, gettext
from jinja2 import Environment

from .frame import Frame


def environment(**options: Any) -> Environment:
    environment = Environment(keep_trailing_newline=True, **options)  # noqa: S701  # Django switches escaping on
    environment.filters |= {"capfirst": capfirst, "linebreaks": linebreaks_filter, "linebreaksbr": linebreaksbr}
    environment.globals |= {
        "_": gettext,
        "load_frame": Frame.load,
        "language": get_language,
        "static": static,
        "url": lambda name, *args: reverse(name, args=args),
    }
    return environment
