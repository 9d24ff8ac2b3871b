"""The owner's inbox, and the settings of the contact form."""

import csv
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from myweb.admin import ShortTransactionMixin, StrictListMixin
from myweb.desk.admin import SingleRowAdmin

from .failures import Reason
from .models import ContactMessage, ContactSettings, Delivery
from .showing import INVISIBLE, is_visible, shown

QUOTED = 2_000  # characters of a message in a reply: mail programs refuse long mailto addresses

# Where a cell may begin, if a formula follows, at once or after quotes, spaces, and what nobody sees
PARTS = r",;\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029"
FORMULA = re.compile(rf'(^|[{PARTS}])(?=(?:(?![{PARTS}])[\s"\0-\x1f\x7f-\x9f{INVISIBLE}])*+[=+\-@＝＋－＠])')


class PlaceFilter(admin.SimpleListFilter):
    """The inbox, or what was set aside as spam."""

    title = _("place")
    parameter_name = "place"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("spam", _("Spam")), ("all", _("Everything"))]

    def choices(self, changelist: Any) -> Any:
        inbox, *others = super().choices(changelist)
        yield {**inbox, "display": _("Inbox")}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[ContactMessage]) -> QuerySet[ContactMessage]:
        if self.value() == "spam":
            return queryset.exclude(spam_reason="")
        return queryset if self.value() == "all" else queryset.filter(spam_reason="")


class MailFilter(admin.SimpleListFilter):
    title = _("mail")
    parameter_name = "mail"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("mailed", _("Mailed")), ("waiting", _("Waiting")), ("failing", _("Failing"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ContactMessage]) -> QuerySet[ContactMessage]:
        waiting = Delivery.objects.waiting().filter(message=OuterRef("pk"))
        match self.value():
            case "mailed":
                return queryset.filter(deliveries__isnull=False).exclude(Exists(waiting)).distinct()
            case "waiting":
                return queryset.filter(Exists(waiting))
            case "failing":
                return queryset.filter(Exists(waiting.exclude(reason="")))
        return queryset


