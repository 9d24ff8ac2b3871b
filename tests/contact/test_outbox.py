import time
from datetime import timedelta
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from itertools import chain

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from myweb.contact import faults, outbox
from myweb.contact.failures import Failure, Reason
from myweb.contact.forms import ContactForm
from myweb.contact.models import LONGEST_CLAIM, LONGEST_WAIT, ContactMessage, ContactSettings, Delivery, MailServer
from myweb.contact.outbox import compose
from myweb.contact.showing import in_header
from tests import smtp
from tests.contact.conftest import use
from tests.contact.factories import DISGUISES, OWNER, SCRIPTS, form_data, in_threads, let_pass, make_message

pytestmark = pytest.mark.django_db

TEXT = st.text(max_size=40) | st.text("ab@.\"'<>,;:\\ \t=?_-湖", max_size=40)
HEADERS = {"Content-Type", "MIME-Version", "Content-Transfer-Encoding", "Subject", "From", "To", "Reply-To"}
HEADERS |= {"Date", "Message-ID"}


def deliver_next() -> bool:
    """Do one thing; that there is anything to do is what due() has to say before."""
    is_due = any(queryset.exists() for queryset in outbox.due())
    assert outbox.deliver_next() == is_due
    return is_due


def deliver_all() -> int:
    """Do what there is to do; return how many mails were tried."""
    tries = 0
    while deliver_next():
        tries += 1
    return tries


def text_of(mail: EmailMessage) -> str:
    return mail.get_content().replace("\r\n", "\n")


def reply_to(content: bytes) -> tuple[str, str]:
    """Return name and address; the newer policies of Python put spaces between the parts of a long name."""
    name, address = parseaddr(message_from_bytes(content)["Reply-To"])
    return str(make_header(decode_header(name))), address


def the_server() -> MailServer:
    return MailServer.load()


def minutes_until_probe() -> int:
    server = the_server()
    return round((server.next_probe - server.now).total_seconds() / 60)


def test_it_works(mail_server, settings):
    settings.DEFAULT_FROM_EMAIL = "My Site <site@example.org>"
    message = make_message()
    assert deliver_all() == 1
    [(recipient, message_id, mail, _content, greeting)] = mail_server.received
    assert greeting == settings.SITE_HOST
    delivery = Delivery.objects.get()
    assert (recipient, message_id) == (OWNER, delivery.mail_id)
    assert mail["From"] == "My Site <site@example.org>"
    assert mail["To"] == OWNER
    assert mail["Reply-To"] == "Ann <ann@example.com>"
    assert mail["Subject"] == "A room"
    text = text_of(mail)
    assert text.startswith("Is it free?")
    assert message.reference in text
    assert f"{settings.SITE_URL}/admin/contact/contactmessage/{message.pk}/change/" in text
    assert delivery.sent_at is not None
    assert deliver_all() == 0


