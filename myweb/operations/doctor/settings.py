"""Settings: complete, meant for visitors, and the same as those that the site runs with."""

from django.conf import settings
from django.core import checks

from myweb.installation import here

from . import uwsgi
from .faults import Fault, quote
from .reflection import fingerprints


def usable() -> str:
    # A value that cannot be used at all has ended this command before, with a sentence that names it.
    if settings.DEBUG:
        raise Fault(
            "DEBUG is on: visitors see the program's inside when it fails.", f"Set DEBUG=false. {here().apply}."
        )
    complaints = [message for message in checks.run_checks() if message.level >= checks.WARNING]
    if complaints:
        raise Fault(
            f"Django complains: {quote(complaints[0].msg)}.",
            complaints[0].hint or f"Run {here().manage} check.",
        )
    return f"every value can be used; the site is {settings.SITE_URL}"


def in_force() -> str:
    theirs, ours = uwsgi.ask()["settings"], fingerprints()
    differing = sorted(name for name in ours if theirs.get(name) != ours[name])
    if differing:
        raise Fault(
            f"The site that runs has another value of {', '.join(differing)} than this command.",
            f"{here().apply}, if the setting was changed since; else give this command the site's environment.",
        )
    return "the site that runs has the same ones as this command"
