"""What every start, and the doctor, finds wrong with settings that can all be read."""

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

NGINX = "nginx"  # the tag of what concerns its configuration


@register(NGINX)
def check_path(**kwargs: Any) -> list[CheckMessage]:
    if not re.search(r'["$\\\n]', str(settings.VAR)):
        return []
    hint = "Set MYWEB_VAR to a path without quotes, $ and \\."
    return [Error(f"Nginx cannot use the path {settings.VAR}.", hint=hint, id="myweb.E002")]