class TestTheMail:
    def test_every_script_arrives_intact(self, mail_server):
        make_message(
            name=SCRIPTS, subject=SCRIPTS, text=f"{SCRIPTS}\r\n\r\n.\r\nFrom here\r\n{SCRIPTS}", email="a@例子.cn"
        )
        deliver_all()
        [mail] = mail_server.received
        assert mail.message["Subject"].strip() == SCRIPTS
        assert reply_to(mail.content) == (SCRIPTS, "a@xn--fsqu00a.cn")
        assert text_of(mail.message).startswith(f"{SCRIPTS}\n\n.\nFrom here\n{SCRIPTS}\n")

    @pytest.mark.parametrize(
        "fields",
        [
            {"text": "x" * 20_000},
            {"text": "湖" * 20_000},
            {"text": "\u2028".join(["湖" * 300] * 20)},
            {"name": "👩‍👩‍👧" * 40, "subject": "👩‍👩‍👧" * 60},
            {"name": "x" * 200, "subject": "x" * 300},
            {"name": '"Ann" <x@example.net>, \\ Bob; (c)', "subject": "Re: ; \\"},
            {"email": '"odd name"@example.com'},
        ],
        ids=lambda fields: "+".join(f"{name} {value[:6]}" for name, value in fields.items()),
    )
    def test_extremes_arrive_intact(self, mail_server, fields):
        message = make_message(**fields)
        deliver_all()
        [mail] = mail_server.received
        assert mail.message["Subject"].strip() == message.subject
        assert reply_to(mail.content) == (message.name, message.email)
        assert text_of(mail.message).startswith(message.text + "\n")

    def test_lines_are_as_short_as_servers_want_them(self, mail_server):
        message = make_message(name="👩" * 200, subject="湖" * 300, text="湖" * 20_000)
        lines = compose(message.deliveries.get()).message().as_bytes(linesep="\r\n").split(b"\r\n")
        assert max(map(len, lines)) <= 998

    @hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(name=TEXT, subject=TEXT, text=TEXT, local=TEXT, domain=TEXT)
    def test_whatever_the_form_lets_through_can_be_mailed(self, db, name, subject, text, local, domain):
        form = ContactForm(form_data(name=name, subject=subject, text=text, email=f"{local}@{domain}.com"))
        if not form.is_valid() and "email" in form.errors:
            form = ContactForm(form_data(name=name, subject=subject, text=text))
        if form.is_valid():
            message = form.save(commit=False)
            message.pk, message.created_at = 1, timezone.now()
            mail = compose(Delivery(message=message, recipient=OWNER)).message().as_bytes(linesep="\r\n")
            parsed = message_from_bytes(mail, policy=policy.default)
            assert reply_to(mail)[0].split() == in_header(message.name).split()
            assert text_of(parsed).startswith(message.text.replace("\r\n", "\n").replace("\r", "\n"))
            assert set(parsed.keys()) == HEADERS

    @pytest.mark.parametrize(
        "word", ["=?utf-8?q?The_Bank?=", "=?utf-8?b?4oCuVGhlIEJhbms=?=", "=\u200b?utf-8?q?The_Bank?="]
    )
    @pytest.mark.parametrize("around", ["{}", "{} 湖", "a {} {}"])
    def test_nothing_typed_is_decoded(self, mail_server, word, around):
        make_message(name=around.format(word, word), subject=around.format(word, word))
        deliver_all()
        [mail] = mail_server.received
        for header in (mail.message["Subject"], reply_to(mail.content)[0]):
            assert "The Bank" not in header
            assert "\u202e" not in header

    @pytest.mark.parametrize("hidden", DISGUISES)
    def test_nothing_is_disguised(self, mail_server, hidden):
        make_message(name=f"An{hidden}n", subject=f"A {hidden}room")
        deliver_all()
        [mail] = mail_server.received
        assert mail.message["Subject"] == "A room"
        assert reply_to(mail.content)[0] == "Ann"
        assert "From: Ann <ann@example.com>" in text_of(mail.message)

    def test_says_of_itself_that_a_person_wrote_it(self, mail_server):
        """Ticket systems drop what says that a program did."""
        make_message()
        deliver_all()
        [mail] = mail_server.received
        assert set(mail.message.keys()) >= {"From", "Reply-To"}
        for header in ("Auto-Submitted", "Precedence", "X-Auto-Response-Suppress", "X-Autoreply", "List-Id"):
            assert header not in mail.message

    def test_each_recipient_has_a_mail_of_its_own(self, mail_server):
        make_message("a@example.org", "b@example.org", "c@example.org")
        assert deliver_all() == 3
        assert {mail.recipient for mail in mail_server.received} == {"a@example.org", "b@example.org", "c@example.org"}
        assert len({mail.message_id for mail in mail_server.received}) == 3
        assert [mail.message["To"] for mail in mail_server.received] == [
            mail.recipient for mail in mail_server.received
        ]


