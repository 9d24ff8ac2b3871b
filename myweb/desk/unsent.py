"""
What was sent after the session had ended, or with a token that is no longer valid: it is carried by the next page.

Nothing of it is stored before somebody has logged in, and nothing that comes from another origin. It is only ever kept
aside: if it were published, a forged form and one login would publish.
"""

from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _

FIELD = "_unsent"
SALT = "myweb.desk.unsent"
LIFETIME = 24 * 3600  # seconds
# What a form of the desk has, and what is not carried
FORM = "_form"
LEFT_OUT = ("csrfmiddlewaretoken", "_publish", "_plan", "_draft", "_preview", "_keep", "_add", "_up", "_down")


def is_carried(request: HttpRequest) -> bool:
    """Whether somebody pressed a button of a desk's form; what saves by itself is sent again by itself."""
    return request.method == "POST" and FORM in request.POST and "_autosave" not in request.POST


def comes_from_here(request: HttpRequest) -> bool:
    return request.headers.get("Origin") == f"{request.scheme}://{request.get_host()}"


def pack(request: HttpRequest) -> str:
    """Return what was sent, signed, without the buttons."""
    fields = [(name, values) for name, values in request.POST.lists() if name not in LEFT_OUT]
    return signing.dumps([request.path, fields], salt=SALT, compress=True)


def unpack(token: str) -> tuple[str, QueryDict] | None:
    """Return where it was sent, and what is to be sent there now; None if nobody has signed that lately."""
    try:
        path, fields = signing.loads(token, salt=SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return None
    post = QueryDict(mutable=True)
    for name, values in fields:
        post.setlist(name, values)
    post["_keep"] = "1"
    return path, post


def go_on(request: HttpRequest, context: dict[str, Any], status: int = 403) -> HttpResponse:
    """Answer with a page that sends it once more, with a token that is valid now, to be kept aside."""
    fields = [(name, value) for name, values in request.POST.lists() for value in values if name not in LEFT_OUT]
    context |= {"title": _("Nothing is lost"), "fields": fields, "path": request.path, "is_late": status == 503}
    return render(request, "desk/go_on.html", context, status=status)
