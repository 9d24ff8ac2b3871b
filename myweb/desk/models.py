"""What a page or a row of settings was, is to become, or was meant to be, and links that show a draft."""

from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.core import signing
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from myweb.pages.models import Page

from .content import Content, converted


class VersionQuerySet(models.QuerySet["Version"]):
    def of(self, model: type[models.Model], key: int) -> Self:
        return self.filter(model=model._meta.label_lower, key=key)

    def line(self) -> Self:
        """Those that followed one another, the last one first; the others were kept aside."""
        return self.filter(number__isnull=False).order_by("-number")

    def planned(self) -> Self:
        """Those with a time at which they are published by themselves, unless their page is deleted by then."""
        there = Page.objects.filter(pk=models.OuterRef("key"))
        is_there = ~models.Q(model=Page._meta.label_lower) | models.Exists(there)
        return self.filter(is_there, number__isnull=False, publish_at__isnull=False)


class Version(models.Model):
    """
    A whole content. `number` counts along the line of one row; what was only kept aside has none.

    No foreign key to the row: a version outlives it. A draft is the last number of its line, unless that was published:
    nothing but this table says so, and no page shows it, so that saving a draft makes no page anew.
    """

    class Event(models.TextChoices):
        DRAFT = "draft", _("draft")
        AUTOSAVE = "autosave", _("saved by itself")
        PUBLISHED = "published", _("published")
        ELSEWHERE = "elsewhere", _("changed outside this form")
        DELETED = "deleted", _("deleted")
        CONFLICT = "conflict", _("kept, because somebody else had saved meanwhile")
        REFUSED = "refused", _("kept, because it could not be published")
        UNSENT = "unsent", _("kept from before you logged in again")
        DISCARDED = "discarded", _("discarded draft")

    model = models.CharField(max_length=100)
    key = models.BigIntegerField()
    number = models.PositiveIntegerField(null=True)
    event = models.CharField(_("state"), max_length=20, choices=Event.choices)
    content = models.JSONField()
    digest = models.CharField(max_length=16)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    comment = models.CharField(_("comment"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("time"), default=timezone.now)
    published_at = models.DateTimeField(null=True)
    # When a draft is to be published by itself, and why it could not be
    publish_at = models.DateTimeField(_("publish on"), null=True)
    refusal = models.TextField(blank=True)
    # The form that sent it, which gives each sending a higher count
    form = models.CharField(max_length=32, blank=True)
    count = models.PositiveIntegerField(default=0)
    # Rows that were deleted at once share this.
    deletion = models.CharField(max_length=32, blank=True)

    objects = VersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("version")
        verbose_name_plural = _("versions")
        constraints = [models.UniqueConstraint(fields=["model", "key", "number"], name="one_line_of_versions")]
        indexes = [
            models.Index(fields=["publish_at"], condition=~models.Q(publish_at=None), name="versions_to_be_published"),
            models.Index(fields=["form"], condition=~models.Q(form=""), name="versions_of_a_form"),
            models.Index(fields=["deletion"], condition=~models.Q(deletion=""), name="versions_of_a_deletion"),
        ]
        default_permissions = ()
        # Publishing is Django's right to change pages, which is what it always did.
        permissions = [("draft_page", "Can save drafts of pages")]

    def __str__(self) -> str:
        return str(self.content["fields"].get("title") or self.content["fields"].get("name") or _("without a title"))

    @property
    def said(self) -> Content:
        """The content in today's format."""
        return converted(self.content)

    @property
    def is_draft(self) -> bool:
        """Whether this is a draft as long as it is the last of its line."""
        return self.event in (self.Event.DRAFT, self.Event.AUTOSAVE)


class PreviewLinkQuerySet(models.QuerySet["PreviewLink"]):
    def valid(self) -> Self:
        return self.filter(expires_at__gt=timezone.now())


class PreviewLink(models.Model):
    """Shows what one page is to become to whoever has the link, until it expires or this row is deleted."""

    LIFETIME = timedelta(days=7)
    SALT = "myweb.desk.PreviewLink"

    key = models.BigIntegerField(db_index=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    expires_at = models.DateTimeField()

    objects = PreviewLinkQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def make(cls, key: int, author: Any) -> "PreviewLink":
        return cls.objects.create(key=key, author=author, expires_at=timezone.now() + cls.LIFETIME)

    @property
    def token(self) -> str:
        """What the address has; signed, so that who reads the database or a backup has no link."""
        return signing.Signer(salt=self.SALT).sign(f"{self.pk}.{int(self.expires_at.timestamp())}")

    @classmethod
    def find(cls, token: str) -> "PreviewLink | None":
        try:
            pk, _separator, _expiry = signing.Signer(salt=cls.SALT).unsign(token).partition(".")
        except signing.BadSignature:
            return None
        link = cls.objects.valid().filter(pk=pk).first()
        return link if link and link.token == token else None
