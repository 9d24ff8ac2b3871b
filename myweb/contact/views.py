"""What visitors see: the form, and the thanks for a message that is stored."""

import logging
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.db import DatabaseError, IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import translation
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe

from myweb.formatted_text.words import beginning

from . import spam
from .forms import ContactForm
from .models import SPAM_DAYS, ContactMessage, ContactSettings

logger = logging.getLogger(__name__)

MOST_FIELDS = 20  # the form has a handful


@cache_control(private=True, no_store=True)
@require_http_methods(["GET", "HEAD", "POST"])
def contact(request: HttpRequest) -> HttpResponse:
    """Show the form; store what is sent with it, and only then say thanks."""
    if request.method != "POST":
        return show(request, ContactForm())
    if len(request.POST) > MOST_FIELDS or request.FILES:
        raise BadRequest("not our form")
    form = ContactForm(request.POST)
    if not form.is_valid():
        return show_again(request, form)
    try:
        return accept(request, form)
    except DatabaseError as error:
        # The first line: PostgreSQL's others have the row, and with it what the visitor wrote.
        logger.error("a message could not be stored: %s", str(error).partition("\n")[0])
        form.add_error(None, _("Your message could not be stored just now. Please send it again in a minute."))
        return show_again(request, form, status=503)


def accept(request: HttpRequest, form: ContactForm) -> HttpResponse:
    """Store a valid form; raise DatabaseError if that cannot be done."""
    sender = spam.sender_of(request.META.get("REMOTE_ADDR", ""))
    sent = spam.sent_within_the_hour(sender)
    stored = ContactMessage.objects.filter(fingerprint=form.fingerprint).first()
    if stored is None and sent >= spam.STORED_PER_HOUR:
        form.add_error(None, _("There were too many messages from your network. Please try again in an hour."))
        return show_again(request, form, status=429)
    if stored is None:
        stored = store(form, sender=sender, spam_reason=spam.reason_of(form, sent))
    if not form.has_become(stored):
        sentence = _("Message %s has arrived already. If this is to be another one, please send it once more.")
        form.add_error(None, sentence % stored.reference)
        return show_again(request, form, as_another=True)
    return redirect(stored.thanks_url)


def store(form: ContactForm, *, sender: str, spam_reason: str) -> ContactMessage:
    """Commit the message with its deliveries, or return the one that the same form has stored at the same moment."""
    message: ContactMessage = form.save(commit=False)
    message.fingerprint, message.sender, message.spam_reason = form.fingerprint, sender, spam_reason
    message.language = get_language() or settings.LANGUAGE_CODE
    try:
        with transaction.atomic():
            message.save()
            if not spam_reason:
                message.mail_to(ContactSettings.load().recipient_list)
    except IntegrityError:
        stored = ContactMessage.objects.filter(fingerprint=form.fingerprint).first()
        if stored is None:
            raise
        return stored
    return message


def show_again(request: HttpRequest, form: ContactForm, *, as_another: bool = False, status: int = 200) -> HttpResponse:
    form.ask_again(as_another=as_another)
    return show(request, form, status)


def show(request: HttpRequest, form: ContactForm, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {"form": form}
    try:
        owners = ContactSettings.load()
        context |= {
            "introduction": owners.introduction,
            "description": beginning(owners.introduction, 155),
            "keeping": keeping(owners.retention),
        }
    except DatabaseError:  # the form comes back with its text all the same
        pass
    return render(request, "contact/form.html", context, status=status)


def keeping(days: int) -> str:
    """Say how long a message is kept, if it is deleted after `days`, or never if that is 0."""
    if days:
        kept = ngettext(
            "This site deletes your message after %d day or, if it still waits to be mailed then, once it is.",
            "This site deletes your message after %d days or, if it still waits to be mailed then, once it is.",
            days,
        )
        kept %= days
    else:
        kept = _("This site keeps your message until its owner deletes it.")
    if not 0 < days <= SPAM_DAYS:
        kept += " " + _("What looks like spam is deleted after %d days.") % SPAM_DAYS
    return kept + " " + _("Copies in backups and mailboxes can stay longer.")


@cache_control(private=True, no_store=True)
def csrf_failed(request: HttpRequest, sentence: str) -> HttpResponse:
    """Show the form again, with the text, and with the `sentence` that says why."""
    form = ContactForm(request.POST)
    form.add_error(None, sentence)
    return show_again(request, form, status=403)


contact.csrf_failed = csrf_failed  # type: ignore[attr-defined]
contact.follows_language_of_link = True  # type: ignore[attr-defined]


@cache_control(private=True, no_store=True)
@require_safe
def thanks(request: HttpRequest, token: str) -> HttpResponse:
    """Show the visitor, for a day, what was sent; only they know the token."""
    message = get_object_or_404(ContactMessage, token=token)
    translation.activate(message.language)
    if ContactMessage.objects.thanked().filter(pk=message.pk).exists():
        response = render(request, "contact/thanks.html", {"message": message})
    else:
        response = render(request, "contact/thanks_over.html", status=410)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