class TestServerFails:
    """A failure of the server holds the queue, not the message."""

    @pytest.mark.parametrize(
        ("failing", "reason", "words"),
        [
            ({"greeting": "421 too many of you"}, Reason.BUSY, "421 too many of you"),
            ({"greeting": "554 go away"}, Reason.TURNED_AWAY, "554 go away"),
            ({"greeting": smtp.HANG}, Reason.TIMEOUT, "timed out"),
            ({"greeting": smtp.CUT}, Reason.CLOSED, ""),
            ({"mail": "421 shutting down"}, Reason.BUSY, "421 shutting down"),
            ({"mail": "451 later"}, Reason.BUSY, "451 later"),
            ({"mail": "550 not from you"}, Reason.SENDER, "550 not from you"),
            ({"mail": smtp.HANG}, Reason.TIMEOUT, "timed out"),
            ({"rcpt": "421 shutting down"}, Reason.BUSY, "421 shutting down"),
            ({"rcpt": smtp.CUT}, Reason.CLOSED, ""),
            ({"data": "421 shutting down"}, Reason.BUSY, "421 shutting down"),
            ({"data": smtp.CUT}, Reason.CLOSED, ""),
            ({"end": "421 shutting down"}, Reason.BUSY, "421 shutting down"),
            ({"end": smtp.HANG}, Reason.TIMEOUT, "timed out"),
            ({"end": smtp.CUT}, Reason.CLOSED, ""),
            ({"end": smtp.CUT_AFTER_STORING}, Reason.CLOSED, ""),
        ],
        ids=str,
    )
    def test_in_its_own_words(self, mail_server, failing, reason, words):
        make_message()
        make_message()
        mail_server.failing = failing
        assert deliver_all() == 1
        server = the_server()
        assert (server.reason, server.failures, minutes_until_probe()) == (reason, 1, 1)
        assert words in server.last_error
        delivery = Delivery.objects.get(reason=reason)
        assert (delivery.last_error, delivery.attempts, delivery.sent_at) == (server.last_error, 0, None)

    def test_is_not_there(self, mail_server):
        make_message()
        mail_server.stop()
        deliver_all()
        assert (the_server().reason, the_server().last_error) == (Reason.REFUSED, "[Errno 111] Connection refused")

    def test_has_a_name_that_does_not_exist(self, mail_server, settings):
        settings.EMAIL_HOST = "mail.invalid"
        make_message()
        deliver_all()
        assert the_server().reason == Reason.NAME

    @pytest.mark.parametrize(
        ("options", "told", "reason"),
        [
            ({"tls": True}, {"EMAIL_USE_TLS": True}, Reason.CERTIFICATE),
            ({"implicit_tls": True}, {"EMAIL_USE_SSL": True}, Reason.CERTIFICATE),
            ({}, {"EMAIL_USE_TLS": True}, Reason.TLS),
            ({}, {"EMAIL_USE_SSL": True}, Reason.TLS),
            ({"login": "me:right"}, {"EMAIL_HOST_USER": "me", "EMAIL_HOST_PASSWORD": "wrong"}, Reason.LOGIN),
            ({"login": "me:right"}, {}, Reason.LOGIN_FIRST),  # “530 Authentication required”
        ],
        ids=str,
    )
    def test_does_not_let_us_in(self, mail_server, settings, options, told, reason):
        for name, value in told.items():
            setattr(settings, name, value)
        with smtp.MailServer(**options) as server:
            use(server, settings)
            make_message()
            deliver_all()
            assert (the_server().reason, server.received) == (reason, [])

    @pytest.mark.parametrize("kind", ["tls", "implicit_tls"])
    def test_lets_us_in_with_a_valid_certificate_and_the_right_login(self, mail_server, settings, monkeypatch, kind):
        monkeypatch.setenv("SSL_CERT_FILE", str(smtp.certificate()))
        settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = kind == "tls", kind == "implicit_tls"
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "me", "right"
        with smtp.MailServer(**{kind: True}, login="me:right") as server:
            use(server, settings)
            make_message()
            deliver_all()
            assert (the_server().reason, len(server.received)) == ("", 1)

    @pytest.mark.slow("the deadline has to pass")
    def test_takes_too_long_as_a_whole(self, mail_server, monkeypatch):
        monkeypatch.setattr(outbox, "DEADLINE", 1)
        make_message()
        mail_server.failing = {"rcpt": smtp.DRIP}
        began = time.monotonic()
        deliver_all()
        assert time.monotonic() - began < 10  # the farewell has 5 seconds of its own
        assert (the_server().reason, the_server().last_error) == (Reason.TIMEOUT, "no end after 1 seconds")

    def test_is_probed_with_one_mail_more_and_more_slowly(self, mail_server):
        for _ in range(5):
            make_message()
        mail_server.failing = {"greeting": "421 busy"}
        for tries in range(1, 9):
            assert deliver_all() == 1
            let_pass(minutes=minutes_until_probe() - 0.5)
            assert deliver_all() == 0
            let_pass(minutes=0.5)
            assert mail_server.connections == tries
        assert Delivery.objects.exclude(attempts=0).count() == 0

    def test_waits_are_an_hour_at_most_for_ever(self, mail_server):
        make_message()
        mail_server.failing = {"greeting": "421 busy"}
        waits = []
        for _ in range(9):
            deliver_all()
            waits.append(minutes_until_probe())
            let_pass(minutes=waits[-1])
        assert waits == [1, 2, 5, 10, 30, 60, 60, 60, 60]
        MailServer.objects.update(failures=1_000_000)
        assert deliver_all() == 1
        assert minutes_until_probe() == 60

    def test_first_success_sends_all(self, mail_server):
        for _ in range(5):
            make_message()
        with mail_server.having(greeting=smtp.CUT):
            deliver_all()
            let_pass(minutes=1)
            deliver_all()
        assert deliver_all() == 0
        let_pass(minutes=2)
        assert deliver_all() == 5
        assert (the_server().failures, the_server().reason) == (0, "")
        assert not Delivery.objects.waiting().exists()
        assert not Delivery.objects.exclude(reason="", last_error="").exists()

    def test_that_refuses_one_mail_works_again_too(self, mail_server):
        make_message()
        make_message()
        with mail_server.having(greeting=smtp.CUT):
            deliver_all()
        let_pass(minutes=1)
        with mail_server.having(end="554 looks like spam"):
            assert deliver_all() == 2
        assert the_server().failures == 0

    def test_only_one_process_probes(self, mail_server):
        make_message()
        make_message()
        with mail_server.having(greeting=smtp.CUT):
            deliver_all()
        let_pass(minutes=1)
        server = the_server()
        assert outbox.claim_probe(server)
        assert not outbox.claim_probe(server)
        assert deliver_all() == 0
        # Whoever claimed it was killed.
        let_pass(seconds=120)
        assert deliver_all() == 2

    def test_a_mail_that_kills_the_connection_does_not_starve_the_others(self, mail_server):
        deadly = make_message(subject="deadly")
        others = [make_message() for _ in range(3)]
        mail_server.deadly = b"Subject: deadly"
        for _ in range(3):
            deliver_all()
            let_pass(minutes=minutes_until_probe())
        assert len(mail_server.received) == 3
        others.append(make_message())
        for _ in range(3):
            deliver_all()
            let_pass(minutes=minutes_until_probe())
        assert len(mail_server.received) == 4
        assert {delivery.message for delivery in Delivery.objects.waiting()} == {deadly}


