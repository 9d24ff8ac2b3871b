"""
Mailing what visitors wrote.

A delivery is claimed by compare-and-set and the claim is committed; then SMTP talks, with no lock held; then the result
is written, again by compare-and-set. A worker that is killed in between leaves a claim that runs out, so a mail may go
out twice, with the same Message-ID, but never not at all.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.message import utf8_charset_qp
from django.db import transaction
from django.db.models import Exists, F, Q, QuerySet
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.utils import translation

from myweb.mail import address

from .failures import DeadlineExceeded, Failure, Reason, classify
from .models import ContactMessage, ContactSettings, Delivery, MailServer, address_in_mail
from .showing import in_header

DEADLINE = 60  # seconds for a mail as a whole; EMAIL_TIMEOUT is for one step of it
LEASE = timedelta(seconds=2 * DEADLINE)
PROBE_WAITS = [timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 30, 60)]
REFUSAL_WAITS = [timedelta(minutes=minutes) for minutes in (5, 15, 60, 240, 720)]


def due() -> list[QuerySet[Any]]:
    """Return what has rows as long as deliver_next() has something to do."""
    if not settings.EMAIL_HOST:
        return []
    named = Q(Exists(ContactSettings.objects.exclude(recipients="")))
    if settings.CONTACT_RECIPIENTS:
        named |= ~Q(Exists(ContactSettings.objects.all()))
    held = MailServer.objects.filter(~_probe_is_due(), failures__gt=0)
    return [ContactMessage.objects.without_deliveries().filter(named), Delivery.objects.due().filter(~Exists(held))]


def deliver_next() -> bool:
    """
    Try the mail that has been due longest; return whether there was anything to do.

    Safe to be called by any number of processes on any number of machines.
    """
    if not settings.EMAIL_HOST:
        return False
    address_waiting_messages()
    server = MailServer.load()
    if server.failures and not claim_probe(server):
        return False
    delivery = claim_next()
    if delivery is None:
        return False
    failure = send(delivery)
    if failure is None:
        record_success(delivery)
    elif failure.is_of_server:
        record_failure_of_server(delivery, failure)
    else:
        record_failure(delivery, failure)
    return True


def address_waiting_messages() -> None:
    """Give messages that came while nobody was named to mail them to their deliveries."""
    pending = ContactMessage.objects.without_deliveries()
    if not pending.exists():
        return
    recipients = ContactSettings.load().recipient_list
    if not recipients:
        return
    for pk in pending.values_list("pk", flat=True)[:100]:
        with transaction.atomic():
            message = ContactMessage.objects.select_for_update().get(pk=pk)
            if not message.deliveries.exists():
                message.mail_to(recipients)


def claim_probe(server: MailServer) -> bool:
    """Claim the one try that a failing server gets."""
    if not Delivery.objects.due().exists():
        return False
    return MailServer.objects.filter(_probe_is_due(), pk=server.pk).update(next_probe=Now() + LEASE) == 1


def _probe_is_due() -> Q:
    # Nobody waits so long for a probe: it was set while the clock was ahead.
    is_wrong = Q(next_probe__gt=Now() + 2 * PROBE_WAITS[-1])
    return Q(next_probe__lte=Now()) | is_wrong


def claim_next() -> Delivery | None:
    """Claim the delivery that has been due longest; None if there is none."""
    while delivery := Delivery.objects.due().select_related("message").first():
        # Not `next_attempt=<seen>`: SQLite compares the text, and Now() writes fewer digits than Python.
        if Delivery.objects.due().filter(pk=delivery.pk).update(next_attempt=Now() + LEASE):
            delivery.refresh_from_db(fields=["next_attempt"])
            return delivery
    return None


def send(delivery: Delivery) -> Failure | None:
    """Mail `delivery`; return what went wrong."""
    try:
        mail = compose(delivery)
    except ValueError as error:  # no address; the form of an earlier release took more
        return Failure(Reason.RECIPIENT, str(error))
    return hand_over(mail)


def hand_over(mail: EmailMessage) -> Failure | None:
    """Hand `mail` to the mail server, within the deadline; return what went wrong."""
    connection = get_connection()
    connected = False
    try:
        with deadline(DEADLINE):
            connection.open()
            connected = True
            connection.send_messages([mail])
    except Exception as error:
        return classify(error, connected=connected)
    finally:
        close_quietly(connection)
    return None


def compose(delivery: Delivery) -> EmailMessage:
    """Return the mail; raise ValueError if the recipient is no address."""
    message = delivery.message
    with translation.override(settings.LANGUAGE_CODE):
        body = render_to_string("contact/mail.txt", {"message": message, "site_url": settings.SITE_URL})
    mail = EmailMessage(
        subject=in_header(message.subject),
        body=body,
        # The visitor's address here would be a forgery, which DMARC has refused.
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[str(address(delivery.recipient))],
        reply_to=reply_to(message),
        # No Auto-Submitted (RFC 3834), since a person has written this, and ticket systems drop what programs write,
        # some of them also for X-Auto-Response-Suppress or Precedence. What a program answers goes to the sender of the
        # envelope, which is this site's, or to the visitor, and says itself that it is not to be answered.
        headers={"Message-ID": delivery.mail_id},
    )
    # Never lines longer than servers take: where Django looks for them, it counts U+2028 and the like as line breaks.
    mail.encoding = utf8_charset_qp
    return mail


def reply_to(message: ContactMessage) -> list[str]:
    """Return the visitor's address, if it is one; the text of the mail has it in any case."""
    try:
        return [address_in_mail(in_header(message.name), message.email)]
    except ValueError:
        return []


