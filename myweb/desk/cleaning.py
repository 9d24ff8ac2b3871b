"""Versions whose time is up. What was published is kept longest; what is the last of its line, always."""

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import TruncMonth
from django.utils import timezone

from myweb.contact.cleaning import clock_is_believable

from .models import PreviewLink, Version

Event = Version.Event

KEPT_ASIDE = timedelta(days=90)
DRAFTS = timedelta(days=31)  # that a newer version has taken the place of
EACH_PUBLISHED = timedelta(days=366)  # after which one of each month is kept


def clean_up() -> None:
    """Delete what is kept no longer."""
    PreviewLink.objects.exclude(pk__in=PreviewLink.objects.valid().values("pk")).delete()
    if not clock_is_believable():
        return
    now = timezone.now()
    versions = Version.objects.all()
    newer = versions.filter(model=OuterRef("model"), key=OuterRef("key"), number__gt=OuterRef("number"))
    superseded = Exists(newer)
    aside = (Q(number=None) | Q(superseded, event=Event.DISCARDED)) & Q(created_at__lt=now - KEPT_ASIDE)
    drafts = Q(event__in=[Event.DRAFT, Event.AUTOSAVE], created_at__lt=now - DRAFTS, publish_at=None)
    versions.filter(aside | (drafts & Q(superseded))).delete()
    old = versions.filter(published_at__lt=now - EACH_PUBLISHED).annotate(month=TruncMonth("published_at"))
    newer_of_month = versions.annotate(month=TruncMonth("published_at")).filter(
        model=OuterRef("model"), key=OuterRef("key"), number__gt=OuterRef("number"), month=OuterRef("month")
    )
    old.filter(Exists(newer_of_month)).delete()
