"""What a connected source tells of itself while it runs."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import replace

from sensormon.model.clock import SECOND, Clock
from sensormon.model.errors import SensormonError
from sensormon.model.source_health import Link, SourceHealth, shown, trouble_of

SPAN = 60
"""Seconds over which the rate is measured."""
_MOST_NOTES = 50
_AWAY = (Link.CONNECTING, Link.WAITING, Link.FAILED)
"""What a source does until it is connected: since when is said of all of it."""


class Report:
    """Of one run. Thread-safe; what it is told must be free of secrets."""

    def __init__(self, name: str, kind: str, place: str, clock: Clock, collector: str = "") -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._health = SourceHealth(name, kind, place, Link.CONNECTING, clock.now(), collector=collector)
        self._notes: Counter[str] = Counter()
        self._counts: deque[tuple[int, int]] = deque()
        self._connections = 0

    def health(self) -> SourceHealth:
        """How it is now."""
        now = self._clock.now()
        with self._lock:
            self._forget(now)
            rate = sum(count for _, count in self._counts) / SPAN
            return replace(self._health, rate=rate, notes=dict(self._notes))

    def connecting(self) -> None:
        """A connection is being made; one that is tried again still waits until it stands."""
        with self._lock:
            again = self._health.link in (Link.WAITING, Link.FAILED)
        if not again:
            self._set(Link.CONNECTING, "")

    def connected(self, detail: str = "") -> None:
        """It is connected, or what it sees has changed; `detail` says what, such as "214 nodes"."""
        with self._lock:
            if self._health.link is not Link.CONNECTED:
                self._connections += 1
                reconnects = max(0, self._connections - 1)
                self._health = replace(self._health, reconnects=reconnects)
        self._set(Link.CONNECTED, shown(detail))

    def waiting(self, error: SensormonError) -> None:
        """It is not connected, for this reason; it tries again by itself."""
        self._set(Link.WAITING, "")
        self.trouble(error)

    def trouble(self, error: SensormonError) -> None:
        """Something went wrong, but the connection stands."""
        with self._lock:
            self._health = replace(self._health, trouble=trouble_of(error, self._clock.now()))

    def failed(self, error: SensormonError) -> None:
        """It cannot go on until somebody has mended something."""
        self._set(Link.FAILED, "")
        self.trouble(error)

    def finished(self) -> None:
        """All is delivered."""
        self._set(Link.FINISHED, "")

    def gap(self, what: str) -> None:
        """Readings may be missing; `what` says in a few words why, which is counted, too."""
        with self._lock:
            self._health = replace(self._health, gaps=self._health.gaps + 1)
        self.note(what)

    def filled(self, readings: int) -> None:
        """So many readings that were missing came from a history of the server."""
        with self._lock:
            self._health = replace(self._health, filled=self._health.filled + readings)

    def note(self, what: str, count: int = 1) -> None:
        """Count something that happened, in words that are the same each time."""
        what = shown(what)
        with self._lock:
            if what in self._notes or len(self._notes) < _MOST_NOTES:
                self._notes[what] += count

    def took(self, stored: int, repeated: int, refused: int, newest: int | None) -> None:
        """Readings are durable, the newest with this own time (µs UTC). The intake calls it."""
        now = self._clock.now()
        with self._lock:
            self._forget(now)
            self._counts.append((now, stored))
            old = self._health
            self._health = replace(
                old,
                stored=old.stored + stored,
                repeated=old.repeated + repeated,
                refused=old.refused + refused,
                last_reading=now if stored else old.last_reading,
                lag=max(0, now - newest) / SECOND if newest is not None else old.lag,
            )

    def _set(self, link: Link, detail: str) -> None:
        with self._lock:
            old = self._health
            away = link in _AWAY and old.link in _AWAY
            since = old.since if old.link is link or away else self._clock.now()
            self._health = replace(old, link=link, detail=detail, since=since)

    def _forget(self, now: int) -> None:
        if self._counts and now < self._counts[-1][0]:
            self._counts.clear()  # the clock was set back
        while self._counts and self._counts[0][0] <= now - SPAN * SECOND:
            self._counts.popleft()
