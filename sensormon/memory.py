"""The last readings of each tag: what tells a duplicate, and what a restart rebuilds from.

A duplicate has the tag, the time and the value of a reading that was accepted before.
Another value at the same time is no duplicate: senders with second resolution do that.
The memory is bounded, `KEPT` readings a tag, so an older duplicate is not recognised;
re-sending a whole file or request is recognised by its own key, not here.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from sensormon.readings import Bools, Floats, Ints

KEPT = 1024
"""Readings remembered of each tag; more than the largest window."""

_NEVER = np.iinfo(np.int64).min


class TagMemory:
    """The last `KEPT` accepted readings of each of `tags` tags, by tag code."""

    def __init__(self, tags: int) -> None:
        self._time = np.zeros((tags, KEPT), dtype=np.int64)
        self._value = np.zeros((tags, KEPT), dtype=np.float64)
        self._learned = np.zeros((tags, KEPT), dtype=np.bool_)
        self._count = np.zeros(tags, dtype=np.int64)
        self._intact = np.zeros(tags, dtype=np.int64)  # older rows were overwritten, then forgotten
        self._newest = np.full(tags, _NEVER, dtype=np.int64)

    def admit(self, tag: NDArray[np.int32], time: Ints, value: Floats, learned: Bools) -> Bools:
        """Remember these readings, in order; True for each that was there before.

        `learned` says which of them a detector learns from (good quality).
        """
        duplicate = np.zeros(len(tag), dtype=np.bool_)
        _admit(
            tag, time, value, learned,
            self._time, self._value, self._learned, self._count, self._newest, duplicate,
        )  # fmt: skip
        return duplicate

    def forget(self, tag: NDArray[np.int32]) -> None:
        """Forget the newest readings again: one of tag `tag[i]` for each i."""
        for code, times in zip(*np.unique(tag, return_counts=True), strict=True):
            count = self._count[code]
            self._time[code, np.arange(max(0, count - times), count) % KEPT] = _NEVER
            self._intact[code] = max(self._intact[code], count - KEPT)
            self._count[code] = max(0, count - times)
            rows = self._rows(int(code))
            self._newest[code] = self._time[code, rows].max() if len(rows) else _NEVER

    def restore(self, tag: int, time: Ints, value: Floats, learned: Bools) -> None:
        """Remember these readings of one tag, oldest first, and no others."""
        last = slice(-KEPT, None)
        kept = len(time[last])
        self._time[tag, :kept] = time[last]
        self._value[tag, :kept] = value[last]
        self._learned[tag, :kept] = learned[last]
        self._count[tag] = kept
        self._intact[tag] = 0
        self._newest[tag] = time[last].max() if kept else _NEVER

    def learned(self, tag: int) -> Floats:
        """The values of this tag that a detector has learned, oldest first."""
        rows = self._rows(tag)
        values: Floats = self._value[tag, rows][self._learned[tag, rows]]
        return values

    def _rows(self, tag: int) -> Ints:
        count = int(self._count[tag])
        return np.arange(max(int(self._intact[tag]), count - KEPT), count, dtype=np.int64) % KEPT


@numba.njit(cache=True)
def _admit(  # type: ignore[no-untyped-def]
    tag, time, value, learned, kept_time, kept_value, kept_learned, count, newest, duplicate
):  # pragma: no cover
    size = kept_time.shape[1]
    for i in range(len(tag)):
        code = tag[i]
        if time[i] <= newest[code]:
            for j in range(min(count[code], size)):
                if kept_time[code, j] == time[i] and kept_value[code, j] == value[i]:
                    duplicate[i] = True
                    break
            if duplicate[i]:
                continue
        else:
            newest[code] = time[i]
        slot = count[code] % size
        kept_time[code, slot] = time[i]
        kept_value[code, slot] = value[i]
        kept_learned[code, slot] = learned[i]
        count[code] += 1
