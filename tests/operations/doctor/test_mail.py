from datetime import timedelta

import dns.resolver
import pytest
from django.utils import timezone

from myweb.contact.models import ContactSettings, MailServer
from myweb.operations.doctor import mail as probes
from myweb.operations.doctor import network
from tests import smtp
from tests.contact.factories import make_message
from tests.operations.doctor import faults
from tests.operations.doctor.conftest import MAIL_PASSWORD
from tests.operations.doctor.faults import State, fault, look
from tests.operations.doctor.servers import dropping, talking
from tests.site import free_port

# The connection


@fault("name of the mail server", "mail.invalid does not resolve|No name server tells the address of mail.invalid")
def name(mail, settings):
    settings.EMAIL_HOST = "mail.invalid"
    yield


@pytest.fixture
def ports(mail, monkeypatch):
    """The well-known ports: those of nobody, so that all are closed."""
    monkeypatch.setattr(probes, "PORTS", (free_port(), free_port()))
    return probes.PORTS


@fault("connection to the mail server", r"localhost, port \d+, refuses connections .* so the mail server is down")
def server_is_down(mail, ports, settings):
    settings.EMAIL_PORT = free_port()
    yield


@fault("connection to the mail server", "nothing listens there, in this container.*name its container in EMAIL_HOST")
def localhost_in_a_container(mail, ports, settings, monkeypatch):
    monkeypatch.setattr(network, "in_container", lambda: True)
    settings.EMAIL_PORT = free_port()
    yield


@fault(
    "connection to the mail server",
    r"refuses .*, but port \d+ of .* answers: .*wrong port. Set EMAIL_PORT to",
)
def wrong_port(mail, settings, monkeypatch):
    monkeypatch.setattr(probes, "PORTS", (mail.port,))
    settings.EMAIL_PORT = free_port()
    yield


@fault("connection to the mail server", "does not answer within 1 seconds, nor do .*firewall drops everything")
def firewall_drops_everything(mail, ports, settings):
    with dropping() as port:
        settings.EMAIL_PORT = port
        yield


@fault("connection to the mail server", r"does not answer .*, but its port \d+ does: a firewall drops what goes")
def firewall_drops_one_port(mail, settings, monkeypatch):
    monkeypatch.setattr(probes, "PORTS", (mail.port,))
    with dropping() as port:
        settings.EMAIL_PORT = port
        yield


@fault("connection to the mail server", "says nothing for 1 seconds: a firewall or proxy in between .* hangs")
def silence(mail, ports, settings):
    with talking(None) as port:
        settings.EMAIL_PORT = port
        yield


@fault("connection to the mail server", "speaks TLS from the first byte there. Set EMAIL_USE_SSL=true")
def tls_from_the_first_byte(mail, settings):
    with smtp.MailServer(implicit_tls=True) as server:
        settings.EMAIL_PORT = server.port
        yield


@fault("connection to the mail server", "turns this machine away: “554 5.7.1 192.0.2.1 is on a list”")
def turned_away(mail, settings):
    with mail.having(greeting="554 5.7.1 192.0.2.1 is on a list"):
        yield


@fault("connection to the mail server", "is no mail server: it says “SSH-2.0-OpenSSH_9.2”. Check EMAIL_HOST")
def no_mail_server(mail, settings):
    with talking(b"SSH-2.0-OpenSSH_9.2\r\n") as port:
        settings.EMAIL_PORT = port
        yield


@fault("connection to the mail server", "ends connections to port .* at once, without a word")
def cut(mail, settings):
    with mail.having(greeting=smtp.CUT):
        yield


# TLS


@fault("encryption of mail", "offers no STARTTLS on port .*EMAIL_USE_SSL=true")
def no_starttls(mail, settings):
    with smtp.MailServer() as server:
        settings.EMAIL_PORT = server.port
        yield


@fault("encryption of mail", "does not speak TLS from the first byte on port .*; it greets .* Set EMAIL_USE_TLS=true")
def plain_text(mail, settings):
    settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = False, True
    yield


@fault("encryption of mail", "The encrypted connection to localhost, port .*, fails")
def neither_tls_nor_text(mail, settings):
    settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = False, True
    with talking(b"SSH-2.0-OpenSSH_9.2\r\n") as port:
        settings.EMAIL_PORT = port
        yield


@fault("encryption of mail", "The certificate is for “mail.example”, not for localhost")
def certificate_of_another_name(serving_with, authority):
    serving_with(authority.context("mail.example"))
    yield


@fault("encryption of mail", "The certificate of localhost ended 5 days ago.* Ask who runs localhost")
def expired_certificate(serving_with, authority):
    serving_with(authority.context(begin=-90, end=-5.1))
    yield


@fault("encryption of mail", "signed by itself")
def self_signed_certificate(mail, authority):
    yield


@fault("encryption of mail", "The password for the mail server would travel unencrypted")
def password_in_plain_text(mail, settings, monkeypatch):
    settings.EMAIL_USE_TLS = False
    monkeypatch.setattr(network, "is_this_machine", lambda service: False)
    yield


@pytest.fixture
def serving_with(mail, settings, monkeypatch):
    """Return a function that starts a mail server with another certificate."""
    servers = []

    def start(context) -> None:
        monkeypatch.setattr(smtp, "tls_context", lambda: context)
        servers.append(smtp.MailServer(tls=True).start())
        settings.EMAIL_PORT = servers[0].port

    yield start
    for server in servers:
        server.close()


# Login, recipients, the probe message, the outbox


@fault("login to the mail server", "rejected the login: “535 .*Check EMAIL_HOST_USER and EMAIL_HOST_PASSWORD")
def wrong_password(mail, settings):
    settings.EMAIL_HOST_PASSWORD = "sesame-open"
    yield


