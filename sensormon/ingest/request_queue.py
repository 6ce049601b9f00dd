"""Requests that wait to become durable, and the thread that takes them together.

Durability costs one sync. While one is under way the next requests gather; the thread then
takes all of them as one batch, with one record in the journal and one sync, and answers
each with the result of its own part (group commit; DeWitt et al., 1984). Nobody waits on purpose, so a
lone request is as fast as without a queue.

The queue is bounded, in requests and in bytes: beyond it `offer` refuses. A request with a
key that was answered before gets that answer again and stores nothing.

What it is not: HTTP. It knows neither the meaning of status codes nor the format of an answer.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sensormon.ingest.collector import Collector
from sensormon.ingest.idempotency import IdempotencyKeys
from sensormon.model.clock import Clock
from sensormon.model.entries import KeptAnswer
from sensormon.model.errors import Overloaded
from sensormon.model.readings import Batch, Bools, Floats, Processed, Rejection

_log = logging.getLogger(__name__)

WAITING_REQUESTS = 1_000
"""The most requests that may wait."""
WAITING_BYTES = 64 * 1024 * 1024
"""The most bytes in their bodies."""
GROUP_REQUESTS = 256
"""The most requests in a group."""
GROUP_BYTES = 4 * 1024 * 1024
"""A group of this many bytes takes no further request."""


@dataclass(frozen=True, eq=False)
class Parsed:
    """A request's readings, and its rows that are not valid readings.

    `positions` has the row in the request of each reading. `key` is the one in the body.
    """

    batch: Batch
    positions: Sequence[int]
    malformed: Sequence[Rejection] = ()
    key: str = ""

    @property
    def rows(self) -> int:
        """How many rows the request had."""
        return len(self.batch) + len(self.malformed)


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result of one request: accepted row i has the id `first_id + i`."""

    first_id: int
    score: Floats
    is_anomaly: Bools
    rejected: tuple[Rejection, ...]


@dataclass(frozen=True)
class Answer:
    """A status and the bytes to send; `again` if it repeats an earlier answer."""

    status: int
    body: bytes
    again: bool = False


@dataclass(frozen=True, eq=False)
class Request:
    """A request. `parse` is called in the queue's thread and may raise; `respond` words the answer.

    `reused` makes the error for a key that was used before with other content.
    """

    body: bytes
    arrived: int  # µs UTC
    parse: Callable[[Request], Parsed]
    respond: Callable[[Outcome], Answer]
    reused: Callable[[str], Exception]
    future: asyncio.Future[Answer]
    key: str = ""
    fingerprint: Callable[[], str] = str


@dataclass(eq=False)
class _Part:
    """A request of the current group and all others with its key."""

    request: Request
    parsed: Parsed
    key: str
    fingerprint: str
    others: list[Request] = field(default_factory=list)
    answer: Answer | None = None


