"""What visitors wrote, and what becomes of the mails that tell of it."""

import hashlib
import secrets
from datetime import timedelta
from email.headerregistry import Address
from typing import Self
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from myweb.formatted_text.fields import FormattedTextField
from myweb.mail import address, addresses

from .showing import shown

SPAM_DAYS = 30
# No mail waits longer, and no claim lasts longer: what does was written while the clock was ahead, and counts as due.
LONGEST_WAIT = timedelta(days=1)
LONGEST_CLAIM = timedelta(minutes=10)
MOST_DAYS = 36_500  # a hundred years; Now() minus much more is no date
COUNTED_FOR = timedelta(hours=1)
THANKS_FOR = timedelta(days=1)
# What came later than this from now was stored while the clock was wrong.
TOLERANCE = timedelta(hours=1)


def new_token() -> str:
    return secrets.token_urlsafe(24)


def new_mail_id() -> str:
    return f"<{uuid4().hex}@{settings.SITE_HOST.strip('[]')}>"


def address_in_mail(name: str, email: str) -> str:
    """Return what stands in a mail's header; raise ValueError if `email` cannot."""
    # Not email.utils.formataddr, which encodes a long name as one word, longer than a line may be.
    return str(Address(name, addr_spec=address(email).addr_spec))


class ContactSettings(models.Model):
    """What the owner says about the contact form: one row."""

    introduction = FormattedTextField(
        _("introduction"),
        blank=True,
        extensions={"Bold": True, "Italic": True, "BulletList": True, "ListItem": True, "Link": True},
        sanitize=True,
        help_text=_("Shown above the form."),
    )
    recipients = models.TextField(
        _("recipients"),
        blank=True,
        help_text=_("The e-mail addresses that every message is sent to, one on each line."),
    )
    retention_days = models.PositiveIntegerField(
        _("days that messages are kept"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_DAYS)],
        help_text=_(
            "Older messages are deleted for good, usually within the hour. Leave it empty to keep messages until you"
            " delete them. The contact form tells visitors what is set here."
        ),
    )

    class Meta:
        verbose_name = _("contact form")
        verbose_name_plural = _("contact form")

    def __str__(self) -> str:
        return str(_("Contact form"))

    @classmethod
    def load(cls) -> "ContactSettings":
        """Return the one row, or what stands for it as long as the owner has not saved any."""
        return cls.objects.first() or cls(recipients="\n".join(settings.CONTACT_RECIPIENTS))

    @property
    def retention(self) -> int:
        """The days after which messages are deleted, or 0 if they are kept. The environment stands above the row."""
        days = settings.CONTACT_RETENTION_DAYS
        return (self.retention_days or 0) if days is None else days

    @property
    def recipient_list(self) -> list[str]:
        """The addresses, each once."""
        try:
            return [str(recipient) for recipient in addresses(self.recipients)]
        except ValueError:  # of an earlier release, which took more: each is tried, and says what is wrong with it
            return list(dict.fromkeys(line.strip() for line in self.recipients.splitlines() if line.strip()))

    def clean(self) -> None:
        for line in self.recipients.splitlines():
            try:
                addresses(line)
            except ValueError as error:
                sentence = _("“%(address)s” is not an e-mail address.") % {"address": line.strip()}
                raise ValidationError({"recipients": sentence}) from error


def _older_than(days: int) -> Q:
    """Messages of before so many days; one that came after a younger one is young, whatever the clock said then."""
    begin = Now() - timedelta(days=days)
    younger = ContactMessage.objects.filter(created_at__range=(begin, Now() + TOLERANCE)).order_by("pk")
    first = younger.values_list("pk", flat=True).first()
    return Q(created_at__lt=begin) & (Q() if first is None else Q(pk__lt=first))


class ContactMessageQuerySet(models.QuerySet["ContactMessage"]):
    def inbox(self) -> Self:
        return self.filter(spam_reason="")

    def without_deliveries(self) -> Self:
        """Messages that came while there was nobody to mail them to."""
        return self.inbox().filter(~Exists(Delivery.objects.filter(message=OuterRef("pk"))))

    def expired(self) -> Self:
        """Messages whose time is up; never one that still has to be mailed, if there is a server to mail it by."""
        old = Q(pk=None)
        if days := ContactSettings.load().retention:
            old = _older_than(days)
        if settings.EMAIL_HOST:
            old &= ~Q(Exists(Delivery.objects.filter(message=OuterRef("pk"), sent_at=None)))
        return self.filter(old | ~Q(spam_reason="") & _older_than(SPAM_DAYS))

    def sent_within_the_hour(self, sender: str) -> Self:
        return self.filter(sender=sender, created_at__range=(Now() - COUNTED_FOR, Now() + TOLERANCE))

    def forget_senders(self) -> int:
        """Delete the hashes that are counted no longer; return how many."""
        # Not exclude(sender=""), for which there is no index.
        known = self.filter(sender__gt="")
        return known.exclude(created_at__range=(Now() - COUNTED_FOR, Now() + TOLERANCE)).update(sender="")

    def thanked(self) -> Self:
        """Messages whose senders may still see what they sent."""
        return self.filter(created_at__range=(Now() - THANKS_FOR, Now() + TOLERANCE))


