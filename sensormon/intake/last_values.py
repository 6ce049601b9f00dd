"""The last value of each tag, for readings of bad quality that come without one.

A device whose sensor has failed says so and gives no value, or none that means anything. Such a reading is
kept as its quality with the last usable value, as OPC calls it. Before there is one it stays without, which
validation refuses and counts.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sensormon.model.readings import Batch, is_good

MOST = 100_000
"""Tags whose values are remembered: names come from outside, and endless ones cost no memory."""


class LastValues:
    """Of one run of a source. Not thread-safe."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def filled(self, batch: Batch) -> Batch:
        """The batch, with the last values in place of those that its readings of bad quality lack.

        Words are left alone.
        """
        has_value = np.isfinite(batch.value)
        lacks = ~has_value & ~is_good(batch.quality)
        if batch.word is not None:
            lacks &= batch.word < 0
        if lacks.any():
            value = batch.value.copy()
            for row in np.flatnonzero(lacks).tolist():
                code = batch.tag[row]
                before = np.flatnonzero((batch.tag[:row] == code) & has_value[:row])
                known = self._last.get(batch.tags[code], np.nan)
                value[row] = batch.value[before[-1]] if len(before) else known
            batch = replace(batch, value=value)
        rows = np.flatnonzero(has_value)
        last = np.full(len(batch.tags), -1, dtype=np.int64)
        last[batch.tag[rows]] = rows  # of a tag's rows the last one stays
        for code in np.flatnonzero(last >= 0).tolist():
            name = batch.tags[code]
            self._last.pop(name, None)  # the newest stand last
            self._last[name] = float(batch.value[last[code]])
        if len(self._last) > 2 * MOST:
            self._last = dict([*self._last.items()][-MOST:])
        return batch