class TestMailIsRefused:
    """An answer about a recipient or a message counts against that mail only."""

    @pytest.mark.parametrize(
        ("failing", "reason"),
        [
            ({"rcpt": "550 no such user"}, Reason.RECIPIENT),
            ({"data": "554 no valid recipients"}, Reason.MESSAGE),
            ({"end": "554 looks like spam"}, Reason.SPAM),
        ],
        ids=str,
    )
    def test_in_the_servers_words(self, mail_server, failing, reason):
        make_message()
        make_message()
        [words] = failing.values()
        with mail_server.having(**failing):
            assert deliver_all() == 2
        assert the_server().failures == 0
        for delivery in Delivery.objects.all():
            assert (delivery.reason, delivery.last_error, delivery.attempts) == (reason, words, 1)
        let_pass(minutes=5)
        assert deliver_all() == 2
        assert Delivery.objects.filter(sent_at=None).count() == 0

    @pytest.mark.parametrize("stage", ["rcpt", "data", "end"])
    def test_greylisting_is_a_wait(self, mail_server, stage):
        """Which is no refusal, and nothing for the owner to worry about (RFC 6647)."""
        make_message()
        with mail_server.having(**{stage: "451 4.7.1 Greylisted, come back later"}):
            for _ in range(3):
                assert deliver_all() == 1
                delivery = Delivery.objects.get()
                assert (delivery.reason, delivery.attempts) == (Reason.WAIT, 0)
                let_pass(minutes=5)
            assert faults.find() is None
            let_pass(hours=4)
            assert "asks for patience" in faults.find().fix
        assert deliver_all() == 1
        assert len(mail_server.received) == 1

    @pytest.mark.parametrize("recipient", ["owner", "müller@example.org", "a@b@c.example"])
    def test_recipient_of_an_earlier_release(self, mail_server, recipient):
        make_message(recipient)
        make_message()
        assert deliver_all() == 2
        assert len(mail_server.received) == 1
        assert Delivery.objects.get(recipient=recipient).reason == Reason.RECIPIENT

    def test_addresses_in_any_domain(self, mail_server):
        make_message("Owner <owner@faß.de>", email="ann@βόλος.com")
        assert deliver_all() == 1
        [received] = mail_server.received
        assert received.recipient == "owner@xn--fa-hia.de"
        assert received.message["Reply-To"] == "Ann <ann@xn--nxasmm1c.com>"

    def test_tries_become_rarer_but_never_end(self, mail_server):
        make_message()
        waits = []
        with mail_server.having(rcpt="550 no such user"):
            for _ in range(8):
                assert deliver_all() == 1
                delivery = Delivery.objects.annotate(now=Now()).get()
                waits.append(round((delivery.next_attempt - delivery.now).total_seconds() / 60))
                let_pass(minutes=waits[-1])
        assert waits == [5, 15, 60, 240, 720, 720, 720, 720]
        assert deliver_all() == 1
        assert {mail.message_id for mail in mail_server.received} == {Delivery.objects.get().mail_id}

    def test_others_flow(self, mail_server):
        make_message("gone@example.org")
        mail_server.refused = {"gone@example.org": "550 no such user"}
        for number in range(1, 4):
            make_message()
            deliver_all()
            assert len(mail_server.received) == number

    def test_one_of_three_recipients(self, mail_server):
        message = make_message("a@example.org", "b@example.org", "c@example.org")
        mail_server.refused = {"b@example.org": "550 5.1.1 no such user"}
        assert deliver_all() == 3
        assert [mail.recipient for mail in mail_server.received] == ["a@example.org", "c@example.org"]
        delivery = message.deliveries.get(sent_at=None)
        assert (delivery.recipient, delivery.last_error) == ("b@example.org", "550 5.1.1 no such user")

    def test_what_python_cannot_write_down_holds_nobody_up(self, mail_server):
        make_message(email='"\x0b"@example.com')
        make_message("a@" + "湖" * 70)
        make_message()
        assert deliver_all() == 3
        # The visitor's address is in the text.
        assert (len(mail_server.received), the_server().failures) == (2, 0)
        assert Delivery.objects.filter(reason=Reason.RECIPIENT).count() == 1


