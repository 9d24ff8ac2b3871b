"""A real mail server for tests, on 127.0.0.1, that can do everything that goes wrong with mail servers."""

import asyncio
import contextlib
import email
import email.policy
import ssl
import subprocess
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.site import free_port, wait_for

# What the server does at a stage instead of going on; anything else is a reply
HANG = "hang"  # says nothing more
DRIP = "drip"  # begins a reply of which a line comes every 0.3 seconds, and no last one
SLOW = "slow"  # waits for go_on(), and then goes on
CUT = "cut"  # ends the connection
CUT_AFTER_STORING = "cut after storing"  # only at the stage "end"

OWNER = "owner@example.org"  # who is mailed to, unless a test says otherwise

# Stages: "greeting", "mail", "rcpt", "data", and "end", after the whole message


class Mail(NamedTuple):
    recipient: str
    message_id: str
    message: EmailMessage
    content: bytes
    greeting: str  # the name that the client gave


class MailServer:
    """
    An SMTP server in a thread, which keeps its port when it is stopped and started.

    With `tls` it offers STARTTLS, with `implicit_tls` it speaks TLS from the start; with `login`, "name:password", it
    wants to be told that.
    """

    def __init__(self, *, tls: bool = False, implicit_tls: bool = False, login: str = "") -> None:
        self.port = free_port()
        self.received: list[Mail] = []
        self.connections = 0
        self.failing: dict[str, str] = {}  # by stage
        self.refused: dict[str, str] = {}  # replies, by recipient
        self.deadly = b""  # in a message: ends the connection
        self.waiting = 0  # conversations that are SLOW
        self._go_on = asyncio.Event()
        self._tls, self._implicit_tls, self._login = tls, implicit_tls, login
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._conversations: set[Conversation] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def start(self) -> "MailServer":
        self._run(self._start())
        return self

    def stop(self) -> None:
        """Stop listening, and cut what is going on."""
        self._run(self._stop())

    def close(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def __enter__(self) -> "MailServer":
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.close()

    def go_on(self) -> None:
        """Let what is SLOW go on, from now on."""
        self._loop.call_soon_threadsafe(self._go_on.set)

    @contextlib.contextmanager
    def having(self, **failing: str) -> Iterator[None]:
        """Let this go wrong for a while."""
        self.failing = failing
        yield
        self.failing = {}

    def wait_for(self, number: int, seconds: float = 60) -> list[Mail]:
        wait_for(lambda: len(self.received) >= number, f"{number} mails ({len(self.received)} so far)", seconds)
        return self.received

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _start(self) -> None:
        context = tls_context() if self._implicit_tls else None
        self._server = await self._loop.create_server(
            lambda: Conversation(self), "127.0.0.1", self.port, ssl=context, reuse_address=True
        )

    async def _stop(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for conversation in list(self._conversations):
            if conversation.transport and not conversation.transport.is_closing():
                conversation.transport.abort()
        await asyncio.sleep(0)  # lets the connections be lost


class Conversation(SMTP):
    """One connection; also its own handler, in aiosmtpd's words."""

    def __init__(self, server: MailServer) -> None:
        self.server = server
        super().__init__(
            self,
            hostname="mail.test",
            loop=server._loop,
            tls_context=tls_context() if server._tls else None,
            authenticator=self._check_login,
            auth_require_tls=False,
        )
        self._auth_required = bool(server._login)  # as an argument, it warns of logins without TLS

    def connection_made(self, transport: Any) -> None:
        self.server._conversations.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.server._conversations.discard(self)
        super().connection_lost(error)

    async def _handle_client(self) -> None:
        self.server.connections += 1
        if reply := await self._fail("greeting"):
            await self.push(reply)
            self.transport.close()
        else:
            await super()._handle_client()

    async def smtp_DATA(self, argument: str) -> None:
        if reply := await self._fail("data"):
            await self.push(reply)
        else:
            await super().smtp_DATA(argument)

    async def handle_MAIL(self, _: SMTP, session: Session, envelope: Envelope, sender: str, options: list[str]) -> str:
        if reply := await self._fail("mail"):
            return reply
        envelope.mail_from = sender
        return "250 OK"

    async def handle_RCPT(
        self, _: SMTP, session: Session, envelope: Envelope, recipient: str, options: list[str]
    ) -> str:
        if reply := self.server.refused.get(recipient) or await self._fail("rcpt"):
            return reply
        envelope.rcpt_tos.append(recipient)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        if self.server.deadly and self.server.deadly in content:
            await self._cut()
        message = email.message_from_bytes(content, policy=email.policy.default)
        found = str(message["Message-ID"]), message, content, str(session.host_name)
        mails = [Mail(recipient, *found) for recipient in envelope.rcpt_tos]
        if self.server.failing.get("end") == CUT_AFTER_STORING:
            self.server.received += mails
            await self._cut()
        if reply := await self._fail("end"):
            return reply
        self.server.received += mails
        return "250 OK"

    async def _fail(self, stage: str) -> str | None:
        """Do what is to go wrong at `stage`, or return the reply to give, if there is any."""
        what = self.server.failing.get(stage)
        if what == HANG:
            await self._wait_for_the_end()
        elif what == CUT:
            await self._cut()
        elif what == SLOW:
            self.server.waiting += 1
            await self.server._go_on.wait()
            return None
        while what == DRIP:
            await self.push("250-one moment")
            await asyncio.sleep(0.3)
        return what

    async def _cut(self) -> None:
        self.transport.abort()
        await self._wait_for_the_end()

    async def _wait_for_the_end(self) -> None:
        # The end of the connection cancels whatever is waited for.
        await asyncio.get_running_loop().create_future()

    def _check_login(self, _: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        told = f"{data.login.decode()}:{data.password.decode()}"
        return AuthResult(success=told == self.server._login, handled=False)


_directory = TemporaryDirectory(prefix="myweb-smtp-")


@cache
def certificate() -> Path:
    """Return a self-signed certificate for localhost and 127.0.0.1, with its key in the same file."""
    path = Path(_directory.name) / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", path, "-out", f"{path}.crt"], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@cache
def tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate())
    return context
