"""What is deleted because its time is up."""

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import F, Value
from django.db.models.functions import Greatest, Length, LPad

from .models import ContactMessage


def clean_up() -> None:
    """Delete what is kept no longer, and what is left of messages that were deleted."""
    ContactMessage.objects.expired().delete()
    name_by_reference()


def name_by_reference() -> None:
    """Take the subjects out of the admin's log, where releases that wrote them may run beside this one."""
    reference = LPad(F("object_id"), Greatest(Length("object_id"), 6), Value("0"))
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(ContactMessage))
    entries.exclude(object_repr=reference).update(object_repr=reference)
