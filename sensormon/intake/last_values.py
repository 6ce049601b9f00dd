"""The last value of each tag, for readings of bad quality that come without one.

A device whose sensor has failed says so and gives no value, or none that means anything. Such a reading is
kept as its quality with the last usable value, as OPC calls it: a number, or the word of a state. Before
there is one it stays without, which validation refuses and counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sensormon.model.readings import Batch, Bools, is_good

Content = float | str

MOST = 100_000
"""Tags whose values are remembered: names come from outside, and endless ones cost no memory."""


class LastValues:
    """Of one run of a source; `earlier` has the last value of a tag from before it. Not thread-safe."""

    def __init__(self, earlier: Callable[[str], Content | None] = lambda _: None) -> None:
        self._earlier = earlier
        self._last: dict[str, tuple[int, Content]] = {}

    def filled(self, batch: Batch) -> Batch:
        """The batch, in order of time, with the last values in place of those that its readings of bad
        quality lack. The last value is the one with the latest own time that is no later than the reading;
        of a reading from before all that are known here, the last that is known.
        """
        usable = np.isfinite(batch.value)
        if batch.word is not None:
            usable |= batch.word >= 0
        lacks = ~usable & ~is_good(batch.quality)
        complete = self._with_values(batch, usable, lacks) if lacks.any() else batch
        last = np.full(len(batch.tags), -1, dtype=np.int64)
        rows = np.flatnonzero(usable)
        last[batch.tag[rows]] = rows  # of a tag's rows the last one stays
        for code in np.flatnonzero(last >= 0).tolist():
            name, time = batch.tags[code], int(batch.time[last[code]])
            if name not in self._last or self._last[name][0] <= time:
                self._last.pop(name, None)  # the newest stand last
                self._last[name] = time, _content(batch, int(last[code]))
        if len(self._last) > 2 * MOST:
            self._last = dict([*self._last.items()][-MOST:])
        return complete

    def _with_values(self, batch: Batch, usable: Bools, lacks: Bools) -> Batch:
        value, words = batch.value.copy(), list(batch.words)
        word = np.full(len(batch), -1, dtype=np.int32) if batch.word is None else batch.word.copy()
        before: dict[int, int] = {}
        for row, code in enumerate(batch.tag.tolist()):
            if usable[row]:
                before[code] = row
            elif lacks[row]:
                content = self._at(batch, row, before.get(code))
                if isinstance(content, str):
                    if content not in words:
                        words.append(content)
                    word[row] = words.index(content)
                elif content is not None:
                    value[row] = content
        if not words:
            return replace(batch, value=value)
        return replace(batch, value=value, words=tuple(words), word=word)

    def _at(self, batch: Batch, row: int, before: int | None) -> Content | None:
        """The last value for this row; `before` is the row of one before it in the batch."""
        name = batch.tags[batch.tag[row]]
        last = self._last.get(name)
        if before is not None and (last is None or not batch.time[before] < last[0] <= batch.time[row]):
            return _content(batch, before)
        return self._earlier(name) if last is None else last[1]


def _content(batch: Batch, row: int) -> Content:
    """The value of this row, or its word."""
    if batch.word is not None and batch.word[row] >= 0:
        return str(batch.words[batch.word[row]])
    return float(batch.value[row])
