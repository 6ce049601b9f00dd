"""Messages that were read from the socket and wait to be handled, bounded by number and bytes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sensormon.sources.mqtt.connection import Connection

MOST_MESSAGES = 20_000
MOST_BYTES = 32 << 20
AT_ONCE = 400
"""Messages handled together at most. After a kill two such batches may come again: fewer than the readings of
a tag among which a repeat is recognised."""
GATHER = 0.02
"""Seconds that the first message waits for others at most."""
PAUSE = 0.005
"""Seconds without a message after which nobody waits for more: a broker with a small window sends none."""
LARGEST = 1 << 20
"""Bytes of a payload that are kept; of a larger one only its beginning is handed over."""
_A_MESSAGE = 300
"""Bytes of memory that a message takes beside topic and payload."""


@dataclass(frozen=True)
class Arrived:
    """A message as it came; `time` is when (µs UTC).

    `retain`: the broker had kept it as the topic's last value, so it may be old. `resumed`: the broker still
    knew the session, so what was published meanwhile comes, too. `payload` is cut after `LARGEST` + 1 bytes.
    """

    topic: str
    payload: bytes
    qos: int
    retain: bool
    time: int
    resumed: bool = False


@dataclass(frozen=True, eq=False)
class Entry:
    """What waits: a message (None if it is only to be acknowledged, or for a new connection)."""

    connection: Connection
    arrived: Arrived | None
    number: int = 0
    qos: int = 0

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        return _A_MESSAGE + (len(self.arrived.payload) + len(self.arrived.topic) if self.arrived else 0)


class Waiting:
    """The queue between the thread that reads and the one that handles. Thread-safe for these two."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._changed = threading.Condition()

    def room(self) -> bool:
        """Whether more may be read."""
        return len(self._entries) < MOST_MESSAGES and self._bytes < MOST_BYTES

    def put(self, entry: Entry) -> None:
        """Add it; there is always place for what is read already."""
        with self._changed:
            self._entries.append(entry)
            self._bytes += entry.size
            if len(self._entries) in (1, AT_ONCE):
                self._changed.notify()

    def notify(self) -> None:
        """End a waiting of `take`."""
        with self._changed:
            self._changed.notify()

    def take(self, ended: Callable[[], bool]) -> list[Entry]:
        """The next entries, gathered for a short while; none if none came for a while, or `ended`."""
        with self._changed:
            if not self._entries:
                self._changed.wait(0.1)
            waited, before = 0.0, -1
            while 0 < len(self._entries) < AT_ONCE and len(self._entries) != before and waited < GATHER:
                before = len(self._entries)
                self._changed.wait_for(lambda: len(self._entries) >= AT_ONCE or ended(), PAUSE)
                waited += PAUSE
            entries = [self._entries.popleft() for _ in range(min(AT_ONCE, len(self._entries)))]
            self._bytes -= sum(entry.size for entry in entries)
            return entries