class TestClaim:
    def test_is_nobody_elses(self, mail_server):
        make_message()
        assert outbox.claim_next() is not None
        assert outbox.claim_next() is None
        let_pass(seconds=119)
        assert outbox.claim_next() is None
        let_pass(seconds=1)
        assert outbox.claim_next() is not None

    @pytest.mark.django_db(transaction=True)
    def test_has_one_winner(self, database, mail_server):
        for _ in range(30):
            make_message()
        claimed = in_threads(4, lambda: [delivery.pk for delivery in iter(outbox.claim_next, None)])
        assert sorted(chain.from_iterable(claimed)) == list(Delivery.objects.values_list("pk", flat=True))

    def test_that_ran_out_does_not_undo_a_success(self, mail_server):
        make_message()
        slow = outbox.claim_next()
        let_pass(seconds=120)
        quick = outbox.claim_next()
        assert outbox.send(slow) is None
        outbox.record_success(slow)
        outbox.record_failure(quick, Failure(Reason.MESSAGE, "550 seen that"))
        delivery = Delivery.objects.get()
        assert delivery.sent_at is not None
        assert (delivery.reason, delivery.attempts) == ("", 0)
        assert deliver_all() == 0

    def test_that_ran_out_does_not_write_a_failure(self, mail_server):
        make_message()
        slow = outbox.claim_next()
        let_pass(seconds=120)
        quick = outbox.claim_next()
        outbox.record_failure(slow, Failure(Reason.MESSAGE, "550 no"))
        delivery = Delivery.objects.get()
        assert (delivery.reason, delivery.next_attempt) == ("", quick.next_attempt)

    def test_of_a_killed_process_is_followed_by_the_same_mail(self, mail_server):
        make_message()
        outbox.send(outbox.claim_next())  # and then the kill
        let_pass(seconds=120)
        deliver_all()
        first, second = mail_server.received
        assert first.message_id == second.message_id


