"""Reading a request's body, within limits of size, time and compression."""

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
SMALL = 1_000_000
"""A body may always unpack to this many bytes."""
RATIO = 100
"""Otherwise to this many times its length; readings compress 10 to 30 times."""


class Vanished(Exception):
    """The client went away before its request was complete."""


def header(scope: Scope, name: bytes) -> bytes:
    """The header with this lower-case name; several are joined with commas. Empty if there is none."""
    values = [value for key, value in scope["headers"] if key == name]
    return bytes(values[0]) if len(values) == 1 else b", ".join(values)


def _whatever(_: int) -> None:
    """Refuses no piece."""


async def read_body(
    scope: Scope,
    receive: Receive,
    limit: int,
    grow: Callable[[int], None] = _whatever,
    seconds: float = SECONDS,
) -> bytes:
    """The whole body; `grow` is called with the length of each piece, and may refuse it.

    Raises Problem as soon as it is too long (413) or too late (408), Vanished, and what `grow` raises.
    """
    announced = header(scope, b"content-length")
    if announced.isdigit() and int(announced[:19]) > limit:
        raise too_long(limit)
    pieces, size, more = [], 0, True
    try:
        async with asyncio.timeout(seconds):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Vanished
                piece: bytes = message.get("body", b"")
                size += len(piece)
                if size > limit:
                    raise too_long(limit)
                grow(len(piece))
                pieces.append(piece)
                more = message.get("more_body", False)
    except TimeoutError:
        raise Problem(
            408,
            "too_slow",
            f"the body had not arrived after {seconds:g} s",
            "Send it again, in smaller requests",
            headers={"Connection": "close"},
        ) from None
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def unpacked(body: bytes, encoding: bytes, limit: int) -> bytes:
    """The body, decompressed, all members of it.

    Raises Problem for an unknown encoding (415), damaged or incomplete data or anything after
    it (400), and for too many bytes, or too many for so short a body (413). Never makes more
    than that many bytes.
    """
    name = encoding.strip().lower()
    if name in (b"", b"identity"):
        return body
    if name not in (b"gzip", b"x-gzip"):
        raise Problem(
            415,
            "unsupported_encoding",
            "the content encoding is not known",
            "Send it plain, or once compressed with gzip",
        )
    most = min(limit, max(SMALL, RATIO * len(body)))
    pieces, size, rest = [], 0, body
    while rest:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            piece = unpacker.decompress(rest, most + 1 - size)
        except zlib.error:
            raise _damaged() from None
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise too_long(limit) if most == limit else _too_dense()
        if not unpacker.eof:
            raise _damaged()
        rest = unpacker.unused_data
    if not pieces:
        raise _damaged()
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _damaged() -> Problem:
    return Problem(
        400, "malformed", "the body is not whole gzip data", "Compress it again, and send all of it"
    )


def _too_dense() -> Problem:
    return Problem(
        413,
        "too_dense",
        f"the body unpacks to more than {RATIO} times its length",
        "Readings do not compress so far: send them without the padding, or in several requests",
    )


def too_long(limit: int) -> Problem:
    """The problem of a body over the limit (bytes)."""
    return Problem(
        413,
        "too_large",
        f"the body is longer than {limit / 1e6:g} MB",
        "Send it in several requests; SENSORMON_MAX_BODY is the limit",
        headers={"Connection": "close"},
    )
