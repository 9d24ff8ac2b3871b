"""Mail: the server step by step, as far as the fault; the sender's domain; what waits."""

import smtplib
import ssl
from contextlib import closing
from email.utils import make_msgid, parseaddr
from typing import Any

import dns.exception
import dns.resolver
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils import timezone, translation

from myweb.contact import faults
from myweb.contact.failures import Reason, classify, reason_of
from myweb.contact.models import ContactSettings
from myweb.mail import domain_in_ascii, own_name

from . import certificate, network
from .faults import Fault, NotChecked, capitalize, quote

PORTS = (587, 465, 25)
STARTTLS = "Set EMAIL_USE_TLS=true, EMAIL_USE_SSL=false, and EMAIL_PORT as the provider says, usually 587."
FROM_THE_START = "Set EMAIL_USE_SSL=true, EMAIL_USE_TLS=false, and EMAIL_PORT as the provider says, usually 465."


def service() -> network.Service:
    if not settings.EMAIL_HOST:
        raise NotChecked("No mail server is set (EMAIL_HOST), so messages stay in the inbox.")
    host, port = settings.EMAIL_HOST, settings.EMAIL_PORT
    return network.Service("mail server", host, port, "EMAIL_HOST", "EMAIL_PORT", PORTS)


def name() -> str:
    where = service()
    return f"{where.host} is {', '.join(network.resolve(where))}"


def connection() -> str:
    """Connect, and read who is there, which servers with TLS from the start tell only later."""
    where = service()
    with network.connect(where) as sock:
        if settings.EMAIL_USE_SSL:
            return f"{where.host} takes connections to port {where.port}"
        try:
            greeting = sock.recv(512).decode(errors="replace")
        except TimeoutError:
            raise _silent(where) from None
        except OSError:
            greeting = ""
    if not greeting:
        raise Fault(
            f"{where.host} ends connections to port {where.port} at once, without a word.",
            "Check EMAIL_PORT, and whether the provider lets this machine's address in.",
        )
    if greeting[:3] == "220":
        return f"{where.host} greets on port {where.port}"
    if greeting[:3].isdigit() and greeting[:1] in "45" and greeting[3:4] in " -":
        raise _fault(reason_of("greeting", int(greeting[:3]), greeting[4:]), greeting)
    raise Fault(
        f"What listens on port {where.port} of {where.host} is no mail server: it says {quote(greeting)}.",
        "Check EMAIL_HOST and EMAIL_PORT; a firewall or proxy in between can also answer in its place.",
    )


def _silent(where: network.Service) -> Fault:
    said = f"{where.host} takes connections to port {where.port}, but says nothing for {network.PATIENCE:.0f} seconds"
    try:
        with network.connect(where) as sock, network.tls_with_anybody().wrap_socket(sock, server_hostname=where.host):
            return Fault(f"{said}, since it speaks TLS from the first byte there.", FROM_THE_START)
    except (OSError, Fault):
        return Fault(
            f"{said}: a firewall or proxy in between seems to have taken the connection, or the mail server hangs.",
            f"Set EMAIL_PORT to another of {', '.join(map(str, where.ports))}, or ask who runs the network.",
        )


def encryption() -> str:
    where = service()
    if not settings.EMAIL_USE_TLS and not settings.EMAIL_USE_SSL:
        if settings.EMAIL_HOST_USER and not network.is_this_machine(where):
            raise Fault("The password for the mail server would travel unencrypted.", STARTTLS)
        raise NotChecked("EMAIL_USE_TLS and EMAIL_USE_SSL are off.")
    try:
        _handshake(where, ssl.create_default_context())
    except ssl.SSLCertVerificationError as error:
        renew = f"Ask who runs {where.host} to renew it."
        raise certificate.explain(error, where.host, renew, lambda context: _handshake(where, context)) from error
    except smtplib.SMTPNotSupportedError as error:
        raise Fault(f"{where.host} offers no STARTTLS on port {where.port}.", FROM_THE_START) from error
    except (OSError, smtplib.SMTPException) as error:
        if settings.EMAIL_USE_SSL and _greets(where):
            raise Fault(
                f"{where.host} does not speak TLS from the first byte on port {where.port}; it greets in plain text.",
                STARTTLS,
            ) from error
        raise Fault(
            f"The encrypted connection to {where.host}, port {where.port}, fails: {quote(error)}.",
            f"Check EMAIL_PORT. {FROM_THE_START if settings.EMAIL_USE_TLS else STARTTLS}",
        ) from error
    return f"{where.host} has a valid certificate, and uses it"


def _handshake(where: network.Service, context: ssl.SSLContext) -> dict[str, Any]:
    """Begin TLS as a delivery would; return the certificate, as far as `context` has looked at it."""
    if settings.EMAIL_USE_SSL:
        with network.connect(where) as sock, context.wrap_socket(sock, server_hostname=where.host) as tls:
            return dict(tls.getpeercert() or {})
    with closing(smtplib.SMTP(where.host, where.port, own_name(), network.PATIENCE)) as smtp:
        smtp.ehlo()
        smtp.starttls(context=context)
        assert isinstance(smtp.sock, ssl.SSLSocket)  # noqa: S101
        return dict(smtp.sock.getpeercert() or {})


def _greets(where: network.Service) -> bool:
    try:
        with network.connect(where) as sock:
            return sock.recv(3) == b"220"
    except (OSError, Fault):
        return False