class TestClockThatWasAhead:
    """What lies so far in the future that nobody can have meant it counts as none."""

    def test_mail_that_is_new_or_claimed(self, mail_server):
        make_message()
        Delivery.objects.update(next_attempt=Now() + timedelta(hours=1))
        assert deliver_all() == 1
        assert deliver_all() == 0

    def test_mail_that_was_refused(self, mail_server):
        make_message()
        Delivery.objects.update(next_attempt=Now() + timedelta(days=365), attempts=3, reason=Reason.MESSAGE)
        assert deliver_all() == 1
        assert Delivery.objects.get().sent_at is not None

    def test_mail_that_failed_but_was_not_refused(self, mail_server):
        make_message()
        MailServer.objects.update_or_create(pk=1, defaults={"failures": 3, "reason": Reason.REFUSED})
        MailServer.objects.update(next_probe=Now() + timedelta(days=365))
        assert deliver_all() == 1
        assert the_server().failures == 0

    def test_no_wait_is_as_long(self):
        assert max(outbox.REFUSAL_WAITS) <= LONGEST_WAIT / 2
        assert outbox.LEASE <= LONGEST_CLAIM / 2


class TestNothingToMailTo:
    def test_without_recipients(self, mail_server, settings):
        settings.CONTACT_RECIPIENTS = []
        for _ in range(120):
            make_message(spam_reason="too fast")
        ContactMessage.objects.update(spam_reason="")
        assert deliver_all() == 0
        ContactSettings.objects.create(recipients=f"{OWNER}\nb@example.org\n{OWNER}")
        assert deliver_all() == 240
        assert {mail.recipient for mail in mail_server.received} == {OWNER, "b@example.org"}

    def test_without_a_mail_server(self, mail_server, settings):
        settings.EMAIL_HOST = ""
        make_message()
        assert deliver_all() == 0
        use(mail_server, settings)
        assert deliver_all() == 1

    def test_spam_is_not_mailed_until_it_is_in_the_inbox(self, mail_server):
        spam = make_message(spam_reason=ContactMessage.Spam.TOO_FAST)
        assert deliver_all() == 0
        spam.move_to_inbox()
        spam.move_to_inbox()
        assert deliver_all() == 1
        assert len(mail_server.received) == 1
