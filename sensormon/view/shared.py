"""Answers that viewers share, so that many of them cost what one costs.

What it is not: a cache of what a person asked for alone; see `ui/memo.py`.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

from sensormon.model.clock import SECOND, Clock

HOUR = 3_600 * SECOND

SHARE = 0.05
"""Answers are made again rarely enough to cost at most this share of the time."""

T = TypeVar("T")


@dataclass(frozen=True)
class Kept:
    """An answer, and when and how it was made."""

    value: Any
    taken: int  # when it was made (µs UTC)
    cost: int
    key: object


class Shared:
    """At most `most` answers by name, the newest of each; whoever asks while it is made waits for it."""

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock = clock
        self._most = most
        self._locks: defaultdict[object, threading.Lock] = defaultdict(threading.Lock)
        self._kept: dict[object, Kept] = {}

    def of(self, name: object, key: object, make: Callable[[], T], fresh: int = HOUR) -> T:
        """The answer of this name, made again for another key or after `fresh` µs (longer if slow).

        Whatever `make` raises is raised here, and nothing is kept.
        """
        with self._locks[name]:
            kept = self.kept(name, key, fresh)  # looked up after waiting: what was made meanwhile is new
            if kept is not None:
                value: T = kept.value
                return value
            now = self._clock.now()
            value = make()
            after = self._clock.now()
            self._kept[name] = Kept(value, after, max(0, after - now), key)
            self._forget()
            return value

    def each(
        self, names: Sequence[object], key: object, make: Callable[[Sequence[object]], Mapping[object, T]]
    ) -> dict[object, T]:
        """The answers of all these names; those that lack or have another key are made together.

        Whoever asks for any of them meanwhile waits. Whatever `make` raises is raised here.
        """
        with ExitStack() as held:
            for name in sorted(set(names), key=repr):  # in one order, or two could wait for each other
                held.enter_context(self._locks[name])
            kept = {name: self.kept(name, key) for name in names}
            lacking = [name for name, answer in kept.items() if answer is None]
            now = self._clock.now()
            fresh = make(lacking) if lacking else {}
            after = self._clock.now()
            for name in lacking:
                self._kept[name] = Kept(fresh[name], after, max(0, after - now), key)
            self._forget()
            return {name: fresh[name] if answer is None else answer.value for name, answer in kept.items()}

    def kept(self, name: object, key: object, fresh: int = HOUR) -> Kept | None:
        """The answer that `of` would not make again, if there is one; never waits."""
        kept = self._kept.get(name)
        if kept is None or kept.key != key:
            return None
        age = self._clock.now() - kept.taken
        return kept if 0 <= age < max(fresh, kept.cost / SHARE) else None

    def _forget(self) -> None:
        answers = dict(self._kept)
        for oldest in sorted(answers, key=lambda name: answers[name].taken)[: -self._most]:
            self._kept.pop(oldest, None)
            self._locks.pop(oldest, None)

    def names(self) -> list[object]:
        """The names of the answers kept now."""
        return list(self._kept)
