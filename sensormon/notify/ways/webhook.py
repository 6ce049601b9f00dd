"""Our webhook: a POST of JSON over HTTP or HTTPS.

The body is the payload. `Idempotency-Key` is the message's key, the same at each try. With a secret,
`X-Sensormon-Signature: sha256=HEX` is the HMAC-SHA256 of the exact body under it:

    hmac.compare_digest(hmac.new(secret, body, "sha256").hexdigest(), header.removeprefix("sha256="))

Any 2xx is delivered. Redirects are not followed: the body would go where nobody sent it. Certificates
are verified, against the system's authorities or SSL_CERT_FILE. Proxies of the environment are not
used. At most LONGEST_READ bytes of an answer are read, and only of one that refuses.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from sensormon import __version__
from sensormon.model.errors import UsageError
from sensormon.notify.ways.addresses import Resolve, check_written, resolve
from sensormon.notify.ways.connecting import connected, wrong
from sensormon.notify.ways.delivery import Answer, Outgoing, answer_to_status, line_of, secrets_of

LONGEST_READ = 2_048
"""Bytes of the body of a refusal."""
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
_SAFE = "/%:@!$&'()*+,;=~-._?"


def signature(secret: str, body: bytes) -> str:
    """The value of X-Sensormon-Signature for this body.

    >>> signature("key", b"The quick brown fox jumps over the lazy dog")[:25]
    'sha256=f7bc83f430538424b1'
    """
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def body_of(payload: Mapping[str, Any]) -> bytes:
    """The payload as JSON; NaN and infinity, which JSON does not know, as null.

    >>> body_of({"value": 39.1, "score": float("nan")})
    b'{"value": 39.1, "score": null}'
    """
    known = json.loads(json.dumps(payload), parse_constant=lambda _: None)
    return json.dumps(known, ensure_ascii=False).encode("utf-8", "replace")


@dataclass(frozen=True)
class Webhook:
    """The receiver at this URL. Raises UsageError for a URL that cannot be used."""

    url: str = field(repr=False)
    secret: str = field(default="", repr=False)
    allow_private: bool = False
    ask: Resolve = field(default=resolve, repr=False)

    def __post_init__(self) -> None:
        host, _ = self._place()
        check_written(host, self.allow_private, "ways")
        if urlsplit(self.url).username is not None and not self._encrypted:
            raise UsageError(
                "a password in a webhook's URL goes out unencrypted", where="ways", hint="Use https://"
            )

    def send(self, outgoing: Outgoing, deadline: float) -> Answer:
        """See `Way`."""
        until = time.monotonic() + deadline
        host, port = self._place()
        body = body_of(outgoing.payload)
        try:
            with connected(host, port, until, allow_private=self.allow_private, ask=self.ask) as line:
                return self._posted(self._connection(host, port, line), body, outgoing.key)
        except UsageError as error:
            return Answer(False, line_of(str(error)), lasting=True)
        except OSError as error:
            return Answer(False, line_of(wrong(error, host, port, until, deadline)))
        except (http.client.HTTPException, ValueError) as error:  # not the protocol, or cut off
            words = f"{host}:{port} does not answer as a web server ({type(error).__name__})"
            if time.monotonic() >= until:
                words = wrong(TimeoutError(), host, port, until, deadline)
            return Answer(False, line_of(words))

    @property
    def _encrypted(self) -> bool:
        return urlsplit(self.url).scheme == "https"

    def _place(self) -> tuple[str, int]:
        """The host as it is asked for, and the port. Raises UsageError."""
        try:
            parts = urlsplit(self.url)
            host, port = parts.hostname or "", parts.port
            host = host if host.isascii() else host.encode("idna").decode()
        except ValueError:  # UnicodeError is one
            host, port = "", None
        if not host or not host.isprintable() or " " in host or port == 0:
            raise UsageError(
                "a webhook's URL has no host or a wrong port",
                where="ways",
                hint="Write https://HOST/PATH or https://HOST:PORT/PATH",
            )
        return host, port or (443 if self._encrypted else 80)

    def _connection(self, host: str, port: int, line: Any) -> http.client.HTTPConnection:
        if not self._encrypted:
            connection = http.client.HTTPConnection(host, port)
            connection.sock = line
            return connection
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, port, context=context)
        connection.sock = context.wrap_socket(line, server_hostname=host)
        return connection

    def _posted(self, connection: http.client.HTTPConnection, body: bytes, key: str) -> Answer:
        parts = urlsplit(self.url)
        target = quote(parts.path or "/", safe=_SAFE) + (
            f"?{quote(parts.query, safe=_SAFE)}" * bool(parts.query)
        )
        try:
            connection.request("POST", target, body, self._headers(body, key))
            answer = connection.getresponse()
            said = "" if 200 <= answer.status < 400 else _beginning(answer)
            secrets = [*secrets_of(self.url), self.secret]
            return answer_to_status(answer.status, said, answer.headers.get("Retry-After", ""), secrets)
        finally:
            connection.close()

    def _headers(self, body: bytes, key: str) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"sensormon/{__version__}",
            "Idempotency-Key": quote(key, safe=_PRINTABLE),
            "Connection": "close",
        }
        if self.secret:
            headers["X-Sensormon-Signature"] = signature(self.secret, body)
        parts = urlsplit(self.url)
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return headers


def _beginning(answer: http.client.HTTPResponse) -> str:
    """The first bytes of the body; what comes of them if it breaks off."""
    try:
        content = answer.read(LONGEST_READ)
    except http.client.IncompleteRead as error:
        content = error.partial
    except (OSError, http.client.HTTPException, ValueError):
        return ""  # the status has come, which counts
    return content.decode("utf-8", "replace")
