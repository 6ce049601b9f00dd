"""The connection to NATS, which no message that somebody publishes can end.

The client library decodes subjects and headers strictly, so that a device that publishes a subject with a
byte that is not UTF-8 would stop the reading of all messages, again and again.
"""

from __future__ import annotations

import re

from nats.aio.client import Client
from nats.aio.msg import Msg

PIN = "Nats-Pin-Id"
STATUS = "Status"
"""Which the server sets in an answer that is not a message."""
_STATUS = re.compile(rb"NATS/1\.0 (\d{3})")
_REPLACED = ("utf-8", "replace")


class Connection(Client):
    """Of the headers it reads those which the server sets; bytes that are no text come as �."""

    async def _process_headers(self, headers: bytes | None) -> dict[str, str] | None:
        return headers_of(headers) if headers else None

    def _build_message(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: dict[str, str] | None
    ) -> Msg:
        readable = subject.decode(*_REPLACED).encode()
        message: Msg = super()._build_message(sid, readable, reply, data, headers)
        return message


def headers_of(sent: bytes) -> dict[str, str]:
    """The headers that were sent: of a name the last one counts, since the server appends its own.

    >>> headers_of(b"NATS/1.0 408 Request Timeout\\r\\nNats-Pending-Messages: 9\\r\\n\\r\\n")
    {'Nats-Pending-Messages': '9', 'Status': '408'}
    """
    first, *lines = sent.split(b"\r\n")
    pairs = (line.decode(*_REPLACED).partition(":") for line in lines)
    headers = {name: value.strip() for name, _, value in pairs if value}
    if status := _STATUS.match(first):
        headers[STATUS] = status[1].decode()
    return headers
