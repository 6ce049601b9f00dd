"""How much readers may ask for, and when: rows for who is not known, and turns for long answers.

A long answer (more than `SHORT` rows) needs a turn, which it has until it is sent. There are few
turns, so that any number of requests needs the memory of these; whoever finds none waits `PATIENCE`
seconds in order of arrival and is then refused. Readers with a token have turns of their own, which
nobody else can take, and no budget of rows.

What it is not: a limit on connections or on short answers; see `sensormon.api.connections`.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pyarrow as pa
from fastapi import Request

from sensormon.api.problems import Problem

SHORT = 1_000
"""Rows that an answer may have without a turn: the default `limit`."""
UNKNOWN_ROWS = 100_000
"""The most rows of an answer to a reader without a token."""
ROWS_A_MINUTE = 1_000_000
"""Rows for an address without a token; what it did not use counts for a minute."""
TURNS = 8
"""Long answers at once, for readers with a token and for all others each."""
TURNS_EACH = 4
"""Of these, for one address without a token."""
WAITING = 100
"""Requests that may wait for a turn; more are refused at once."""
WAITING_EACH = 20
"""Of these, from one address without a token."""
REPORTS_WAITING = 4
"""Reports that wait for their turn from one address: each is a second of work."""
PATIENCE = 10.0
"""Seconds to wait for a turn."""
ADDRESSES = 10_000
"""Addresses remembered; more than this share one budget, so that memory stays bounded."""


class Turns:
    """A few turns at something, given in order of arrival; at most `each` to one address.

    Of one address at most `waiting_each` requests wait. Used on the event loop only.
    """

    def __init__(self, most: int, each: int, waiting_each: int) -> None:
        self._most = most
        self._each = each
        self._waiting_each = waiting_each
        self._taken: Counter[str] = Counter()
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Wait for a turn, and give it back at the end. Raises Problem (503) if there is none in time."""
        await self._take(address)
        try:
            yield
        finally:
            self._give_back(address)

    async def _take(self, address: str) -> None:
        if self._is_free_for(address):
            self._taken[address] += 1
            return
        from_here = sum(waiting == address for waiting, _ in self._waiting)
        if len(self._waiting) >= WAITING or from_here >= self._waiting_each:
            raise _no_turn()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (address, turn)
        self._waiting.append(entry)
        try:
            await asyncio.wait_for(asyncio.shield(turn), PATIENCE)
        except TimeoutError:
            if not turn.done():
                raise _no_turn() from None
        except asyncio.CancelledError:
            if turn.done():
                self._give_back(address)
            raise
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)

    def _is_free_for(self, address: str) -> bool:
        return self._taken.total() < self._most and self._taken[address] < self._each

    def _give_back(self, address: str) -> None:
        self._taken -= Counter({address: 1})
        for entry in tuple(self._waiting):
            waiting, turn = entry
            if self._is_free_for(waiting):
                self._taken[waiting] += 1
                self._waiting.remove(entry)
                turn.set_result(None)


class RowBudget:
    """Rows per address and minute; `clock` gives seconds. Charged with what was sent, afterwards.

    So a budget may be overdrawn, by one answer each time; then it is refused until it is made up for.
    """

    def __init__(self, rows: int, clock: Callable[[], float]) -> None:
        self._rows = rows
        self._clock = clock
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._left)

    def check(self, address: str) -> None:
        """Raises Problem (429) if the address has no rows left."""
        with self._lock:
            left = self._now(address)
        if left < 0:
            seconds = int(-left * 60 / self._rows) + 1
            raise Problem(
                429,
                "too_many_rows",
                f"more than {self._rows:,} rows a minute need a token",
                "Send the header Authorization: Bearer TOKEN, or ask again later",
                headers={"Retry-After": str(seconds)},
            )

    def charge(self, address: str, rows: int) -> None:
        """Take these rows off the budget of the address."""
        with self._lock:
            self._charge(self._name(address), rows)

    def _charge(self, name: str, rows: int) -> None:
        self._left[name] = (self._now(name) - rows, self._clock())
        self._left.move_to_end(name)
        while len(self._left) > 1 and self._now(next(iter(self._left))) >= self._rows:
            self._left.popitem(last=False)

    def _now(self, address: str) -> float:
        left, at = self._left.get(self._name(address), (float(self._rows), self._clock()))
        return min(self._rows, left + (self._clock() - at) * self._rows / 60)

    def _name(self, address: str) -> str:
        return address if address in self._left or len(self._left) < ADDRESSES else ""


@dataclass(frozen=True)
class Readers:
    """The turns and the budget of one API."""

    budget: RowBudget = field(default_factory=lambda: RowBudget(ROWS_A_MINUTE, time.monotonic))
    known: Turns = field(default_factory=lambda: Turns(TURNS, TURNS, WAITING))
    unknown: Turns = field(default_factory=lambda: Turns(TURNS, TURNS_EACH, WAITING_EACH))
    reports: Turns = field(default_factory=lambda: Turns(1, 1, REPORTS_WAITING))


def readers_of(request: Request) -> Readers:
    """The turns and the budget of this request's API."""
    readers: Readers = request.app.state.readers
    return readers


def charged(pieces: Iterator[pa.Table], budget: RowBudget, address: str) -> Iterator[pa.Table]:
    """These pieces, whose rows are charged to the address."""
    for piece in pieces:
        budget.charge(address, piece.num_rows)
        yield piece


def check_limit(limit: int) -> None:
    """Raises Problem (401) if a reader without a token may not ask for this many rows."""
    if limit > UNKNOWN_ROWS:
        raise Problem(
            401,
            "unauthorized",
            f"more than {UNKNOWN_ROWS:,} rows in one answer need a token",
            f"Send the header Authorization: Bearer TOKEN, or ask for at most limit={UNKNOWN_ROWS}",
            headers={"WWW-Authenticate": "Bearer"},
        )


def _no_turn() -> Problem:
    return Problem(
        503,
        "overloaded",
        "too many long answers are being sent",
        f"Ask again later, or for at most limit={SHORT}",
        headers={"Retry-After": "10"},
    )
