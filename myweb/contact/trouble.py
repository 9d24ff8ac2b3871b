"""What the owner has to know about mail that does not go out."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .failures import Reason
from .models import ContactMessage, ContactSettings, Delivery, MailServer

PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True)
class Trouble:
    """One sentence on what is wrong, one on what to do, and the server's own words, if there are any."""

    what: str
    what_to_do: str
    words: str = ""


def find() -> Trouble | None:
    """Return why messages are not mailed, or None if they are."""
    if not settings.EMAIL_HOST:
        what = _("Messages stay in the inbox, because no mail server is set.")
        return Trouble(what, _("To have them mailed, set EMAIL_HOST on the server."))
    if not ContactSettings.load().recipient_list:
        what = _("Messages stay in the inbox, because nobody is named to mail them to.")
        return Trouble(what, _("Fill in the recipients of the contact form."))
    server = MailServer.load()
    waiting = Delivery.objects.waiting()
    if server.failures and waiting.exists():
        return Trouble(_count(waiting.count()), str(Reason(server.reason).label), server.last_error)
    refused = waiting.exclude(reason="").order_by("-next_attempt").first()
    if refused:
        return Trouble(_count(waiting.count()), str(Reason(refused.reason).label), refused.last_error)
    # What came in the future came while the clock was ahead.
    is_late = Q(created_at__lt=Now() - PATIENCE) | Q(created_at__gt=Now() + PATIENCE)
    late = waiting.filter(is_late).count() + ContactMessage.objects.without_deliveries().filter(is_late).count()
    if late:
        return Trouble(_count(late), _("Is uWSGI running? It keeps “manage.py deliver_mail --loop” going."))
    return None


def _count(number: int) -> str:
    return ngettext("%d mail is waiting to be sent.", "%d mails are waiting to be sent.", number) % number