@fault("login to the mail server", "offers no way to log in that this site has: .*Check EMAIL_USE_TLS")
def no_login(mail, settings):
    with talking(b"220 mail.example\r\n", answer=b"250 mail.example\r\n") as port:
        settings.EMAIL_PORT, settings.EMAIL_USE_TLS = port, False
        yield


@fault("login to the mail server", "The mail server does not take mail at the moment: “421 too busy”")
def busy(mail, settings):
    with mail.having(greeting="421 too busy"):
        yield


@fault("recipients", "nobody is named to mail them to. Fill in the recipients")
def nobody(mail, settings):
    settings.CONTACT_RECIPIENTS = []
    yield


@fault("probe message", "owner@example.org was sent nothing. The mail server refused this address: “550 no such user”")
def unknown_recipient(mail, settings):
    mail.refused = {smtp.OWNER: "550 no such user"}
    yield
    mail.refused = {}


@fault("probe message", "does not take mail from this site: “553 not yours”. Check DEFAULT_FROM_EMAIL")
def refused_sender(mail, settings):
    with mail.having(mail="553 not yours"):
        yield


@fault("outbox", "1 mail is waiting to be sent. The server's words: “Connection refused”.*check EMAIL_HOST and")
def held_queue(mail, settings):
    make_message(smtp.OWNER)
    MailServer.load()
    later = timezone.now() + timedelta(hours=1)
    MailServer.objects.update(failures=3, reason="refused", last_error="Connection refused", next_probe=later)
    yield


# The sender's domain


@fault("sender", "Mail comes from webmaster@localhost, which is no address on the internet.*DEFAULT_FROM_EMAIL")
def sender_that_nobody_can_answer(mail, settings):
    settings.DEFAULT_FROM_EMAIL = "webmaster@localhost"
    yield


@fault("sender", "Mail comes from webmaster@192.0.2.7, which is no address on the internet")
def sender_without_a_domain(mail, settings):
    settings.DEFAULT_FROM_EMAIL = "webmaster@192.0.2.7"
    yield


@fault("SPF", "lake.example does not say who may send its mail")
def no_spf(mail, dns_records):
    del dns_records["lake.example"]
    yield


@fault("SPF", "lake.example has 2 SPF records, so that none of them counts")
def two_spf_records(mail, dns_records):
    dns_records["lake.example"] = ["v=spf1 mx -all", "google-site-verification=1", "v=spf1 a -all"]
    yield


@fault("SPF", "lake.example says that it sends no mail at all")
def spf_of_a_domain_without_mail(mail, dns_records):
    dns_records["lake.example"] = ["v=spf1 -all"]
    yield


@fault("DKIM", "lake.example has no key for signatures")
def no_dkim(mail, dns_records):
    del dns_records["key._domainkey.lake.example"]
    yield


@fault("DMARC", "lake.example does not say what happens to forged mail")
def no_dmarc(mail, dns_records):
    del dns_records["_dmarc.lake.example"]
    yield


@fault("DMARC", "DMARC record of lake.example cannot be used: “v=DMARC1; rua=mailto:owner@lake.example”")
def dmarc_without_policy(mail, dns_records):
    dns_records["_dmarc.lake.example"] = ["v=DMARC1; rua=mailto:owner@lake.example"]
    yield


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("row", faults.rows(__name__))
def test_fault_is_found(row, request):
    faults.check(row, request)


def test_it_works(mail, dns_records):
    for probe in faults.PROBES:
        if probe.look.__module__ == probes.__name__:
            finding = look(probe.name)
            assert finding.state is State.OK, finding
    [probe_message] = mail.wait_for(1)
    assert probe_message.recipient == smtp.OWNER
    assert probe_message.message["From"] == "Lake House <owner@lake.example>"


def test_tls_from_the_first_byte_works(mail, settings):
    settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL, settings.EMAIL_HOST_USER = False, True, ""
    with smtp.MailServer(implicit_tls=True) as server:
        settings.EMAIL_PORT = server.port
        for name in ("connection to the mail server", "encryption of mail"):
            assert look(name).state is State.OK


def test_every_recipient_gets_one(mail, db):
    ContactSettings.objects.create(recipients="a@example.org\nb@example.org")
    assert look("probe message").state is State.OK
    assert {sent.recipient for sent in mail.wait_for(2)} == {"a@example.org", "b@example.org"}


def test_organisations_dmarc_counts_for_what_is_below(mail, dns_records, settings):
    settings.DEFAULT_FROM_EMAIL = "owner@mail.lake.example"
    assert look("DMARC").sentence == "_dmarc.lake.example says “v=DMARC1; p=none”."


@pytest.mark.parametrize("name", ["SPF", "DKIM", "DMARC"])
def test_silent_dns_is_no_fault(mail, monkeypatch, name):
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], free_port()
    monkeypatch.setattr(dns.resolver, "default_resolver", resolver)
    finding = look(name)
    assert finding.state is State.NOT_CHECKED
    assert "No DNS server answers" in finding.sentence


def test_without_mail_there_is_nothing_to_look_at(settings):
    settings.EMAIL_HOST = ""
    finding = look("name of the mail server")
    assert finding.state is State.NOT_CHECKED
    assert "messages stay in the inbox" in finding.sentence


def test_password_is_not_told(mail, settings):
    """Even if the mail server tells it."""
    with mail.having(greeting=f"554 {MAIL_PASSWORD} b3Blbi1zZXNhbWU= AG93bmVyAG9wZW4tc2VzYW1l"):
        assert "“554 … … …”" in look("connection to the mail server").sentence
