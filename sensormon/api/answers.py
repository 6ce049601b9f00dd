"""An answer of many readings, made and sent piece by piece.

The next piece is made only once the client has taken most of the one before, in a thread that is
free meanwhile. A client that takes no piece for `STALLED` seconds, or takes less than `SLOWEST` bytes
per second on the whole, is cut off, and so is one that has left. An error midway ends the connection
without the end of the answer, so that no client takes a part for the whole.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar
from starlette.responses import Response

from sensormon.api.body import Receive, Scope, Send
from sensormon.model.errors import StoreError

STALLED = 30.0
"""Seconds for a client to take one piece, and to spare on the whole."""
SLOWEST = 50_000
"""Bytes per second that a client must take."""
AT_WORK = 2
"""Pieces made at once."""

_log = logging.getLogger(__name__)
_working: RunVar[anyio.CapacityLimiter] = RunVar("pieces made at once")

T = TypeVar("T")
Pieces = Iterator[bytes]
Turn = AbstractAsyncContextManager[None]


class Answer(Response):
    """Sends what `begin` makes; with a turn it is a long answer, made while it has the turn.

    `begin` is called in a thread. Until the first piece has been made, it and the turn may raise what
    the API turns into a refusal.
    """

    def __init__(
        self, begin: Callable[[], Pieces], turn: Turn | None, media_type: str, headers: Mapping[str, str]
    ) -> None:
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)
        self._begin = begin
        self._turn: Turn = turn or nullcontext()
        self._in_thread = _in_a_worker if turn else _in_any_thread

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, or as much of it as the client takes in time."""
        async with self._turn:
            pieces = await self._in_thread(self._begin)
            first = await self._in_thread(lambda: next(pieces, None))
            async with anyio.create_task_group() as group:

                async def until_gone() -> None:
                    while (await receive())["type"] != "http.disconnect":
                        pass
                    group.cancel_scope.cancel()

                group.start_soon(until_gone)
                await self._send(first, pieces, send)
                group.cancel_scope.cancel()

    async def _send(self, piece: bytes | None, pieces: Pieces, send: Send) -> None:
        pace = _Pace(send)
        try:
            await pace.send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            while piece is not None:
                await pace.send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = None  # not two of them in memory while the next is made
                piece = await self._in_thread(lambda: next(pieces, None))
            await pace.send({"type": "http.response.body", "body": b"", "more_body": False})
        except _TooSlow:
            _log.info("a reader that took too long was cut off after %d bytes", pace.sent)
        except StoreError as error:
            _log.warning("an answer ended after %d bytes: %s", pace.sent, error)


class _TooSlow(Exception):
    pass


class _Pace:
    """Sends within the time that a client has."""

    def __init__(self, send: Send) -> None:
        self.sent = 0
        self._send = send
        self._waited = 0.0

    async def send(self, message: dict[str, Any]) -> None:
        """Raises _TooSlow."""
        now = asyncio.get_running_loop().time
        began = now()
        left = STALLED + self.sent / SLOWEST - self._waited
        if left <= 0:
            raise _TooSlow
        try:
            async with asyncio.timeout(min(STALLED, left)):
                await self._send(message)
        except TimeoutError:
            raise _TooSlow from None
        self._waited += now() - began
        self.sent += len(message.get("body", b""))


async def _in_any_thread(work: Callable[[], T]) -> T:
    return await anyio.to_thread.run_sync(work)


async def _in_a_worker(work: Callable[[], T]) -> T:
    """Like `_in_any_thread`, but only `AT_WORK` at once, so that the other threads stay free."""
    limiter = _working.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(AT_WORK)
        _working.set(limiter)
    return await anyio.to_thread.run_sync(work, limiter=limiter)
