"""How fast readings come in, and how long single steps take."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np

from sensormon.model.clock import SECOND
from sensormon.model.readings import Origin, Processed

SPAN = 60
"""Seconds over which the rate of readings is measured."""
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
    """The readings of the last minute, and the newest time of any. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: deque[tuple[int, int]] = deque()
        self._newest: int | None = None

    def note(self, processed: Processed, now: int) -> None:
        """Count these readings as received at `now` (µs UTC). Imports do not count: they are history."""
        batch = processed.accepted
        with self._lock:
            if len(batch.time) and batch.origin is not Origin.IMPORT:
                newest = int(batch.time.max())
                self._newest = max(newest, self._newest or newest)
            if self._counts and now < self._counts[-1][0]:
                self._counts.clear()  # the clock was set back
            if batch.origin is Origin.LIVE:
                self._counts.append((now, processed.received))
            while self._counts and self._counts[0][0] <= now - SPAN * SECOND:
                self._counts.popleft()

    def rate(self, now: int) -> float:
        """Live readings per second over the last minute, accepted or not."""
        with self._lock:
            return sum(count for when, count in self._counts if when > now - SPAN * SECOND) / SPAN

    @property
    def newest(self) -> int | None:
        """The source time of the newest accepted reading, µs UTC."""
        return self._newest
