"""Why a form was refused, in the words of those who have sent it."""

from django.middleware import csrf
from django.utils.translation import gettext as _

# How Django's reasons begin
_ORIGIN = ("Origin checking failed", "Referer checking failed")


def sentence_for(reason: str) -> str:
    """Return what to tell the visitor whose form Django has refused for `reason`."""
    if reason.startswith(_ORIGIN):
        return _(
            "This site could not see from where the form was sent: its own server, or a program that protects your"
            " privacy, has removed or changed that. Please try again, or in another browser."
        )
    if reason == csrf.REASON_NO_CSRF_COOKIE:
        return _("Please send the form once more. Your browser has to accept cookies for that.")
    return _("Please send the form once more. It was open for too long, or in a second window.")
