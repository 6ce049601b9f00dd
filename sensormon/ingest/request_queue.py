"""Requests that wait to become durable, and the thread that takes them together.

Durability costs one sync. While one is under way the next requests gather; the thread then
takes several of them as one batch, with one record in the journal and one sync, and answers
each with the result of its own part (group commit; DeWitt et al., 1984). Nobody waits on purpose, so a
lone request is as fast as without a queue.

Senders share the work evenly (`fair_order`), and what may wait is bounded (`fair_share`). A body is
unpacked and parsed when it is its turn, one at a time, and a group ends as soon as enough
was unpacked; so memory is bounded however many compressed bodies wait. A request with a key that was
answered before gets that answer again and stores nothing; without a key, one known by its content stores
nothing twice (`sent_again`).

What it is not: HTTP. It knows neither the meaning of status codes nor the format of an answer.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from sensormon.ingest.collector import Collector
from sensormon.ingest.fair_order import FairOrder
from sensormon.ingest.fair_share import FairShare
from sensormon.ingest.groups import Outcome, Parsed, merge, split, together
from sensormon.ingest.idempotency import KnownRequests
from sensormon.ingest.sent_again import unstored, without_stored
from sensormon.model.clock import Clock
from sensormon.model.entries import BY_CONTENT, KeptAnswer
from sensormon.model.errors import Overloaded

_log = logging.getLogger(__name__)

GROUP_REQUESTS = 256
"""The most requests in a group."""
GROUP_COST = 4 * 1024 * 1024
"""A group that has cost this much takes no further request."""
ROW_COST = 50
"""The cost of a row in bytes to parse: a valid one has about as many, an empty one none."""


@dataclass(frozen=True)
class Answer:
    """A status and the bytes to send; `again` if it repeats an earlier answer."""

    status: int
    body: bytes
    again: bool = False


@dataclass(frozen=True, eq=False)
class Request:
    """A request of a sender.

    `unpack` and `parse` are called in the queue's thread and may raise; `respond` words the
    answer. `most` is what `unpack` gives at most (bytes): the cost of a body that it refuses.
    `reused` makes the error for a key that was used before with other content. `fingerprint` is
    a digest of the body as it came, `digest` makes one of the plain body; each with all that says how to
    read it. Without `digest` a request without a key is always a new one.
    """

    sender: str
    arrived: int  # µs UTC
    unpack: Callable[[], bytes]
    most: int
    parse: Callable[[bytes], Parsed]
    respond: Callable[[Outcome], Answer]
    reused: Callable[[str], Exception]
    future: asyncio.Future[Answer]
    key: str = ""
    fingerprint: Callable[[], str] = str
    digest: Callable[[bytes], str] | None = None


@dataclass(eq=False)
class _Part:
    """A request of the current group and all others with its key.

    `stored_but` says which rows the same content did not store when it came before; None if it did not.
    """

    request: Request
    parsed: Parsed
    key: str
    fingerprint: str
    stored_but: str | None = None
    others: list[Request] = field(default_factory=list)
    answer: Answer | None = None


@dataclass(eq=False)
class _Parts:
    """The requests of the current group that are to be stored."""

    all: list[_Part] = field(default_factory=list)
    by_key: dict[str, _Part] = field(default_factory=dict)

    def add(self, part: _Part) -> None:
        """Add this request to those to store."""
        self.all.append(part)
        if part.key:
            self.by_key[part.key] = part

    def take(self) -> list[_Part]:
        """Those so far, which leave."""
        parts, self.all, self.by_key = self.all, [], {}
        return parts


class RequestQueue:
    """`offer` is called from event loops, `run` in one thread.

    A caller holds a place in `share` from the first byte of a body until it has the answer.
    """

    def __init__(self, collector: Collector, answers: Iterable[KeptAnswer], clock: Clock) -> None:
        self.share = FairShare()
        self._collector = collector
        self._clock = clock
        self._keys = KnownRequests(answers)
        self._inbox: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._order: FairOrder[Request] = FairOrder()
        self._closed = False
        self._ending = False
        self._replies: list[tuple[asyncio.Future[Answer], Answer | Exception]] = []

    @property
    def waiting(self) -> int:
        """How many requests arrive, wait or are being taken."""
        return self.share.requests

    def offer(self, request: Request) -> None:
        """Enqueue this request; its future gets the answer, or the error.

        Raises Overloaded once the queue is closed.
        """
        if self._closed:
            raise _stopping()
        self._inbox.put(request)

    def close(self) -> None:
        """Refuse new requests from now on; waiting ones are still taken."""
        self._closed = True
        self._inbox.put(None)

    def run(self, stopping: threading.Event) -> None:
        """Take waiting requests until `stopping` is set, or all are taken after `close`."""
        waits = self._wait()
        while waits and not stopping.is_set():
            self._take()
            waits = self._wait()
        self._fetch()
        while (turn := self._order.next()) is not None:
            self._reply(turn[1], _stopping())
            self._order.charge(turn[0], 0)
        self._deliver()

    # -- the thread ---------------------------------------------------------------

    def _wait(self) -> bool:
        """Wait until there is a request; False at the end."""
        self._fetch()
        if not len(self._order) and not self._ending:
            self._sort(self._inbox.get())
        return len(self._order) > 0

    def _fetch(self) -> None:
        """Bring what has come in into its order."""
        while not self._inbox.empty():
            self._sort(self._inbox.get())

    def _sort(self, request: Request | None) -> None:
        if request is None:
            self._ending = True
        else:
            self._order.put(request.sender, request)

    def _take(self) -> None:
        """Take a group: parse its requests in order, store and answer them."""
        group: list[Request] = []
        parts = _Parts()
        cost = 0
        try:
            while not group or (len(group) < GROUP_REQUESTS and cost + self._order.expected < GROUP_COST):
                turn = self._order.next()
                if turn is None:
                    break
                sender, request = turn
                group.append(request)
                spent = request.most
                try:
                    spent = self._add(parts, request)
                finally:
                    cost += spent
                    self._order.charge(sender, spent)
                self._fetch()
            if parts.all:
                self._commit(parts.all)
        except BaseException:
            unknown = RuntimeError("the request could not be taken")
            for request in group:
                self._reply(request, unknown)
            raise
        finally:
            self._deliver()

    def _add(self, parts: _Parts, request: Request) -> int:
        """Parse the request and add it to those to store, or answer it here; returns what that cost."""
        cost = request.most
        try:
            body = request.unpack()
            cost = len(body)
            parsed = request.parse(body)
        except Exception as error:  # noqa: BLE001  whatever a request holds, it is its own sender's error
            self._reply(request, error)
            return cost
        cost += ROW_COST * parsed.rows
        key = request.key or parsed.key
        fingerprint = request.fingerprint() if key else ""
        if not key and request.digest and parsed.timed and len(parsed.batch):
            key = BY_CONTENT + request.digest(body)
            if key in parts.by_key:  # what it stored is known only then
                self._commit(parts.take())
        part = _Part(request, parsed, key, fingerprint)
        if key.startswith(BY_CONTENT):
            known = self._keys.find(key, request.arrived)
            part.stored_but = known.body if known else None
            parts.add(part)
        elif key and (known := self._keys.find(key, request.arrived)):
            same = known.fingerprint == part.fingerprint
            answer = Answer(known.status, known.body.encode(), again=True)
            self._reply(request, answer if same else request.reused(key))
        elif key and key in parts.by_key:
            if parts.by_key[key].fingerprint == part.fingerprint:
                parts.by_key[key].others.append(request)
            else:
                self._reply(request, request.reused(key))
        else:
            parts.add(part)
        return cost

    def _commit(self, parts: Sequence[_Part]) -> None:
        """Store the parts as one batch and answer each with its result."""
        kept: list[KeptAnswer] = []
        try:
            with self._collector.turn() as turn:
                parsed = [
                    part.parsed
                    if part.stored_but is None
                    else without_stored(part.parsed, part.stored_but, turn.refused)
                    for part in parts
                ]
                merged = merge(parsed)
                judged = turn.judge(merged)
                outcomes = split(parsed, turn.first_id(len(merged)), judged, turn.refused)
                for part, outcome in zip(parts, outcomes, strict=True):
                    part.answer = part.request.respond(outcome)
                    if part.key.startswith(BY_CONTENT):
                        if len(outcome.score):
                            kept.append(KeptAnswer(part.key, "", 0, unstored(outcome), part.request.arrived))
                    elif part.key:
                        kept.append(_kept(part, part.answer))
                turn.commit(together(judged, outcomes), kept)
        except Exception as error:  # noqa: BLE001  each sender gets it, and the next group is taken
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
        if isinstance(answer, Exception):
            if not hasattr(answer, "hint"):
                _log.error("a request could not be taken", exc_info=answer)
            answer = answer.with_traceback(None)  # whose frames would keep the unpacked body in memory
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


def _stopping() -> Overloaded:
    return Overloaded("the monitor is stopping", hint="Send it again in a few seconds")
