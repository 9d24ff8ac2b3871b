"""What is set aside, and what is not even stored."""

import re

from myweb.network import network_of

from .forms import ContactForm
from .models import ContactMessage, hash_of_sender

SECONDS_OF_A_PERSON = 3
INBOX_PER_HOUR = 5  # from one address; more are set aside
STORED_PER_HOUR = 20  # from one address; more are refused

LINK = re.compile(r"(?:https?://|www\.)\S+|<a\s[^>]*>|</a>|\[/?url[^\]]*\]", re.IGNORECASE)


def sender_of(address: str) -> str:
    """Return what stands for the network address of a visitor, or "" where it says nothing about who is there."""
    network = network_of(address)
    return hash_of_sender(network) if network else ""


def sent_within_the_hour(sender: str) -> int:
    if not sender:
        return 0
    return ContactMessage.objects.sent_within_the_hour(sender).count()


def reason_of(form: ContactForm, sent: int) -> str:
    """Return why a valid `form` is spam, or "" if it is not; `sent` is what its sender has sent within the hour."""
    if form.cleaned_data["leave_empty"]:
        return ContactMessage.Spam.HONEYPOT
    if form.seconds_open < SECONDS_OF_A_PERSON:
        return ContactMessage.Spam.TOO_FAST
    if sent >= INBOX_PER_HOUR:
        return ContactMessage.Spam.TOO_MANY
    text = form.cleaned_data["text"]
    if LINK.search(text) and not re.search(r"\w", LINK.sub("", text)):
        return ContactMessage.Spam.ONLY_LINKS
    return ContactMessage.Spam.NONE
