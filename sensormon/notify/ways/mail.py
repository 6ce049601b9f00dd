"""Mail, handed to one SMTP server for one address.

TLS is always verified: `smtp+starttls://` (port 587) refuses a server without STARTTLS, `smtps://`
(port 465) speaks TLS from the first byte; the certificate must be of the server's name, from an
authority of the system's or in SSL_CERT_FILE. `smtp://` (port 25) is for a relay that takes mail
without a login: a password is never sent unencrypted.

A message is plain text beside HTML with its picture inline, and the file that goes with it. Its Message-ID
comes from the key, so one that arrives twice, since its answer was lost, is the same to mail programs.
"""

from __future__ import annotations

import hashlib
import io
import smtplib
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import formatdate
from ipaddress import ip_address
from socket import socket
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from sensormon.model.errors import UsageError
from sensormon.model.text import cleaned
from sensormon.notify.ways.addresses import Resolve, check_written, resolve
from sensormon.notify.ways.connecting import connected, wrong
from sensormon.notify.ways.delivery import Answer, MailServer, Outgoing, line_of

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
LONGEST_READ = 100_000
"""Bytes that a server may say in one delivery."""
LONGEST_SUBJECT = 200
"""Characters."""
_POLICY = SMTP.clone(cte_type="7bit")  # for servers that take nothing else


@dataclass(frozen=True)
class Mail:
    """Mail to one address through this server. Raises UsageError for what cannot be used."""

    to: str
    server: MailServer
    allow_private: bool = False
    ask: Resolve = field(default=resolve, repr=False)

    def __post_init__(self) -> None:
        _address(self.to, "ways")
        _address(self.server.sender, "mail.from")
        check_written(_place(self.server.url)[0], self.allow_private, "mail.server")
        user, password = self.server.user, self.server.password
        if bool(user) != bool(password):
            raise UsageError("a login needs a user and a password", where="mail", hint="Give both or neither")
        if not (user + password).isascii():
            raise UsageError("user and password have characters beyond ASCII", where="mail")
        if user and urlsplit(self.server.url).scheme == "smtp":
            raise UsageError(
                "smtp:// would send the password unencrypted",
                where="mail.server",
                hint="Use smtp+starttls:// or smtps://, or a relay without a login",
            )

    def send(self, outgoing: Outgoing, deadline: float) -> Answer:
        """See `Way`."""
        until = time.monotonic() + deadline
        host, port = _place(self.server.url)
        message = message_of(outgoing, self.server.sender, self.to)
        try:
            with connected(host, port, until, allow_private=self.allow_private, ask=self.ask) as line:
                return self._handed_over(line, host, message)
        except UsageError as error:
            return Answer(False, line_of(str(error)), lasting=True)
        except smtplib.SMTPException as error:
            answer = _refused(error, host, port, [self.server.password])
            if answer.lasting or time.monotonic() < until:
                return answer
            return Answer(False, wrong(TimeoutError(), host, port, until, deadline))
        except BufferError as error:
            return Answer(False, line_of(f"{host}:{port} {error}"))
        except OSError as error:
            return Answer(False, line_of(wrong(error, host, port, until, deadline)))

    def _handed_over(self, line: socket, host: str, message: EmailMessage) -> Answer:
        scheme = urlsplit(self.server.url).scheme
        context = ssl.create_default_context() if scheme != "smtp" else None
        name = _name(line)
        if context and scheme == "smtps":
            line = context.wrap_socket(line, server_hostname=host)
        session = _Session(line, host, name)
        try:
            if context and scheme == "smtp+starttls":
                session.starttls(context=context)
            if self.server.user:
                session.login(self.server.user, self.server.password)
            session.send_message(message)
            code, said = session.taken
            with suppress(OSError):  # it has taken the message; SMTPException is an OSError
                session.quit()
            return Answer(True, line_of(f"{code} {said}", [self.server.password]))
        finally:
            session.close()


class _Session(smtplib.SMTP):
    """SMTP over a connection that is open already; reads LONGEST_READ bytes at most."""

    def __init__(self, line: socket, host: str, name: str) -> None:
        self._line = line
        self._left = LONGEST_READ
        self.taken = (0, "")
        """The server's answer to the message."""
        try:
            super().__init__(host, local_hostname=name)
        except BufferError:  # smtplib closes only after errors that it expects
            self.close()
            raise

    def _get_socket(self, *_: Any) -> socket:
        return self._line

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = io.BufferedReader(_Counted(self.sock.makefile("rb", 0), self))
        return super().getreply()

    def data(self, msg: Any) -> tuple[int, bytes]:
        code, said = super().data(msg)
        self.taken = (code, said.decode("utf-8", "replace"))
        return code, said

    def spend(self, count: int) -> None:
        """Count bytes read. Raises BufferError, which smtplib lets pass, if they are too many."""
        self._left -= count
        if self._left < 0:
            raise BufferError("says more than a mail server does")


class _Counted(io.RawIOBase):
    def __init__(self, file: Any, session: _Session) -> None:
        self._file = file
        self._session = session

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer) or 0
        self._session.spend(count)
        return int(count)

    def close(self) -> None:
        self._file.close()
        super().close()


