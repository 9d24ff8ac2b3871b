import base64
import hmac
import smtplib
from email.utils import parseaddr

import pytest
from django.core.mail import EmailMessage, get_connection

from myweb import mail
from tests.smtp import OWNER, MailServer


@pytest.mark.parametrize(
    ("typed", "in_dns"),
    [
        ("example.org", "example.org"),
        ("EXAMPLE.org", "example.org"),
        ("faß.de", "xn--fa-hia.de"),
        ("βόλος.com", "xn--nxasmm1c.com"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("例子.测试", "xn--fsqu00a.xn--0zwm56d"),
        ("نامه‌ای.com", "xn--mgba3gch31f060k.com"),
        ("xn--fa-hia.de", "xn--fa-hia.de"),
        ("[192.0.2.1]", "[192.0.2.1]"),
    ],
)
def test_domain(typed, in_dns):
    """By IDNA 2008: Python's own codec makes fass.de of the third one, and another sigma of the fourth."""
    assert mail.domain_in_ascii(typed) == in_dns
    assert str(mail.address(f"me@{typed}")) == f"me@{in_dns}"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("me@example.org", "me@example.org"),
        ("Lake House <me@example.org>", "Lake House <me@example.org>"),
        ('"House, Lake" <me@faß.de>', '"House, Lake" <me@xn--fa-hia.de>'),
        ("湖边 <me@example.org>", "湖边 <me@example.org>"),
        ("O.K. Corp <me@example.org>", '"O.K. Corp" <me@example.org>'),
        ("o'neil+a=b@example.org", "o'neil+a=b@example.org"),
        ('"a b"@example.org', '"a b"@example.org'),
        ("webmaster@[127.0.0.1]", "webmaster@[127.0.0.1]"),
    ],
)
def test_address(text, address):
    assert str(mail.address(text)) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", "me", "me@", "@example.org", "me example.org", "a@b@c.example", "müller@example.org", "名@example.org"),
        *("me@exa mple.org", "me@❤.ws", "me@-.example", "me@example.org\nBcc: you@example.org", "<>", "Me <me>"),
    ],
)
def test_no_address(text):
    with pytest.raises(ValueError, match="is not an e-mail address"):
        mail.address(text)


def test_addresses():
    text = 'a@b.example, "House, Lake" <c@d.example>\n\n A <a@b.example>,\ne@f.example'
    assert [str(one) for one in mail.addresses(text)] == ["a@b.example", '"House, Lake" <c@d.example>', "e@f.example"]
    assert mail.addresses(" , \n") == []
    with pytest.raises(ValueError, match="“owner”"):
        mail.addresses("a@b.example\nowner")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("www.example.org", "www.example.org"),
        ("xn--fa-hia.de", "xn--fa-hia.de"),
        ("127.0.0.1", "[127.0.0.1]"),
        ("[::1]", "[IPv6:::1]"),
    ],
)
def test_name_that_a_server_is_greeted_with(settings, host, name):
    """Never the one of the machine or container."""
    settings.SITE_HOST = host
    assert mail.own_name() == name


@pytest.fixture
def backend(settings):
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "myweb.mail.EmailBackend", "127.0.0.1"
    settings.SITE_HOST = "www.example.org"
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False


def test_greeting_on_the_wire(settings, backend):
    with MailServer() as server:
        settings.EMAIL_PORT = server.port
        EmailMessage("Subject", "Text", "me@example.org", [OWNER]).send()
        [received] = server.wait_for(1)
    assert received.greeting == "www.example.org"


@pytest.mark.parametrize(("user", "password"), [("owner", "pässwörd 湖"), ("besitzer-ü", "secret"), ("o", "\u00a0")])
@pytest.mark.parametrize("kind", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_login_in_any_script(monkeypatch, kind, user, password):
    """In UTF-8, as RFC 4616 has it; smtplib alone takes nothing but ASCII."""
    sent: list[bytes] = []
    answers = {
        "PLAIN": [(235, b"ok")],
        "LOGIN": [(334, b"UGFzc3dvcmQ6"), (235, b"ok")],
        "CRAM-MD5": [(334, b"PDE+"), (235, b"ok")],
    }
    replies = iter(answers[kind])
    smtp = mail.SMTP()
    smtp.esmtp_features = {"auth": kind}
    monkeypatch.setattr(smtp, "ehlo_or_helo_if_needed", lambda: None)

    def docmd(command: str, text: str = "") -> tuple[int, bytes]:
        sent.append(f"{command} {text}".encode())
        return next(replies)

    monkeypatch.setattr(smtp, "docmd", docmd)
    smtp.login(user, password)
    told = b" ".join(base64.b64decode(line.split()[-1]) for line in sent if b"CRAM-MD5" not in line)
    assert user.encode() in told
    secret = hmac.HMAC(password.encode(), b"<1>", "md5").hexdigest() if kind == "CRAM-MD5" else password
    assert secret.encode() in told


def test_login_that_the_server_does_not_have(settings, backend):
    with MailServer() as server:
        settings.EMAIL_PORT, settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = server.port, "owner", "secret"
        with pytest.raises(smtplib.SMTPException):
            get_connection().open()


def test_sender_is_always_ascii(settings):
    assert parseaddr(settings.DEFAULT_FROM_EMAIL)[1].isascii()