class RequestQueue:
    """`offer` is called from event loops, `run` in one thread."""

    def __init__(self, collector: Collector, answers: Iterable[KeptAnswer], clock: Clock) -> None:
        self._collector = collector
        self._clock = clock
        self._keys = IdempotencyKeys(answers)
        self._queue: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._count = 0
        self._bytes = 0
        self._closed = False
        self._replies: list[tuple[asyncio.Future[Answer], Answer | Exception]] = []

    @property
    def waiting(self) -> int:
        """How many requests wait or are being taken."""
        return self._count

    def offer(self, request: Request) -> None:
        """Enqueue this request; its future gets the answer, or the error.

        Raises Overloaded if too many wait already.
        """
        with self._lock:
            if self._closed:
                raise Overloaded("the monitor is stopping", hint="Send it again in a few seconds")
            if self._count >= WAITING_REQUESTS or self._bytes + len(request.body) > WAITING_BYTES:
                raise Overloaded(
                    f"{self._count:,} requests wait already",
                    hint="Send it again in a second, or larger batches",
                )
            self._count += 1
            self._bytes += len(request.body)
        self._queue.put(request)

    def close(self) -> None:
        """Refuse new requests from now on; waiting ones are still taken."""
        with self._lock:
            self._closed = True
        self._queue.put(None)

    def run(self, stopping: threading.Event) -> None:
        """Take waiting requests until `stopping` is set."""
        while (group := self._next_group()) and not stopping.is_set():
            self._take(group)
        for request in group:
            self._reply(request, Overloaded("the monitor is stopping", hint="Send it again in a few seconds"))
        self._deliver()

    # -- the thread ---------------------------------------------------------------

    def _next_group(self) -> list[Request]:
        """The next group, within bounds; waits for the first request. Empty at the end."""
        first = self._queue.get()
        if first is None:
            return []
        group, size = [first], len(first.body)
        while len(group) < GROUP_REQUESTS and size < GROUP_BYTES:
            try:
                request = self._queue.get_nowait()
            except queue.Empty:
                break
            if request is None:
                self._queue.put(None)
                break
            group.append(request)
            size += len(request.body)
        return group

    def _take(self, group: Sequence[Request]) -> None:
        try:
            parts = self._parts(group)
            if parts:
                self._commit(parts)
        except BaseException:
            unknown = RuntimeError("the request could not be taken")
            for request in group:
                self._reply(request, unknown)
            raise
        finally:
            with self._lock:
                self._count -= len(group)
                self._bytes -= sum(len(request.body) for request in group)
            self._deliver()

    def _parts(self, group: Sequence[Request]) -> list[_Part]:
        """The requests to store; the others are answered here."""
        parts: list[_Part] = []
        by_key: dict[str, _Part] = {}
        for request in group:
            try:
                parsed = request.parse(request)
            except Exception as error:  # noqa: BLE001  whatever a request holds, it is its own sender's error
                self._reply(request, error)
                continue
            key = request.key or parsed.key
            part = _Part(request, parsed, key, request.fingerprint() if key else "")
            if key and (known := self._keys.find(key, request.arrived)):
                same = known.fingerprint == part.fingerprint
                answer = Answer(known.status, known.body.encode(), again=True)
                self._reply(request, answer if same else request.reused(key))
            elif key and key in by_key:
                if by_key[key].fingerprint == part.fingerprint:
                    by_key[key].others.append(request)
                else:
                    self._reply(request, request.reused(key))
            else:
                parts.append(part)
                if key:
                    by_key[key] = part
        return parts

    def _commit(self, parts: Sequence[_Part]) -> None:
        """Store the parts as one batch and answer each with its result."""
        parsed = [part.parsed for part in parts]
        kept: list[KeptAnswer] = []
        try:
            with self._collector.turn() as turn:
                processed = turn.score(*merge(parsed))
                outcomes = split(parsed, turn.first_id, processed)
                for part, outcome in zip(parts, outcomes, strict=True):
                    part.answer = part.request.respond(outcome)
                    if part.key:
                        kept.append(_kept(part, part.answer))
                if len(parts) > 1:
                    rejected = tuple(rejection for outcome in outcomes for rejection in outcome.rejected)
                    processed = replace(processed, rejected=rejected)
                turn.commit(processed, kept)
        except Exception as error:  # noqa: BLE001  each sender gets it, and the next group is taken
            if not hasattr(error, "hint"):
                _log.exception("a request could not be taken")
            for part in parts:
                for request in (part.request, *part.others):
                    self._reply(request, error)
            return
        self._keys.remember(kept)
        for part in parts:
            if part.answer is not None:
                self._reply(part.request, part.answer)
                for request in part.others:
                    self._reply(request, replace(part.answer, again=True))

    def _reply(self, request: Request, answer: Answer | Exception) -> None:
        self._replies.append((request.future, answer))

    def _deliver(self) -> None:
        """Wake each event loop once, not once per request."""
        replies, self._replies = self._replies, []
        loops = {future.get_loop() for future, _ in replies}
        for loop in loops:
            mine = [reply for reply in replies if reply[0].get_loop() is loop] if len(loops) > 1 else replies
            try:
                loop.call_soon_threadsafe(_resolve, mine)
            except RuntimeError:
                _log.info("%d answers came too late: the server has stopped", len(mine))


def _kept(part: _Part, answer: Answer) -> KeptAnswer:
    return KeptAnswer(part.key, part.fingerprint, answer.status, answer.body.decode(), part.request.arrived)


def _resolve(replies: Iterable[tuple[asyncio.Future[Answer], Answer | Exception]]) -> None:
    for future, answer in replies:
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)


def merge(requests: Sequence[Parsed]) -> tuple[Batch, Sequence[int] | None, list[Rejection]]:
    """The readings of these requests as one batch, with consecutive row numbers."""
    if len(requests) == 1:
        request = requests[0]
        return request.batch, request.positions, list(request.malformed)
    codes: dict[str, int] = {}
    columns = []
    positions: list[int] = []
    malformed: list[Rejection] = []
    start = 0
    for request in requests:
        batch = request.batch
        mapped = [codes.setdefault(name, len(codes)) for name in batch.tags]
        columns.append(np.array(mapped, dtype=np.int32)[batch.tag] if mapped else batch.tag)
        positions += [start + position for position in request.positions]
        malformed += [replace(bad, index=start + bad.index) for bad in request.malformed]
        start += request.rows
    batches = [request.batch for request in requests]
    merged = Batch(
        source=batches[0].source,
        received=max(batch.received for batch in batches),
        tags=tuple(codes),
        tag=np.concatenate(columns),
        time=np.concatenate([batch.time for batch in batches]),
        value=np.concatenate([batch.value for batch in batches]),
        quality=np.concatenate([batch.quality for batch in batches]),
    )
    return merged, positions, malformed


def split(requests: Sequence[Parsed], first_id: int, processed: Processed) -> list[Outcome]:
    """The result of each request that `merge` combined, with its own row numbers."""
    outcomes = []
    scores, rejected = processed.scores, processed.rejected
    start = row = place = 0
    for request in requests:
        stop = start + request.rows
        own = []
        while place < len(rejected) and rejected[place].index < stop:
            bad = rejected[place]
            own.append(replace(bad, index=bad.index - start) if start else bad)
            place += 1
        end = row + request.rows - len(own)
        outcomes.append(
            Outcome(first_id + row, scores.score[row:end], scores.is_anomaly[row:end], tuple(own))
        )
        start, row = stop, end
    return outcomes