def message_of(outgoing: Outgoing, sender: str, to: str) -> EmailMessage:
    """The mail: plain text, and beside it HTML with the picture, if there are such."""
    message = EmailMessage(policy=_POLICY)
    message["Subject"] = cleaned(" ".join(_text(outgoing.subject).split()))[:LONGEST_SUBJECT]
    message["From"] = _address(sender, "mail.from")
    message["To"] = _address(to, "ways")
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{hashlib.sha256(outgoing.key.encode()).hexdigest()[:40]}@{_domain(sender)}>"
    message["Auto-Submitted"] = "auto-generated"  # so that absence notes are not sent back
    message.set_content(_text(outgoing.text))
    if outgoing.html:
        message.add_alternative(_text(outgoing.html), subtype="html")
        body = message.get_body(("html",))
        if outgoing.picture is not None and isinstance(body, MIMEPart):
            body.add_related(
                outgoing.picture, "image", "png", cid="<chart>", disposition="inline", filename="chart.png"
            )
    if outgoing.attachment is not None:
        main, _, sub = outgoing.attachment.media_type.partition("/")
        message.add_attachment(
            outgoing.attachment.content, main, sub, filename=_text(outgoing.attachment.name)
        )
    return message


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _domain(sender: str) -> str:
    return _address(sender, "mail.from").domain


def address_in(url: str) -> str:
    """The address in a mailto: URL. Raises UsageError for what else such a URL may have."""
    parts = urlsplit(url)
    if parts.query or parts.fragment or parts.netloc:
        raise UsageError(
            "a mailto: way has more than an address", where="ways", hint="Write mailto:NAME@HOST"
        )
    return unquote(parts.path)


def _address(text: str, where: str) -> Address:
    """NAME@HOST, or WHO <NAME@HOST>. Raises UsageError for anything else, also for several."""
    who, angle, rest = text.rpartition("<")
    written = rest.removesuffix(">") if angle else text
    if angle and not rest.endswith(">"):
        written = ""
    name, _, domain = written.strip().rpartition("@")
    try:
        if not name or not text.isprintable() or any(c in ' ,;"()<>[]:\\' for c in name + domain):
            raise ValueError
        domain = domain if domain.isascii() else domain.encode("idna").decode()
        return Address(cleaned(who).strip('" '), addr_spec=f"{name}@{domain}")
    except (ValueError, IndexError, MessageError):
        raise UsageError(
            f"{text[:100]!r} is not an email address",
            where=where,
            hint="Write one, such as lead@plant.example",
        ) from None


def _place(url: str) -> tuple[str, int]:
    """The server's host and port. Raises UsageError."""
    try:
        parts: SplitResult = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host = host if host.isascii() else host.encode("idna").decode()
        more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    except ValueError:  # UnicodeError is one
        raise _no_server() from None
    if parts.scheme not in PORTS or not host or not host.isprintable() or port == 0 or more:
        raise _no_server()
    return host, port or PORTS[parts.scheme]


def _no_server() -> UsageError:
    return UsageError(
        "this is not the URL of a mail server",
        where="mail.server",
        hint="Write smtp+starttls://HOST:587, smtps://HOST:465 or smtp://HOST:25, without a user",
    )


def _name(line: socket) -> str:
    """How we greet: by our address, so that no name server is asked for our name."""
    own = str(line.getsockname()[0]).partition("%")[0]
    return f"[{own}]" if ip_address(own).version == 4 else f"[IPv6:{own}]"


def _refused(error: smtplib.SMTPException, host: str, port: int, secrets: list[str]) -> Answer:
    """The answer that a refusal is: 5xx is lasting, and so is a server that lacks what is needed."""
    place = f"{host}:{port}"
    refusal: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, refusal = next(iter(error.recipients.values()))
        what = "refuses the recipient"
    elif isinstance(error, smtplib.SMTPResponseException):
        code, refusal = error.smtp_code, error.smtp_error
        what = next((words for kind, words in _WHAT.items() if isinstance(error, kind)), "refuses")
    elif isinstance(error, smtplib.SMTPServerDisconnected):
        return Answer(False, line_of(f"{place} ended the connection before the answer"))
    else:  # no STARTTLS, no login, or none that we know
        words = f"{place} cannot do what is asked of it: {error}"
        return Answer(False, line_of(words, secrets), lasting=True)
    said = refusal.decode("utf-8", "replace") if isinstance(refusal, bytes) else refusal
    words = f"{place} {what}: {code} {said}"
    return Answer(False, line_of(words, secrets), lasting=500 <= code < 600)


_WHAT: dict[type[smtplib.SMTPResponseException], str] = {
    smtplib.SMTPAuthenticationError: "refuses the login",
    smtplib.SMTPSenderRefused: "refuses the sender",
    smtplib.SMTPDataError: "refuses the message",
    smtplib.SMTPHeloError: "refuses the greeting",
    smtplib.SMTPConnectError: "refuses the connection",
}
