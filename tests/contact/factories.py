"""Messages, forms, the passing of time, and things at the same time."""

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from myweb.contact.forms import clock, new_form_id, sign
from myweb.contact.models import ContactMessage, Delivery, MailServer
from tests.smtp import OWNER

# Of every kind that somewhere got lost: joined emoji, right-to-left, combining, beyond the 16-bit plane, long-lived
SCRIPTS = "中文 𠮷野家 👩‍👩‍👧‍👦🏳️‍🌈 שלום مرحبا नमस्ते ไทย é Ω ﷽ I’m “fine”"

# Bidirectional controls, what has no width, and control characters
DISGUISES = [
    "\u202a",
    "\u202e",
    "\u2066",
    "\u2069",
    "\u200e",
    "\u200f",
    "\u061c",
    "\u200b",
    "\u200d",
    "\u2060",
    "\ufeff",
]
DISGUISES += ["\u00ad", "\u2064", "\u180e", "\ufe0f", "\U000e0041"]


def make_message(*recipients: str, **fields: Any) -> ContactMessage:
    """Save a message with a delivery for each of `recipients`, or for the owner if none is named."""
    fields = {"name": "Ann", "email": "ann@example.com", "subject": "A room", "text": "Is it free?"} | fields
    message = ContactMessage.objects.create(fingerprint=secrets.token_hex(), language="en", **fields)
    if not message.spam_reason:
        message.mail_to(list(recipients) or [OWNER])
    return message


def form_data(age: float = 60, **fields: Any) -> dict[str, Any]:
    """What a browser sends when a visitor has filled in the form, `age` seconds after it was opened."""
    form_id = sign(new_form_id(), clock() - age)
    person = {"name": "Ann", "email": "ann@example.com", "subject": "A room", "text": "Is it free in May?"}
    return {**person, "leave_empty": "", "form_id": form_id, **fields}


def let_pass(**duration: float) -> None:
    """Let so much time pass for the outbox, and a little more."""
    passed = timedelta(**duration, milliseconds=50)
    Delivery.objects.update(next_attempt=F("next_attempt") - passed, created_at=F("created_at") - passed)
    MailServer.objects.update(next_probe=F("next_probe") - passed)


def believe_the_clock() -> None:
    """Have the clock looked at for more than a day."""
    MailServer.load()
    MailServer.objects.update(clock_seen_at=Now(), clean_up_from=Now() - timedelta(hours=1))


def in_threads(number: int, work: Callable[[], Any]) -> list[Any]:
    """Do the same at the same moment in several threads, each with a connection of its own."""
    barrier = threading.Barrier(number)

    def run(_: int) -> Any:
        try:
            barrier.wait(10)
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))
