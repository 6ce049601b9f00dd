"""A real SMTP server on a port of its own, that misbehaves where a test asks for it."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "monitor", "correct-horse-battery"


@dataclass
class Inbox:
    """What the server took, and what it answers instead."""

    messages: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    greetings: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)  # by STARTTLS
    users: list[bool | None] = field(default_factory=list)  # whether somebody had signed in
    sender_answer: str = ""
    recipient_answer: str = ""
    data_answer: str = ""

    async def handle_EHLO(
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.greetings.append(hostname)
        session.host_name = hostname
        return responses

    async def handle_MAIL(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.sender_answer:
            return self.sender_answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.recipient_answer:
            return self.recipient_answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.data_answer:
            return self.data_answer
        content = envelope.content
        assert isinstance(content, bytes)
        self.messages.append(message_from_bytes(content, policy=policy.default))
        self.envelopes.append(envelope)
        self.encrypted.append(session.ssl is not None)
        self.users.append(session.authenticated)
        return "250 queued as 17"


def _authenticate(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object
) -> AuthResult:
    right = LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=data == right, handled=False)


class MailServer:
    """Serves with these options of aiosmtpd's SMTP until it is closed; `tls`: TLS from the first byte."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, login: bool = False, **options: Any) -> None:
        self.inbox = Inbox()
        if login:
            # aiosmtpd does not see TLS from the first byte, and warns of a login that must come without it.
            options |= {"auth_required": tls is None, "auth_require_tls": tls is None}
            options["authenticator"] = _authenticate
        self._loop = _Loop(lambda: SMTP(self.inbox, hostname="mail.test", **options), tls)
        self.port = self._loop.port

    def close(self) -> None:
        self._loop.close()


class RawServer:
    """A server that speaks as `protocol` does: for what no mail server would say."""

    def __init__(self, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        self._loop = _Loop(protocol, None)
        self.port = self._loop.port

    def close(self) -> None:
        self._loop.close()


class Talker(asyncio.Protocol):
    """Says these bytes when called, and then each of the others `every` seconds for ever; answers nothing."""

    def __init__(self, first: bytes, then: bytes = b"", every: float = 0.05) -> None:
        self._first, self._then, self._every = first, then, every
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._first)
        if self._then:
            self._go_on()

    def _go_on(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(self._then)
            asyncio.get_running_loop().call_later(self._every, self._go_on)


class _Loop:
    """An event loop in a thread that serves a protocol on 127.0.0.1."""

    def __init__(self, protocol: Callable[[], asyncio.BaseProtocol], tls: ssl.SSLContext | None) -> None:
        self._loop = asyncio.new_event_loop()
        self._spoken: list[Any] = []

        def speak() -> asyncio.BaseProtocol:
            self._spoken.append(protocol())
            return cast(asyncio.BaseProtocol, self._spoken[-1])

        self._server = self._loop.run_until_complete(self._loop.create_server(speak, "127.0.0.1", 0, ssl=tls))
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for spoken in self._spoken:
            if spoken.transport is not None:
                spoken.transport.abort()
        await asyncio.sleep(0)  # for the transports to close their sockets
