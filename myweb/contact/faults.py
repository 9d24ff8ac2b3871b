"""What the owner has to know about mail that does not go out."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from myweb.fault import Fault

from .failures import Reason
from .models import ContactMessage, ContactSettings, Delivery, MailServer

PATIENCE = timedelta(minutes=10)
GREYLISTED_FOR = timedelta(hours=4)  # by servers that want to see whether somebody comes again (RFC 6647)


def find() -> Fault | None:
    """Return why messages are not mailed, or None if they are."""
    if not settings.EMAIL_HOST:
        sentence = _("Messages stay in the inbox, because no mail server is set.")
        return Fault(sentence, _("To have them mailed, set EMAIL_HOST on the server."))
    if not ContactSettings.load().recipient_list:
        sentence = _("Messages stay in the inbox, because nobody is named to mail them to.")
        return Fault(sentence, _("Fill in the recipients of the contact form."))
    server = MailServer.load()
    waiting = Delivery.objects.waiting()
    if server.failures and waiting.exists():
        return Fault(_count(waiting.count()), str(Reason(server.reason).label), server.last_error)
    is_patient = Q(reason=Reason.WAIT, created_at__range=(Now() - GREYLISTED_FOR, Now() + PATIENCE))
    refused = waiting.exclude(reason="").exclude(is_patient).order_by("-next_attempt").first()
    if refused:
        return Fault(_count(waiting.count()), str(Reason(refused.reason).label), refused.last_error)
    # What came in the future came while the clock was ahead.
    is_late = Q(created_at__lt=Now() - PATIENCE) | Q(created_at__gt=Now() + PATIENCE)
    late = (
        waiting.filter(is_late, reason="").count() + ContactMessage.objects.without_deliveries().filter(is_late).count()
    )
    if late:
        return Fault(_count(late), _("Is uWSGI running? It keeps “manage.py work” going."))
    return None


def _count(number: int) -> str:
    return ngettext("%d mail is waiting to be sent.", "%d mails are waiting to be sent.", number) % number
