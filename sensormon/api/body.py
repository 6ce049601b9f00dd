"""Reading a request's body, within limits of size and time."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from sensormon.api.problems import Problem

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

SECONDS = 30.0
"""The time within which a whole body must arrive."""


class Vanished(Exception):
    """The client went away before its request was complete."""


def header(scope: Scope, name: bytes) -> bytes:
    """The first header with this lower-case name; empty if there is none."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""


async def read_body(scope: Scope, receive: Receive, limit: int, seconds: float = SECONDS) -> bytes:
    """The whole body. Raises Problem as soon as it is too long (413) or too late (408), and Vanished."""
    announced = header(scope, b"content-length")
    if announced.isdigit() and int(announced[:19]) > limit:
        raise too_long(limit)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Vanished
    first: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(first) > limit:
            raise too_long(limit)
        return first
    pieces, size = [first], len(first)
    try:
        async with asyncio.timeout(seconds):
            while message.get("more_body", False):
                if size > limit:
                    raise too_long(limit)
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Vanished
                pieces.append(message.get("body", b""))
                size += len(pieces[-1])
    except TimeoutError:
        raise Problem(
            408,
            "too_slow",
            f"the body had not arrived after {seconds:g} s",
            "Send it again, in smaller requests",
            headers={"Connection": "close"},
        ) from None
    if size > limit:
        raise too_long(limit)
    return b"".join(pieces)


def unpacked(body: bytes, encoding: bytes, limit: int) -> bytes:
    """The body, decompressed. Raises Problem for an unknown encoding, damaged data or too many bytes."""
    name = encoding.strip().lower()
    if name in (b"", b"identity"):
        return body
    if name != b"gzip":
        raise Problem(
            415, "unsupported_encoding", "the content encoding is not known", "Send it plain, or with gzip"
        )
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, limit + 1)
    except zlib.error:
        plain = b""
    if len(plain) > limit:
        raise too_long(limit)
    if not unpacker.eof:
        raise Problem(
            400, "malformed", "the body is not whole gzip data", "Compress it again, and send all of it"
        )
    return plain


def too_long(limit: int) -> Problem:
    """The problem of a body over the limit (bytes)."""
    return Problem(
        413,
        "too_large",
        f"the body is longer than {limit / 1e6:g} MB",
        "Send it in several requests; SENSORMON_MAX_BODY is the limit",
        headers={"Connection": "close"},
    )
