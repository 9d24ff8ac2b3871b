"""What is deleted because its time is up, as far as the clock can be believed."""

from datetime import timedelta

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest, Length, LPad, Now

from .models import TOLERANCE, ContactMessage, MailServer

LEAP = timedelta(days=7)  # a longer time for which nobody has looked may be a clock that is wrong
WAIT = timedelta(days=1)  # for it to be set right, since what is deleted does not come back


def clean_up() -> None:
    """Delete what is kept no longer, and what is left of messages that were deleted."""
    if clock_is_believable():
        ContactMessage.objects.expired().delete()
    name_by_reference()


def forget_senders() -> None:
    """Delete the hashes of network addresses that are counted no longer."""
    ContactMessage.objects.forget_senders()


def clock_is_believable() -> bool:
    """Return whether the database's clock has made no leap within a day; to be asked every hour."""
    MailServer.load()
    with transaction.atomic():
        row = MailServer.objects.select_for_update().annotate(now=Now()).get(pk=1)
        seen, begin = row.clock_seen_at, row.clean_up_from
        if seen is None or begin is None or not seen - TOLERANCE <= row.now <= seen + LEAP:
            begin = row.now + WAIT
        MailServer.objects.update(clock_seen_at=row.now, clean_up_from=begin)
    return row.now >= begin


def name_by_reference() -> None:
    """Take the subjects out of the admin's log, where releases that wrote them may run beside this one."""
    reference = LPad(F("object_id"), Greatest(Length("object_id"), 6), Value("0"))
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(ContactMessage))
    entries.exclude(object_repr=reference).update(object_repr=reference)