def record_success(delivery: Delivery) -> None:
    """A success counts whoever has claimed the delivery meanwhile; it also says that the server works again."""
    Delivery.objects.waiting().filter(pk=delivery.pk).update(sent_at=Now(), reason="", last_error="")
    MailServer.objects.exclude(failures=0).update(failures=0, reason="", last_error="")


def record_failure_of_server(delivery: Delivery, failure: Failure) -> None:
    """Hold the queue, and let another mail be the next probe: this one might be what the server cannot digest."""
    with transaction.atomic():
        put_back(delivery, wait=timedelta(0), failure=failure, attempts=delivery.attempts)
        server = MailServer.objects.select_for_update().get(pk=1)
        wait = PROBE_WAITS[min(server.failures, len(PROBE_WAITS) - 1)]
        MailServer.objects.update(
            failures=F("failures") + 1, next_probe=Now() + wait, reason=failure.reason, last_error=failure.words
        )


def record_failure(delivery: Delivery, failure: Failure) -> None:
    """Try this one again later, and more and more slowly; the server, which answered, works."""
    # To be asked to wait says nothing against the mail.
    attempts = delivery.attempts + (failure.reason != Reason.WAIT)
    wait = REFUSAL_WAITS[min(max(attempts - 1, 0), len(REFUSAL_WAITS) - 1)]
    put_back(delivery, wait=wait, failure=failure, attempts=attempts)
    MailServer.objects.exclude(failures=0).update(failures=0, reason="", last_error="")


def put_back(delivery: Delivery, *, wait: timedelta, failure: Failure, attempts: int) -> None:
    claimed = Delivery.objects.waiting().filter(pk=delivery.pk, next_attempt=delivery.next_attempt)
    claimed.update(next_attempt=Now() + wait, attempts=attempts, reason=failure.reason, last_error=failure.words)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise DeadlineExceeded in what takes longer, even in the middle of a system call. Only in the main thread."""

    def expire(number: int, frame: FrameType | None) -> None:
        raise DeadlineExceeded(f"no end after {seconds:.0f} seconds")

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def close_quietly(connection: Any) -> None:
    """End the connection; the mail's fate is known by now, so nothing that goes wrong here matters."""
    with suppress(Exception), deadline(5):
        connection.close()
