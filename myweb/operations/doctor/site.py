"""The site as a whole: its clock, its pages, its daemon and its backups."""

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError
from django.db import connection
from django.utils import timezone

import myweb
from myweb.installation import here
from myweb.operations.models import BackupProof, is_new_site
from myweb.pages.models import Page
from myweb.publishing.checking import is_right, published_directory
from myweb.publishing.files import address
from myweb.publishing.models import Generation
from myweb.publishing.publisher import publisher

from . import uwsgi, web
from .faults import Fault, NotChecked, quote

TOLERANCE = timedelta(seconds=60)
SECONDS_FOR_PAGES = 5
MOST_PAGES = 50  # to compare


def clock() -> str:
    """Compare this machine's clock with every other that can be asked without the internet."""
    now = timezone.now()
    installed = datetime.fromtimestamp(Path(myweb.__file__).stat().st_mtime, UTC)
    if now < installed - TOLERANCE:
        raise _wrong_clock(now, "the program's own files", installed)
    compared = ["the program's files"]
    for what, theirs in _other_clocks():
        if abs(timezone.now() - theirs) > TOLERANCE:
            raise _wrong_clock(now, what, theirs)
        compared.append(what)
    return f"it agrees with {' and '.join(compared)}, which may be on this machine, too"


def _other_clocks() -> Iterator[tuple[str, datetime]]:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            yield "the database server", cursor.fetchone()[0]
    date = web.ask().headers.get("Date")
    if date:
        yield "the web server", parsedate_to_datetime(date)


def _wrong_clock(now: datetime, what: str, theirs: datetime) -> Fault:
    return Fault(
        f"The clock of this machine says {now:%Y-%m-%d %H:%M:%S} UTC, but {what} say{'' if what.endswith('s') else 's'}"
        f" {theirs:%Y-%m-%d %H:%M:%S}.",
        "Set both clocks: timedatectl set-ntp true.",
    )


def fresh() -> str:
    """Compare the home page as visitors get it with the same, made for this request: it has a session."""
    served, made = web.fetch("/"), web.fetch("/?doctor", cookie=f"{settings.SESSION_COOKIE_NAME}=doctor")
    if (served.status, served.body) != (made.status, made.body):
        raise Fault(
            "Visitors get another home page than the one that is in the database.",
            f"{here().restart}; if a cache stands in front of Nginx, empty it and let it keep no pages.",
        )
    if Generation.load() is None:
        return "visitors get the home page as it is in the database; publishing is off"
    try:
        directory = published_directory()
    except CommandError as error:
        raise Fault(f"Pages are not published: {quote(error)}.", f"{here().restart}; {here().log} says why.") from error
    names = list(directory.names())
    sample = random.sample(names, min(len(names), MOST_PAGES))
    different = [address(name) for name in sample if not is_right(directory, name)]
    # Otherwise they were compared with what the owner has changed since.
    if different and publisher().current == directory:
        raise Fault(
            f"The published page {different[0]} is another one than that in the database.",
            f"Run {here().manage} verify_published, which compares all pages; if the database is right, {here().manage}"
            f" unpublish and {here().manage} publish make them again.",
        )
    return (
        f"visitors get the home page as it is in the database, and so are {len(sample)} of {len(names)} that are files"
    )


def daemon() -> str:
    """Look for the process, and at what it does: a page whose time has come must not stay due."""
    try:
        processes = uwsgi.daemons()
    except OSError as error:
        raise NotChecked("uWSGI runs on another machine, or as another user, and its daemon with it.") from error
    if not processes:
        raise Fault(
            "“manage.py work” does not run, though uWSGI should see to it.",
            f"{here().restart}; {here().log} says why.",
        )
    for _second in range(SECONDS_FOR_PAGES):
        due = [page for page in Page.objects.due() if page.is_due]
        if not due:
            return f"manage.py work runs, as process {processes[0]}"
        time.sleep(1)
    raise Fault(
        f"{len(due)} pages should have appeared or disappeared, but did not.",
        f"{here().restart}; {here().log} says why.",
    )


def backup() -> str:
    fix = f"Run {here().manage} backup && {here().manage} backup --prove; {here().nightly}."
    last = BackupProof.load()
    if last is None and is_new_site():
        raise NotChecked("The site is too new for somebody to have backed it up.")
    if last is None:
        raise Fault("No backup of this site was ever proven to work.", fix)
    if last.is_old:
        age = timezone.now() - last.proven_at
        raise Fault(f"The last backup that was proven to work is {age.days} days old.", fix)
    return f"proven to work on {last.proven_at:%d %B %Y %H:%M} UTC"
