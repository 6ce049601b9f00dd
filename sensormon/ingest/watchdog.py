"""Tags that have fallen silent, detected by the clock, because a gap never arrives as a reading."""

from __future__ import annotations

import numpy as np

from sensormon.detectors.gap import Gap
from sensormon.model.clock import SECOND
from sensormon.model.readings import Batch, Origin
from sensormon.model.status import Silence
from sensormon.model.tags import TagTable


class Watchdog:
    """Learns how often each tag reports from arrival times, not from the readings' own times.

    The same rule as the detector `gap` at its defaults: 5 usual intervals. Any reading
    counts, of any quality; filled-in and imported ones do not. Needs 21 readings of a
    tag before it judges, and starts afresh with the monitor.
    """

    def __init__(self, tags: TagTable) -> None:
        self._tags = tags
        self._state = Gap().start(np.zeros(len(tags)))
        self._last = np.zeros(len(tags), dtype=np.int64)

    def retag(self, tags: TagTable) -> None:
        """Watch these tags from now on, keeping what was learned of those that stay."""
        state, last = Gap().start(np.zeros(len(tags))), np.zeros(len(tags), dtype=np.int64)
        for code, name in enumerate(tags.names):
            old = self._tags.code(name)
            if old >= 0:
                state.load(code, self._state.save(old))
                last[code] = self._last[old]
        self._tags, self._state, self._last = tags, state, last

    def note(self, batch: Batch) -> None:
        """Record the arrival of these readings."""
        if batch.origin is not Origin.LIVE or not len(batch):
            return
        present = [self._tags.code(batch.tags[code]) for code in np.unique(batch.tag)]
        codes = np.array([code for code in present if code >= 0], dtype=np.int32)
        rows = len(codes)
        received = np.full(rows, batch.received, dtype=np.int64)
        if rows and batch.received < self._last[codes].max():
            self._state = Gap().start(np.zeros(len(self._tags)))  # the clock was set back
        self._last[codes] = batch.received
        self._state.run(codes, np.zeros(rows), np.ones(rows, dtype=np.bool_), received)

    def silent(self, now: int) -> tuple[Silence, ...]:
        """The tags that are overdue at `now` (µs UTC), the longest silence first."""
        overdue = np.flatnonzero(self._state.silent(now))
        tags = [self._tags[self._tags.names[code]] for code in overdue]
        seconds = ((now - self._last[overdue]) / SECOND).tolist()
        silences = [Silence(tag.name, tag.label, age) for tag, age in zip(tags, seconds, strict=True)]
        return tuple(sorted(silences, key=lambda silence: -silence.seconds))
