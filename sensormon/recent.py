"""The newest readings, in memory: what the Live page shows within a tick, store or no store.

Bounded by `KEPT` readings. What it is not: durable, or a place to look further back.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from sensormon.readings import is_good
from sensormon.records import BatchEntry

KEPT = 200_000
"""Readings kept, about: some 20 MB."""


class RecentReadings:
    """Written by the collector, read by the pages."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[BatchEntry] = deque()
        self._rows = 0

    def append(self, entry: BatchEntry) -> None:
        """Add a batch that is durable."""
        with self._lock:
            self._entries.append(entry)
            self._rows += len(entry.processed.accepted)
            while self._rows > KEPT and len(self._entries) > 1:
                self._rows -= len(self._entries.popleft().processed.accepted)

    @property
    def first_id(self) -> int | None:
        """The lowest reading id in memory; None when there is none."""
        with self._lock:
            return self._entries[0].first_id if self._entries else None

    def newest(self, tags: Iterable[str], since: int) -> dict[str, tuple[int, int]]:
        """By tag, the time of its newest good reading that came in since (µs UTC) and its `n`."""
        wanted, found = set(tags), dict[str, tuple[int, int]]()
        with self._lock:
            entries = list(self._entries)
        for entry in reversed(entries):
            batch = entry.processed.accepted
            if not wanted or batch.received < since:
                break
            good = is_good(batch.quality)
            for code in {batch.tags.index(name) for name in wanted.intersection(batch.tags)}:
                rows = np.flatnonzero(good & (batch.tag == code))
                if len(rows):
                    found[batch.tags[code]] = (
                        int(batch.time[rows[-1]]),
                        int(entry.processed.scores.n[rows[-1]]),
                    )
                    wanted.discard(batch.tags[code])
        return found

    def frame(self, since: int, tags: Sequence[str] | None = None) -> pd.DataFrame:
        """The readings in memory with time >= since, in order of arrival, as the store gives them."""
        with self._lock:
            entries = list(self._entries)
        frames = [_frame(entry, since, tags) for entry in entries if len(entry.processed.accepted)]
        if not frames:
            return pd.DataFrame(_COLUMNS)
        columns = {name: np.concatenate([frame[name] for frame in frames]) for name in frames[0]}
        table = pd.DataFrame(columns)
        for name in ("time", "received"):
            table[name] = table[name].astype("datetime64[us]").dt.tz_localize("UTC")
        return table


def _frame(
    entry: BatchEntry, since: int, tags: Sequence[str] | None
) -> dict[str, np.ndarray[tuple[int], np.dtype[np.generic]]]:
    batch, scores = entry.processed.accepted, entry.processed.scores
    keep = batch.time >= since
    if tags is not None:
        keep &= np.array([name in tags for name in batch.tags], dtype=np.bool_)[batch.tag]
    rows = np.flatnonzero(keep)
    count = len(rows)
    names = np.array(batch.tags, dtype=object)
    return {
        "id": entry.first_id + rows,
        "tag": names[batch.tag[rows]],
        "time": batch.time[rows],
        "received": np.full(count, batch.received),
        "value": batch.value[rows],
        "quality": batch.quality[rows],
        "n": scores.n[rows],
        "score": scores.score[rows],
        "expected": scores.expected[rows],
        "lower": scores.lower[rows],
        "upper": scores.upper[rows],
        "is_anomaly": scores.is_anomaly[rows],
        "settings": np.full(count, entry.processed.settings, dtype=np.int32),
        "source": np.full(count, batch.source, dtype=object),
        "origin": np.full(count, str(batch.origin), dtype=object),
    }


_COLUMNS = {
    "id": pd.Series(dtype="int64"),
    "tag": pd.Series(dtype="str"),
    "time": pd.Series(dtype="datetime64[us, UTC]"),
    "received": pd.Series(dtype="datetime64[us, UTC]"),
    "value": pd.Series(dtype="float64"),
    "quality": pd.Series(dtype="uint32"),
    "n": pd.Series(dtype="int64"),
    "score": pd.Series(dtype="float64"),
    "expected": pd.Series(dtype="float64"),
    "lower": pd.Series(dtype="float64"),
    "upper": pd.Series(dtype="float64"),
    "is_anomaly": pd.Series(dtype="bool"),
    "settings": pd.Series(dtype="int32"),
    "source": pd.Series(dtype="str"),
    "origin": pd.Series(dtype="str"),
}