@admin.register(ContactMessage)
class ContactMessageAdmin(StrictListMixin, ShortTransactionMixin, admin.ModelAdmin):  # type: ignore[misc,type-arg]
    """Messages are read, answered and deleted here, but never changed."""

    list_display = ["subject_shown", "name_shown", "email_shown", "created_at", "state", "mail"]
    list_filter = [PlaceFilter, "state", MailFilter]
    search_fields = ["name", "email", "subject", "text"]
    date_hierarchy = "created_at"
    actions = ["mark_answered", "mark_new", "send_again", "move_to_inbox", "export_csv"]
    view_on_site = False
    change_form_template = "contact/message.html"
    fields = readonly_fields = (
        "reference_number",
        "created_at",
        "name_shown",
        "email_shown",
        "subject_shown",
        "body",
        "state",
        "spam",
        "deliveries",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactMessage]:
        return super().get_queryset(request).prefetch_related("deliveries")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        message = self.get_object(request, object_id)
        context = extra_context or {}
        if message and self.has_change_permission(request, message):
            if request.method == "POST":
                raise PermissionDenied
            new = ContactMessage.objects.filter(pk=message.pk, state=ContactMessage.State.NEW)
            new.update(state=ContactMessage.State.READ)
        if message:
            context |= {"reply": reply_link(message), "is_spam": bool(message.spam_reason)}
        return super().change_view(request, object_id, form_url, context)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        _tree, *others = super().get_deleted_objects(objs, request)
        return [f"{message.reference}: {message.shown_subject}" for message in objs], *others

    @admin.display(description=_("subject"), ordering="subject")
    def subject_shown(self, message: ContactMessage) -> str:
        return message.shown_subject if is_visible(message.subject) else message.reference

    @admin.display(description=_("name"), ordering="name")
    def name_shown(self, message: ContactMessage) -> str:
        return message.shown_name

    @admin.display(description=_("e-mail address"), ordering="email")
    def email_shown(self, message: ContactMessage) -> str:
        return shown(message.email)

    @admin.display(description=_("mail"))
    def mail(self, message: ContactMessage) -> str:
        return mail_state(message)

    @admin.display(description=_("reference"))
    def reference_number(self, message: ContactMessage) -> str:
        return message.reference

    @admin.display(description=_("message"))
    def body(self, message: ContactMessage) -> str:
        return format_html('<div class="message-text">{}</div>', message.text)

    @admin.display(description=_("spam"))
    def spam(self, message: ContactMessage) -> str:
        return message.get_spam_reason_display()

    @admin.display(description=_("mail"))
    def deliveries(self, message: ContactMessage) -> str:
        rows = [(delivery.recipient, describe(delivery)) for delivery in message.deliveries.all()]
        return format_html_join("", "<p>{}: {}</p>", rows) or mail_state(message)

    @admin.action(description=_("Mark as answered"), permissions=["change"])
    def mark_answered(self, request: HttpRequest, queryset: QuerySet[ContactMessage]) -> None:
        self._set_state(request, queryset, ContactMessage.State.ANSWERED)

    @admin.action(description=_("Mark as new"), permissions=["change"])
    def mark_new(self, request: HttpRequest, queryset: QuerySet[ContactMessage]) -> None:
        self._set_state(request, queryset, ContactMessage.State.NEW)

    def _set_state(self, request: HttpRequest, queryset: QuerySet[ContactMessage], state: str) -> None:
        # Not through `queryset`, whose joins cannot be updated.
        number = ContactMessage.objects.filter(pk__in=list(queryset.values_list("pk", flat=True))).update(state=state)
        self.message_user(request, ngettext("%d message was marked.", "%d messages were marked.", number) % number)

    @admin.action(description=_("Send the mail again"), permissions=["change"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[ContactMessage]) -> None:
        recipients = ContactSettings.load().recipient_list
        if not recipients:
            self.message_user(request, _("Fill in the recipients of the contact form first."), messages.ERROR)
            return
        with transaction.atomic():
            # New deliveries, since mail providers swallow a Message-ID that they have seen.
            for message in queryset.filter(spam_reason=""):
                message.mail_to(recipients)
        self.message_user(request, _("The mail is on its way."))

    @admin.action(description=_("This is no spam"), permissions=["change"])
    def move_to_inbox(self, request: HttpRequest, queryset: QuerySet[ContactMessage]) -> None:
        for message in queryset:
            message.move_to_inbox()
        self.message_user(request, _("Moved to the inbox. The mail is on its way."))

    @admin.action(description=_("Export as CSV"), permissions=["view"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[ContactMessage]) -> HttpResponse:
        response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")  # Excel asks for the mark
        response.headers["Content-Disposition"] = 'attachment; filename="messages.csv"'
        writer = csv.writer(response, quoting=csv.QUOTE_ALL)
        writer.writerow(["reference", "received", "name", "e-mail", "subject", "message", "state", "spam", "mail"])
        for message in queryset:
            cells = [message.reference, message.created_at.isoformat(), message.shown_name, shown(message.email)]
            cells += [message.shown_subject, message.text, message.state, message.spam_reason, str(mail_state(message))]
            writer.writerow(map(harmless, cells))
        return response


def harmless(cell: str) -> str:
    """
    Return `cell` so that no spreadsheet takes it for a formula (OWASP: CSV injection), nor any part of it, if it is
    parted at commas, semicolons, tabs or the ends of lines, whatever quotes there are.
    """
    safe = FORMULA.sub(r"\1'", cell)
    return f"'{safe}" if safe[:1] in ("\t", "\r") else safe


def mail_state(message: ContactMessage) -> str:
    """Say in a few words what became of the mails of `message`."""
    if message.spam_reason:
        return str(_("Not mailed: spam"))
    deliveries: Iterable[Delivery] = message.deliveries.all()
    waiting = [delivery for delivery in deliveries if not delivery.sent_at]
    failing = next((delivery for delivery in waiting if delivery.reason), None)
    if failing:
        return str(_("Failing: %s") % failing.last_error)
    if waiting or not deliveries:
        return str(_("Waiting"))
    return str(_("Mailed"))


def describe(delivery: Delivery) -> str:
    if delivery.sent_at:
        return str(_("mailed, %s") % localize(localtime(delivery.sent_at)))
    if delivery.reason:
        return f"{Reason(delivery.reason).label} {delivery.last_error}"
    return str(_("waiting"))


def reply_link(message: ContactMessage) -> str:
    """Return a mailto address (RFC 6068) with the message quoted."""
    text = message.text if len(message.text) <= QUOTED else message.text[:QUOTED] + " …"
    quoted = "\r\n".join(f"> {line}" for line in text.splitlines())
    query = urlencode({"subject": f"Re: {message.shown_subject}", "body": f"\r\n\r\n{quoted}"}, quote_via=quote)
    return f"mailto:{quote(message.email, safe='@')}?{query}"


@admin.register(ContactSettings)
class ContactSettingsAdmin(SingleRowAdmin):
    def get_fields(self, request: HttpRequest, obj: ContactSettings | None = None) -> Any:
        kept = "retention_days" if settings.CONTACT_RETENTION_DAYS is None else "retention_of_server"
        return ["introduction", "recipients", kept]

    def get_readonly_fields(self, request: HttpRequest, obj: ContactSettings | None = None) -> list[str]:
        return ["retention_of_server"]

    @admin.display(description=_("days that messages are kept"))
    def retention_of_server(self, row: ContactSettings) -> str:
        days = row.retention
        kept = ngettext("%d day", "%d days", days) % days if days else _("until they are deleted")
        return str(_("%s; this is set on the server, as CONTACT_RETENTION_DAYS") % kept)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"recipients": ContactSettings.load().recipients}
