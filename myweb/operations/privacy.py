"""What the site keeps of its visitors, and for how long, as it is with the settings in force."""

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from myweb.accounts import devices
from myweb.accounts.models import LoginFailures, PasswordReset
from myweb.contact.models import COUNTED_FOR, SPAM_DAYS, THANKS_FOR, ContactMessage, ContactSettings
from myweb.installation import CLONE, DOCKER, SERVER, here

from .backup.keeping import DAILY, WEEKLY

LOG_DAYS = 15  # with the day that has not ended


class Kept(NamedTuple):
    what: str
    how_long: str


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """Show all of it to everybody who may enter the admin."""
    title = _("What this site keeps of its visitors")
    kept = {"visitors": list(of_readers()), "writers": list(of_writers()), "staff": list(of_staff())}
    return render(request, "operations/privacy.html", {**admin.site.each_context(request), "title": title, **kept})


def of_readers() -> Iterator[Kept]:
    """What is kept of everybody who opens a page."""
    yield Kept(_("Cookies, scripts and anything from other sites: pages have none."), _("nothing to keep"))
    what = _(
        "In the log of the web server: from which network (the address without its end), when, for what, and with which"
        " browser it was asked"
    )
    yield Kept(what, log_kept())


def log_kept() -> str:
    """Return how long Nginx's log is kept in the way in which this site is run."""
    kept = {
        CLONE: days(LOG_DAYS),  # deploy/up
        SERVER: _("%s, unless the server rotates its logs in another way") % days(LOG_DAYS),  # Debian's logrotate
        DOCKER: _("until there are 30 MB of newer entries"),  # compose.yaml
    }
    return kept[here()]


def of_writers() -> Iterator[Kept]:
    """What is kept of everybody who uses the contact form."""
    owners = ContactSettings.load()
    yield Kept(
        _("The message: %s, text, language, and when it came") % _(", ").join(ContactMessage().answers),
        messages_kept(owners.retention),
    )
    yield Kept(_("A message that was set aside as spam"), days(min(SPAM_DAYS, owners.retention or SPAM_DAYS)))
    if settings.EMAIL_HOST and (number := len(owners.recipient_list)):
        what = ngettext("A copy of it in %d mailbox", "Copies of it in %d mailboxes", number) % number
        yield Kept(what, _("until somebody deletes it there"))
    yield Kept(_("The page that thanks the visitor and shows what was sent"), hours(THANKS_FOR))
    yield Kept(
        _("A hash of the network address, to count messages; without the key of this site, nobody finds the address"),
        _("%s, and in a backup that was made meanwhile") % hours(COUNTED_FOR),
    )
    yield Kept(
        _("In the visitor's browser: the cookie “%s”, a random word that shows that the form was sent from this site")
        % settings.CSRF_COOKIE_NAME,
        days(timedelta(seconds=settings.CSRF_COOKIE_AGE).days),
    )
    yield Kept(
        _("A deleted message in backups: the last %(daily)d days and %(weekly)d weeks have one each, on this machine")
        % {"daily": DAILY, "weekly": WEEKLY},
        _("%s, if there is a backup every night; copies elsewhere for as long as they are kept there")
        % days(7 * (WEEKLY + 1)),
    )


def messages_kept(retention: int) -> str:
    if not retention:
        return _("until somebody deletes it here")
    return _("%s; one that still waits to be mailed, until it is") % days(retention)


def of_staff() -> Iterator[Kept]:
    """What is kept of everybody who logs in, or tries to."""
    yield Kept(
        _("That somebody is logged in: a cookie and an entry in the database"),
        days(settings.SESSION_COOKIE_AGE // 86_400),
    )
    yield Kept(
        _("That somebody has logged in with this browser before: a cookie, so that nobody else can lock its user out"),
        days(devices.MAX_AGE // 86_400),
    )
    yield Kept(
        _("How often a password was wrong: hashes of the user name and the network address"),
        hours(LoginFailures.LONGEST_MEMORY),
    )
    yield Kept(_("Who has asked for a new password"), hours(PasswordReset.LIFETIME))
    yield Kept(_("Who has changed what in the admin"), _("for good"))


def days(number: int) -> str:
    return ngettext("%d day", "%d days", number) % number


def hours(duration: timedelta) -> str:
    number = duration // timedelta(hours=1)
    return ngettext("%d hour", "%d hours", number) % number