class ContactMessage(models.Model):
    """What a visitor wrote. Only its `state` ever changes."""

    class State(models.TextChoices):
        NEW = "new", _("New")
        READ = "read", _("Read")
        ANSWERED = "answered", _("Answered")

    class Spam(models.TextChoices):
        NONE = "", _("No spam")
        HONEYPOT = "honeypot", _("A field was filled in that people do not see")
        TOO_FAST = "too fast", _("Filled in faster than a person can")
        TOO_MANY = "too many", _("Too many messages from one address")
        ONLY_LINKS = "only links", _("Nothing but links")

    # In the order in which visitors are asked, and shown what they sent; after these comes the text.
    ASKED = ["name", "email", "subject"]

    created_at = models.DateTimeField(_("received"), db_default=Now(), db_index=True, editable=False)
    name = models.CharField(_("name"), max_length=200)
    email = models.EmailField(_("e-mail address"), max_length=254)
    subject = models.CharField(_("subject"), max_length=300)
    text = models.TextField(_("message"), max_length=20_000)
    language = models.CharField(max_length=10, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.NEW)
    spam_reason = models.CharField(_("spam"), max_length=20, choices=Spam.choices, blank=True)
    token = models.CharField(max_length=40, unique=True, default=new_token, editable=False)
    # A hash of the form's id: one form is one message
    fingerprint = models.CharField(max_length=64, unique=True, editable=False)
    # A keyed hash of the visitor's network address, for counting; empty if it is not counted, or no longer
    sender = models.CharField(max_length=64, blank=True, db_index=True, editable=False)

    objects = ContactMessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        # Not the subject: the admin's log has this, and keeps it when the message is deleted.
        return self.reference

    @property
    def thanks_url(self) -> str:
        """Where its visitor, and nobody else, is thanked: not get_absolute_url(), which the admin tells the staff."""
        return reverse("contact_thanks", args=[self.token])

    @property
    def shown_name(self) -> str:
        return shown(self.name)

    @property
    def shown_subject(self) -> str:
        return shown(self.subject)

    @property
    def answers(self) -> dict[str, str]:
        """What the visitor was asked for in one line each, by its name."""
        names = {field.name: str(field.verbose_name) for field in self._meta.fields}
        return {names[name]: getattr(self, name) for name in self.ASKED}

    @property
    def reference(self) -> str:
        """The number that the visitor is given."""
        return f"{self.pk:06d}"

    def mail_to(self, recipients: list[str]) -> None:
        """Add one delivery for each of `recipients`."""
        # One each: of several in one mail, smtplib drops the refused ones without a word.
        Delivery.objects.bulk_create(Delivery(message=self, recipient=recipient) for recipient in recipients)

    def move_to_inbox(self) -> None:
        """Say that this is no spam, and mail it."""
        with transaction.atomic():
            was_spam = ContactMessage.objects.filter(pk=self.pk).exclude(spam_reason="").update(spam_reason="")
            if was_spam:
                self.mail_to(ContactSettings.load().recipient_list)


def hash_of_sender(address: str) -> str:
    """Return what stands for a network address, since the address itself is nobody's business."""
    return salted_hmac("myweb.contact.sender", address, algorithm="sha256").hexdigest()


def fingerprint_of(form_id: str) -> str:
    return hashlib.sha256(form_id.encode()).hexdigest()


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def waiting(self) -> Self:
        return self.filter(sent_at=None)

    def due(self) -> Self:
        """What may be tried now, longest due first."""
        is_wrong = Q(next_attempt__gt=Now() + LONGEST_WAIT) | Q(next_attempt__gt=Now() + LONGEST_CLAIM, reason="")
        return self.waiting().filter(Q(next_attempt__lte=Now()) | is_wrong).order_by("next_attempt", "pk")


class Delivery(models.Model):
    """
    A mail to one recipient.

    Whoever moves `next_attempt` from the value that was read to a later one has claimed it until then.
    """

    message = models.ForeignKey(ContactMessage, on_delete=models.CASCADE, related_name="deliveries")
    recipient = models.CharField(_("recipient"), max_length=254)
    # Made with the row, so that a second copy, after a crash, is recognised as the same mail.
    mail_id = models.CharField(max_length=300, unique=True, default=new_mail_id, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    next_attempt = models.DateTimeField(_("next attempt"), db_default=Now())
    attempts = models.PositiveIntegerField(_("refusals"), default=0)
    sent_at = models.DateTimeField(_("mailed"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=30, blank=True)
    last_error = models.TextField(_("the server's words"), blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["next_attempt", "id"], condition=Q(sent_at=None), name="contact_waiting"),
        ]

    def __str__(self) -> str:
        return str(self.recipient)


class MailServer(models.Model):
    """
    What is known of the mail server: one row.

    As long as it fails, nothing but one probe at a time is tried, at `next_probe`; all else waits.
    """

    failures = models.PositiveIntegerField(default=0)
    next_probe = models.DateTimeField(db_default=Now())
    reason = models.CharField(max_length=30, blank=True)
    last_error = models.TextField(blank=True)
    # For contact.cleaning, whose clock is this row's
    clock_seen_at = models.DateTimeField(null=True)
    clean_up_from = models.DateTimeField(null=True)

    objects = models.Manager()

    def __str__(self) -> str:
        return str(settings.EMAIL_HOST)

    @classmethod
    def load(cls) -> "MailServer":
        """Return the row, with the database's time as `now`."""
        cls.objects.get_or_create(pk=1)
        return cls.objects.annotate(now=Now()).get(pk=1)
