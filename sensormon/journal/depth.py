"""How much of the journal the store had not loaded yet, over the last hour."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np
import pandas as pd

from sensormon.model.clock import SECOND

KEPT = 3_600
"""Samples, at most one a second."""


class JournalDepth:
    """One sample per second with a change: the most readings that waited, and the longest wait.

    Kept in memory only; each start begins with none.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int, float]] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def add(self, now: int, readings: int, oldest: int | None) -> None:
        """At `now` (µs UTC) this many readings wait, the oldest since `oldest`; None if none waits."""
        age = max(0.0, (now - oldest) / SECOND) if oldest is not None else 0.0
        second = now // SECOND * SECOND
        with self._lock:
            if self._samples and self._samples[-1][0] > second:
                self._samples.clear()  # the clock was set back
            if self._samples and self._samples[-1][0] == second:
                _, most, longest = self._samples.pop()
                readings, age = max(readings, most), max(age, longest)
            self._samples.append((second, readings, age))

    def frame(self) -> pd.DataFrame:
        """`time` (UTC), `readings` and `age` (seconds of the oldest), oldest sample first."""
        with self._lock:
            samples = list(self._samples)
        columns = np.array(samples, dtype=np.float64).reshape(-1, 3)
        return pd.DataFrame(
            {
                "time": pd.to_datetime(columns[:, 0].astype(np.int64), unit="us", utc=True),
                "readings": columns[:, 1].astype(np.int64),
                "age": columns[:, 2],
            }
        )
