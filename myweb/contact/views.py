"""What visitors see: the form, and the thanks for a message that is stored."""

from django.conf import settings
from django.core.exceptions import BadRequest
from django.db import DatabaseError, IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe

from . import spam
from .forms import ContactForm
from .models import ContactMessage, ContactSettings

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
        return show(request, form)
    try:
        return accept(request, form)
    except DatabaseError:
        form.add_error(None, _("Your message could not be stored just now. Please send it again in a minute."))
        return show(request, form, status=503)


def accept(request: HttpRequest, form: ContactForm) -> HttpResponse:
    """Store a valid form; raise DatabaseError if that cannot be done."""
    sender = spam.sender_of(request.META.get("REMOTE_ADDR", ""))
    sent = spam.sent_within_the_hour(sender)
    stored = ContactMessage.objects.filter(fingerprint=form.fingerprint).first()
    if stored is None and sent >= spam.STORED_PER_HOUR:
        form.add_error(None, _("There were too many messages from your network. Please try again in an hour."))
        return show(request, form, status=429)
    if stored is None:
        stored = store(form, sender=sender, spam_reason=spam.reason_of(form, sent))
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
        return ContactMessage.objects.get(fingerprint=form.fingerprint)
    return message


def show(request: HttpRequest, form: ContactForm, status: int = 200) -> HttpResponse:
    context = {"form": form, "introduction": introduction(), "retention_days": settings.CONTACT_RETENTION_DAYS}
    return render(request, "contact/form.html", context, status=status)


def introduction() -> str:
    try:
        return str(ContactSettings.load().introduction)
    except DatabaseError:  # the form comes back with its text all the same
        return ""


@cache_control(private=True, no_store=True)
def csrf_failed(request: HttpRequest) -> HttpResponse:
    """Show the form again, with the text: it was open for long, or the browser keeps no cookies."""
    form = ContactForm(request.POST)
    form.add_error(None, _("Please send the form once more. Your browser has to accept cookies for that."))
    return show(request, form, status=403)


contact.csrf_failed = csrf_failed  # type: ignore[attr-defined]


@cache_control(private=True, no_store=True)
@require_safe
def thanks(request: HttpRequest, token: str) -> HttpResponse:
    """Show the visitor what was sent; only they know the token."""
    message = get_object_or_404(ContactMessage, token=token)
    response = render(request, "contact/thanks.html", {"message": message})
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