def login() -> str:
    where = service()
    if not settings.EMAIL_HOST_USER:
        raise NotChecked("EMAIL_HOST_USER is not set, so there is no login.")
    smtp = _connection()
    try:
        smtp.open()
    except (OSError, smtplib.SMTPException, UnicodeError) as error:
        raise _failure(error, connected=False) from error
    finally:
        smtp.close()
    return f"{where.host} takes the name and the password"


def _connection() -> Any:
    return get_connection(timeout=min(settings.EMAIL_TIMEOUT, int(network.PATIENCE)))


def _failure(error: Exception, *, connected: bool) -> Fault:
    """Return the fault in the words that the owner reads in the admin."""
    failure = classify(error, connected=connected)
    return _fault(failure.reason, failure.words)


def _fault(reason: Reason, words: str) -> Fault:
    with translation.override("en"):
        what, _colon, fix = str(reason.label).rstrip(".").partition(": ")
    return Fault(f"{what}: {quote(words)}.", f"{capitalize(fix or 'do what its words say')}.")


def recipients() -> str:
    service()
    found = ContactSettings.load().recipient_list
    if not found:
        raise Fault(
            "Messages stay in the inbox, because nobody is named to mail them to.",
            "Fill in the recipients of the contact form in the admin, or CONTACT_RECIPIENTS.",
        )
    return ", ".join(found)


def send() -> str:
    """Send a probe message to each recipient by itself, as messages are."""
    found = ContactSettings.load().recipient_list
    for recipient in found:
        smtp = _connection()
        connected = False
        try:
            smtp.open()
            connected = True
            smtp.send_messages([_probe_message(recipient)])
        except Exception as error:
            fault = _failure(error, connected=connected)
            raise Fault(f"{recipient} was sent nothing. {fault.sentence}", fault.fix) from error
        finally:
            smtp.close()
    return f"sent to {', '.join(found)}: see whether it arrives, and not among the spam"


def _probe_message(recipient: str) -> EmailMessage:
    return EmailMessage(
        subject=f"Probe message of {settings.SITE_URL}",
        body=f"“manage.py doctor --send” sent this at {timezone.now():%Y-%m-%d %H:%M:%S} UTC. Mail works.\n",
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[recipient],
        headers={
            "Message-ID": make_msgid(domain=settings.SITE_HOST.strip("[]")),
            "Auto-Submitted": "auto-generated",
        },
    )


def outbox() -> str:
    service()
    with translation.override("en"):
        fault = faults.find()
    if fault:
        words = f" The server's words: {quote(fault.words)}." if fault.words else ""
        raise Fault(f"{fault.sentence}{words}", fault.fix)
    return "nothing waits to be mailed for long"


# The sender's domain, as those who receive the mail look at it


def domain() -> str:
    """Return the domain that mail comes from."""
    service()
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    found = address.rpartition("@")[2]
    if "." not in found or found.startswith("[") or found.rpartition(".")[2].isdigit():
        raise Fault(
            f"Mail comes from {address}, which is no address on the internet: most servers refuse it.",
            "Set DEFAULT_FROM_EMAIL to an address of your own.",
        )
    return domain_in_ascii(found)


def sender() -> str:
    return f"mail comes from {domain()}"


def texts(name: str) -> list[str] | None:
    """Return the TXT records of `name`, None if that name does not exist; raise NotChecked if no DNS answers."""
    try:
        records = dns.resolver.resolve(name, "TXT", lifetime=network.PATIENCE, search=False)
    except dns.resolver.NXDOMAIN:
        return None
    except dns.resolver.NoAnswer:
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise NotChecked(f"No DNS server answers for {name} ({type(error).__name__}).") from error
    return [b"".join(record.strings).decode(errors="replace") for record in records]


def spf() -> str:
    found = [text for text in texts(domain()) or [] if text.lower().split(" ")[0] == "v=spf1"]
    fix = f"Put the SPF record that the mail provider names, and only that, into the DNS of {domain()} (TXT)."
    if not found:
        raise Fault(f"{domain()} does not say who may send its mail (SPF): the mail may count as spam.", fix)
    if len(found) > 1:
        raise Fault(f"{domain()} has {len(found)} SPF records, so that none of them counts.", fix)
    if found[0].lower().split()[1:] == ["-all"]:
        raise Fault(f"{domain()} says that it sends no mail at all ({quote(found[0])}).", fix)
    return f"{domain()} says {quote(found[0])}"


def dkim() -> str:
    """The key's name is known only to who signs; but where there is any, there is something below this name."""
    if texts(f"_domainkey.{domain()}") is None:
        raise Fault(
            f"{domain()} has no key for signatures (DKIM): the mail may count as spam.",
            f"Turn on DKIM at the mail provider, and put the key that it names into the DNS of {domain()}.",
        )
    return f"{domain()} has keys; a mail that arrived tells whether it was signed with one (dkim=pass)"


def dmarc() -> str:
    """The domain's own record, or else the one of a domain above it."""
    labels = domain().split(".")
    for names in (labels[start:] for start in range(len(labels) - 1)):
        above = ".".join(names)
        found = [text for text in texts(f"_dmarc.{above}") or [] if text.lower().startswith("v=dmarc1")]
        if len(found) == 1 and "p=" in found[0].lower():
            return f"_dmarc.{above} says {quote(found[0])}"
        if found:
            raise Fault(
                f"The DMARC record of {above} cannot be used: {quote('; '.join(found))}.",
                f"Leave one TXT record at _dmarc.{above}, like: v=DMARC1; p=none",
            )
    raise Fault(
        f"{domain()} does not say what happens to forged mail (DMARC), which large providers demand.",
        f"Put a TXT record into the DNS at _dmarc.{domain()}: v=DMARC1; p=none",
    )
