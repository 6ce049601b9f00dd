"""What the messages of the outbox tell: by whom and to whom, of which events, and when.

An index over messages, built one by one. Events are named by ids of flagged readings as they were when the
message was made; an event counts as told if any of its readings is among them, see `facts`.
What it is not: a place that keeps messages.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from sensormon.model.clock import MINUTE
from sensormon.model.readings import Ints
from sensormon.notify.calendar import NEVER
from sensormon.notify.messages import Kind, Message

ANY = "any"
"""Beside the kinds: that an event was told, by a digest or by an event's message of whichever rule."""
OVER = "over"
"""Likewise: that an event was told as over, by a message of whichever kind and rule."""
KEPT_TIMES = 10_000
"""Messages to a contact whose times are kept, the newest; no limit of messages is higher."""

Teller = tuple[str, str, str]
"""A rule, a contact, and a kind, ANY or OVER. The rule is empty where it does not matter, and for digests."""


@dataclass(frozen=True)
class Occurrence:
    """When a condition was last told, and when it was last told as over (µs UTC), 0 for never."""

    last: int = 0
    returned: int = 0

    @property
    def open(self) -> bool:
        """Whether it was told, and not as over since."""
        return self.last > self.returned


class Told:
    """The messages that were made so far. One thread at a time."""

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self._covers: dict[Teller, list[tuple[Ints, int]]] = defaultdict(list)
        self._joined: dict[Teller, tuple[Ints, Ints]] = {}
        self._sent: dict[tuple[str, bool], list[int]] = defaultdict(list)
        self._conditions: dict[tuple[str, str, str], Occurrence] = {}
        self._known: dict[str, tuple[int, tuple[int, ...]]] = {}
        for message in messages:
            self.add(message)

    def __contains__(self, key: object) -> bool:
        """Whether the message of this key is among them."""
        return key in self._known

    def __len__(self) -> int:
        return len(self._known)

    def add(self, message: Message, now: int = NEVER) -> None:
        """Count this message; a further version of one that tells the same changes nothing.

        One from after `now`, because the clock has been set back, counts as made now; not towards limits, if
        it is from more than a minute after.
        """
        known = self._known.get(message.key)
        if known == (message.created, message.covers):
            return
        self._known[message.key] = message.created, message.covers
        if message.kind is Kind.TEST:
            return
        created = min(message.created, now)
        if message.created - created <= MINUTE:
            insort(times := self._sent[message.contact, is_health(message)], created)
            del times[:-KEPT_TIMES]
        for line in message.condition.splitlines():
            self._count(line, message, created)
        for teller in tellers(message):
            ids = message.over if teller[2] == OVER else message.covers
            if ids:
                self._covers[teller].append((np.array(ids, dtype=np.int64), created))
                self._joined.pop(teller, None)

    def _count(self, condition: str, message: Message, created: int) -> None:
        where = (message.rule, message.contact, condition)
        before = self._conditions.get(where, Occurrence())
        over = message.kind is Kind.RETURNED
        self._conditions[where] = Occurrence(
            before.last if over else max(before.last, created),
            max(before.returned, created) if over else before.returned,
        )

    def by(self, rule: str, contact: str, kind: str) -> tuple[Ints, Ints]:
        """The ids of which this rule told this contact by messages of this kind, and when, in no order."""
        teller = (rule, contact, str(kind))
        if teller not in self._joined:
            parts = self._covers.get(teller)
            if not parts:
                return _NONE, _NONE
            times = np.repeat([time for _, time in parts], [len(ids) for ids, _ in parts])
            self._joined[teller] = np.concatenate([ids for ids, _ in parts]), times
        return self._joined[teller]

    def sent(self, contact: str, since: int, *, health: bool = False) -> list[int]:
        """When messages to this contact were made, after `since`, in order; those on the monitor apart.

        Tests do not count.
        """
        times = self._sent.get((contact, health), [])
        return times[bisect_right(times, since) :]

    def condition(self, rule: str, contact: str, condition: str) -> Occurrence:
        """When this rule told this contact of this condition."""
        return self._conditions.get((rule, contact, condition), Occurrence())

    def open_conditions(self, rule: str, contact: str) -> list[str]:
        """The conditions that this rule told this contact, and not as over since, in order."""
        return sorted(
            condition
            for (by, to, condition), occurrence in self._conditions.items()
            if (by, to) == (rule, contact) and occurrence.open
        )

    def forget(self, before: int, lasting: Ints) -> None:
        """Let go of what was told before this time, but for events with these ids and open conditions.

        What is let go can be planned anew if an event that old is given to `plan` again.
        """
        self._known = {key: known for key, known in self._known.items() if known[0] >= before}
        for times in self._sent.values():
            del times[: bisect_left(times, before)]
        self._conditions = {
            where: occurrence
            for where, occurrence in self._conditions.items()
            if occurrence.open or max(occurrence.last, occurrence.returned) >= before
        }
        for teller, parts in list(self._covers.items()):
            kept = [(ids if time >= before else ids[np.isin(ids, lasting)], time) for ids, time in parts]
            self._covers[teller] = [(ids, time) for ids, time in kept if len(ids)]
            if not self._covers[teller]:
                del self._covers[teller]
        self._joined.clear()


def tellers(message: Message) -> Iterator[Teller]:
    """As what a message counts: by its kind, and beside the kinds."""
    yield "" if message.kind is Kind.DIGEST else message.rule, message.contact, str(message.kind)
    if message.kind in (Kind.EVENT, Kind.DIGEST):
        yield "", message.contact, ANY
    yield "", message.contact, OVER


def is_health(message: Message) -> bool:
    """Whether it is about the monitor itself; these have an allowance of their own."""
    return message.kind is Kind.HEALTH or bool(message.condition)


_NONE: Ints = np.zeros(0, dtype=np.int64)
