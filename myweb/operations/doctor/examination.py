"""All probes, in the order in which one rests on another, and how they are made."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from . import (
    certificate,
    database,
    files,
    mail,
    network,
    pages,
    services,
    settings,
    site,
    times,
    uwsgi,
    web,
)
from .faults import Fault, NotChecked, quote

LIMIT = 25.0  # seconds for a probe; its steps have limits of their own


@dataclass(frozen=True)
class Probe:
    """`needs` names others, without whose success this one has nothing to look at."""

    name: str
    look: Callable[[], str]
    needs: tuple[str, ...] = ()


PROBES = [
    Probe("settings", settings.usable),
    Probe("secrets", files.secret),
    Probe("disk space", files.room),
    Probe("static files", files.static),
    Probe("uploads", files.media),
    Probe("published pages and backups", files.own),
    Probe("database", database.reachable),
    Probe("integrity of the database", database.whole, ("database",)),
    Probe("writing to the database", database.writable, ("database",)),
    Probe("rights in the database", database.rights, ("database",)),
    Probe("migrations", database.migrations, ("database",)),
    Probe("files of pictures", files.pictures, ("migrations",)),
    Probe("socket of uWSGI", files.sockets),
    Probe("uWSGI", uwsgi.running),
    Probe("settings in force", settings.in_force, ("uWSGI",)),
    Probe("daemon", site.daemon, ("uWSGI", "migrations")),
    Probe("port of Nginx", web.port),
    Probe("name of the site", web.name),
    Probe("certificate", certificate.valid, ("name of the site",)),
    Probe("certificate's end", certificate.days_left, ("certificate",)),
    Probe("renewal of the certificate", services.renewal),
    Probe("public address", web.answers, ("name of the site",)),
    Probe("Host", web.host, ("public address",)),
    Probe("http or https", web.scheme, ("public address",)),
    Probe("visitors' addresses", web.client, ("public address",)),
    Probe("origin of forms", web.origin, ("public address",)),
    Probe("upload limit", web.upload, ("public address",)),
    Probe("stylesheet", web.static_files, ("public address",)),
    Probe("pictures", web.uploads, ("public address",)),
    # Its advice is to make all pages anew, of a database that has them.
    Probe("fresh pages", site.fresh, ("public address", "settings in force", "integrity of the database")),
    Probe("clock", site.clock, ("public address",)),
    Probe("name of the mail server", mail.name),
    Probe("connection to the mail server", mail.connection, ("name of the mail server",)),
    Probe("encryption of mail", mail.encryption, ("connection to the mail server",)),
    Probe("login to the mail server", mail.login, ("connection to the mail server",)),
    Probe("recipients", mail.recipients, ("migrations",)),
    Probe("probe message", mail.send, ("recipients",)),
    Probe("outbox", mail.outbox, ("recipients",)),
    Probe("sender", mail.sender),
    Probe("SPF", mail.spf, ("sender",)),
    Probe("DKIM", mail.dkim, ("sender",)),
    Probe("DMARC", mail.dmarc, ("sender",)),
    Probe("backup", site.backup, ("migrations",)),
    Probe("nightly backup", services.nightly),
    Probe("start with the machine", services.boot),
    Probe("times in the future", times.ahead, ("migrations",)),
    Probe("dates of pages", pages.dates, ("migrations",)),
    Probe("addresses of pages", pages.addresses, ("migrations",)),
    Probe("links of pages", pages.links, ("migrations",)),
]


class State(Enum):
    OK = "ok"
    NOT_CHECKED = "–"
    LEFT_OUT = ""
    FAILED = "FAILED"


@dataclass(frozen=True)
class Finding:
    name: str
    state: State
    sentence: str
    fix: str = ""


def examine(*, send: bool) -> Iterator[Finding]:
    """Make one probe after the other; with `send`, also the one that sends a message."""
    logging.disable()  # what Django would say of a failure is said here, in one sentence
    states: dict[str, State] = {}
    try:
        with database.impatient():
            for probe in PROBES:
                finding = _make(probe, states, send)
                states[probe.name] = finding.state
                yield finding
    finally:
        logging.disable(logging.NOTSET)


def _make(probe: Probe, states: dict[str, State], send: bool) -> Finding:
    if missing := [name for name in probe.needs if states.get(name) is not State.OK]:
        return Finding(probe.name, State.LEFT_OUT, f"It rests on: {', '.join(missing)}.")
    if probe.look is mail.send and not send:
        return Finding(probe.name, State.NOT_CHECKED, "Not asked for: --send sends one to the recipients.")
    try:
        return Finding(probe.name, State.OK, f"{network.in_time(probe.look, LIMIT)}.")
    except Fault as fault:
        return Finding(probe.name, State.FAILED, fault.sentence, fault.fix)
    except NotChecked as reason:
        return Finding(probe.name, State.NOT_CHECKED, str(reason))
    except network.TooSlow:
        sentence = f"This does not come to an end within {LIMIT:.0f} seconds."
        return Finding(probe.name, State.FAILED, sentence, "See whether the machine or its network is overloaded.")
    except Exception as error:
        sentence = f"This could not be looked at: {type(error).__name__}, {quote(error)}."
        return Finding(probe.name, State.FAILED, sentence, "Put what failed before this right first.")
