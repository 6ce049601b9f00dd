"""Slowing down who guesses passwords, without locking the plant out.

Failures of one address for one name make that pair wait longer and longer, up to a minute.
Failures of many addresses for one name make all addresses wait a few seconds that have never signed in
under it; an address that has goes on without delay. An IPv6 address stands for its network of 64 bits:
every machine has that many of its own.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

from sensormon.model.addresses import household
from sensormon.model.clock import MINUTE, SECOND

FREE = 5
"""Failures of a pair that cost nothing: people mistype."""
LONGEST_PAIR = 60 * SECOND
FREE_NAME = 20
"""Failures for a name from all addresses that cost nothing."""
LONGEST_NAME = 5 * SECOND
FORGOTTEN = 15 * MINUTE
"""µs after which failures no longer count."""
MOST = 10_000
"""Pairs and names that are remembered; the oldest are forgotten first."""


Key = TypeVar("Key")


@dataclass(frozen=True)
class _Failures:
    count: int
    last: int


class Guessing:
    """Failures in memory, since the start. Thread-safe; times are µs UTC."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._pairs: OrderedDict[tuple[str, str], _Failures] = OrderedDict()
        self._names: OrderedDict[str, _Failures] = OrderedDict()
        self._familiar: OrderedDict[tuple[str, str], None] = OrderedDict()

    def begin(self, name: str, address: str, now: int) -> int:
        """How long (µs) this address must wait before the next try for this name; 0: it may try now.

        The try then counts as failed until it has `succeeded`, so that many at once are no way around.
        """
        with self._lock:
            wait = self.wait(name, address, now)
            if not wait:
                self.failed(name, address, now)
            return wait

    def wait(self, name: str, address: str, now: int) -> int:
        """How long (µs) this address must wait before the next try for this name."""
        pair = (name, household(address))
        with self._lock:
            waits = [_due(self._pairs.get(pair), FREE, LONGEST_PAIR, now)]
            if pair not in self._familiar:
                waits.append(_due(self._names.get(name), FREE_NAME, LONGEST_NAME, now))
            return max(waits)

    def failed(self, name: str, address: str, now: int) -> None:
        """Note a failure."""
        with self._lock:
            _count(self._pairs, (name, household(address)), now)
            _count(self._names, name, now)

    def undecided(self, name: str, address: str) -> None:
        """Take back a try that was neither right nor wrong."""
        with self._lock:
            _uncount(self._pairs, (name, household(address)))
            _uncount(self._names, name)

    def succeeded(self, name: str, address: str) -> None:
        """Note a success: the failures of this pair are forgotten, the address is familiar."""
        pair = (name, household(address))
        with self._lock:
            self._pairs.pop(pair, None)
            _uncount(self._names, name)
            self._familiar[pair] = None
            self._familiar.move_to_end(pair)
            if len(self._familiar) > MOST:
                self._familiar.popitem(last=False)


def _due(failures: _Failures | None, free: int, longest: int, now: int) -> int:
    if failures is None or failures.count < free or not 0 <= now - failures.last <= FORGOTTEN:
        return 0
    delay = min(longest, SECOND << min(failures.count - free, 20))
    return max(0, failures.last + delay - now)


def _count(known: OrderedDict[Key, _Failures], key: Key, now: int) -> None:
    before = known.get(key)
    count = before.count if before and 0 <= now - before.last <= FORGOTTEN else 0
    known[key] = _Failures(count + 1, now)
    known.move_to_end(key)
    if len(known) > MOST:
        known.popitem(last=False)


def _uncount(known: OrderedDict[Key, _Failures], key: Key) -> None:
    before = known.get(key)
    if before is not None:
        known[key] = _Failures(before.count - 1, before.last)
