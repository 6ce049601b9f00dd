"""How fast readings come in, and how long single steps take."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping

import numpy as np

from sensormon.model.clock import SECOND
from sensormon.model.readings import Batch, Origin, Processed

SPAN = 60
"""Seconds over which the rate of readings is measured."""
SOURCES = 1_000
"""The most sources whose last arrival is kept."""
STEPS = 200
"""Number of steps whose durations are kept."""


class Latencies:
    """The durations of the last `STEPS` steps, in seconds. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: deque[float] = deque(maxlen=STEPS)

    def add(self, seconds: float) -> None:
        """Record the duration of a step."""
        with self._lock:
            self._seconds.append(seconds)

    def percentiles(self) -> tuple[float, float]:
        """The median and the 99th percentile; 0 before the first step."""
        with self._lock:
            seconds = list(self._seconds)
        p50, p99 = np.percentile(seconds or [0.0], [50, 99])
        return float(p50), float(p99)


class Arrivals:
    """The readings of the last minute, and when the last ones arrived. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: deque[tuple[int, int]] = deque()
        self._newest: int | None = None
        self._last: int | None = None
        self._by_source: dict[str, int] = {}

    def remember(self, by_source: Mapping[str, int]) -> None:
        """Take over when (µs UTC) each source last delivered before the start."""
        with self._lock:
            for source, when in by_source.items():
                self._by_source.setdefault(source, when)

    def note(self, processed: Processed, now: int) -> None:
        """Count these readings as received at `now` (µs UTC). Imports do not count: they are history."""
        self._note(processed.accepted, processed.received, now)

    def follow(self, batch: Batch, now: int) -> None:
        """Count readings of another collector, which are known here at `now` (µs UTC)."""
        self._note(batch, len(batch), now)

    def _note(self, batch: Batch, received: int, now: int) -> None:
        with self._lock:
            if len(batch.time) and batch.origin is not Origin.IMPORT:
                newest = int(batch.time.max())
                self._newest = max(newest, self._newest or newest)
                self._last = now
                if batch.source in self._by_source or len(self._by_source) < SOURCES:
                    self._by_source[batch.source] = now
            if self._counts and now < self._counts[-1][0]:
                self._counts.clear()  # the clock was set back
            if batch.origin is Origin.LIVE:
                self._counts.append((now, received))
            while self._counts and self._counts[0][0] <= now - SPAN * SECOND:
                self._counts.popleft()

    def rate(self, now: int) -> float:
        """Live readings per second over the last minute, accepted or not."""
        with self._lock:
            return sum(count for when, count in self._counts if when > now - SPAN * SECOND) / SPAN

    @property
    def newest(self) -> int | None:
        """The newest own time of an accepted reading, µs UTC; after now if a clock is ahead."""
        return self._newest

    @property
    def last(self) -> int | None:
        """When the last accepted reading arrived since the start, µs UTC."""
        return self._last

    def ages(self, now: int) -> dict[str, float]:
        """By source, how many seconds ago its last accepted reading arrived; never negative."""
        with self._lock:
            return {source: max(0, now - when) / SECOND for source, when in sorted(self._by_source.items())}
