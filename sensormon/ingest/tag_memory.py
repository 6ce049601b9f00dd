"""The last readings of each tag: to recognise duplicates, and to rebuild from after a restart.

A duplicate has the tag, the time and the value of a reading that was accepted before.
Another value at the same time is no duplicate: senders with second resolution do that.
The memory is bounded, `KEPT` good readings per tag, so an older duplicate is not recognised;
re-sending a whole file or request is recognised by its own key, not here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from sensormon.model.readings import Bools, Floats, Ints

KEPT = 1024
"""Readings remembered per tag; more than the largest window."""

_NEVER = np.iinfo(np.int64).min


class TagMemory:
    """The last `KEPT` readings of each tag that a detector learned, and as many others, by tag code."""

    def __init__(self, tags: int) -> None:
        # The second axis: 0 readings that were not learned, 1 those that were.
        self._time = np.zeros((tags, 2, KEPT), dtype=np.int64)
        self._value = np.zeros((tags, 2, KEPT), dtype=np.float64)
        self._count = np.zeros((tags, 2), dtype=np.int64)
        self._intact = np.zeros((tags, 2), dtype=np.int64)  # older rows were overwritten, then forgotten
        self._newest = np.full(tags, _NEVER, dtype=np.int64)

    def duplicates(self, tag: NDArray[np.int32], time: Ints, value: Floats) -> Bools:
        """True for each of these readings that is known already, or from earlier in the batch."""
        duplicate = np.zeros(len(tag), dtype=np.bool_)
        _duplicates(tag, time, value, self._time, self._value, self._count, self._newest.copy(), duplicate)
        return duplicate

    def add(self, tag: NDArray[np.int32], time: Ints, value: Floats, learned: Bools) -> None:
        """Remember these readings, in order. `learned` says which of them a detector learned."""
        _add(tag, time, value, learned.astype(np.int64), self._time, self._value, self._count, self._newest)

    def late(self, tag: NDArray[np.int32], time: Ints) -> Bools:
        """True for each of these readings that is older than a remembered one that was learned."""
        late = np.zeros(len(tag), dtype=np.bool_)
        older = np.flatnonzero(time < self._newest[tag])  # than any that is remembered: few, as a rule
        for code in np.unique(tag[older]).tolist():
            times = self._time[code, 1, self._rows(code, 1)]
            rows = older[tag[older] == code]
            late[rows] = time[rows] < times.max(initial=_NEVER)
        return late

    def last(self, tag: int) -> float | None:
        """The value with the latest own time that is remembered of this tag; None if there is none."""
        times, values, _ = self.history(tag)
        return float(values[np.argmax(times)]) if len(times) else None

    def forget(self, tag: NDArray[np.int32], learned: Bools) -> None:
        """Forget the newest readings again: one of tag `tag[i]` for each i, learned or not."""
        for code in np.unique(tag).tolist():
            for kind in (0, 1):
                times = int(np.count_nonzero((tag == code) & (learned == bool(kind))))
                count = int(self._count[code, kind])
                self._time[code, kind, np.arange(max(0, count - times), count) % KEPT] = _NEVER
                self._intact[code, kind] = max(self._intact[code, kind], count - KEPT)
                self._count[code, kind] = max(0, count - times)
            self._renew_newest(code)

    def restore(self, tag: int, time: Ints, value: Floats, learned: Bools) -> None:
        """Remember these readings of one tag, oldest first, and no others."""
        for kind in (0, 1):
            rows = np.flatnonzero(learned == bool(kind))[-KEPT:]
            self._time[tag, kind, : len(rows)] = time[rows]
            self._value[tag, kind, : len(rows)] = value[rows]
            self._count[tag, kind] = len(rows)
            self._intact[tag, kind] = 0
        self._renew_newest(tag)

    def carried(self, codes: Sequence[int]) -> TagMemory:
        """A memory of other tags: tag i is `codes[i]` here, unknown if that is below 0."""
        other = TagMemory(len(codes))
        here = np.array(codes, dtype=np.int64)
        known = np.flatnonzero(here >= 0)
        for name in ("_time", "_value", "_count", "_intact", "_newest"):
            getattr(other, name)[known] = getattr(self, name)[here[known]]
        return other

    def history(self, tag: int) -> tuple[Ints, Floats, Bools]:
        """The memory of this tag as `restore` takes it: times, values, whether learned."""
        rows = [self._rows(tag, kind) for kind in (0, 1)]
        return (
            np.concatenate([self._time[tag, kind, rows[kind]] for kind in (0, 1)]),
            np.concatenate([self._value[tag, kind, rows[kind]] for kind in (0, 1)]),
            np.repeat([False, True], [len(rows[0]), len(rows[1])]),
        )

    def held(self, tags: NDArray[np.int32]) -> Ints:
        """How many learned readings of each of these tags it has."""
        counts, intact = self._count[tags, 1], self._intact[tags, 1]
        held: Ints = counts - np.maximum(intact, counts - KEPT)
        return held

    def learned(self, tag: int) -> tuple[Floats, Ints]:
        """The values of this tag that a detector has learned and their times, oldest first."""
        rows = self._rows(tag, 1)
        return self._value[tag, 1, rows], self._time[tag, 1, rows]

    def _renew_newest(self, tag: int) -> None:
        times = np.concatenate([self._time[tag, kind, self._rows(tag, kind)] for kind in (0, 1)])
        self._newest[tag] = times.max() if len(times) else _NEVER

    def _rows(self, tag: int, kind: int) -> Ints:
        count = int(self._count[tag, kind])
        first = max(int(self._intact[tag, kind]), count - KEPT)
        return np.arange(first, count, dtype=np.int64) % KEPT


@numba.njit(cache=True)
def _duplicates(
    tag: NDArray[np.int32],
    time: Ints,
    value: Floats,
    kept_time: Ints,
    kept_value: Floats,
    count: Ints,
    newest: Ints,
    duplicate: Bools,
) -> None:  # pragma: no cover
    size = kept_time.shape[2]
    last = np.full(len(newest), -1, dtype=np.int64)  # by tag, its last row of the batch
    previous = np.empty(len(tag), dtype=np.int64)  # by row, the row of its tag before
    for i in range(len(tag)):
        code = tag[i]
        if time[i] <= newest[code]:
            for kind in range(2):
                for j in range(min(count[code, kind], size)):
                    if kept_time[code, kind, j] == time[i] and kept_value[code, kind, j] == value[i]:
                        duplicate[i] = True
                        break
            row, steps = last[code], 0
            while row >= 0 and steps < 2 * size and not duplicate[i]:
                duplicate[i] = time[row] == time[i] and value[row] == value[i]
                row, steps = previous[row], steps + 1
            if duplicate[i]:
                continue
        else:
            newest[code] = time[i]
        previous[i] = last[code]
        last[code] = i


@numba.njit(cache=True)
def _add(
    tag: NDArray[np.int32],
    time: Ints,
    value: Floats,
    learned: Ints,
    kept_time: Ints,
    kept_value: Floats,
    count: Ints,
    newest: Ints,
) -> None:  # pragma: no cover
    size = kept_time.shape[2]
    for i in range(len(tag)):
        code, kind = tag[i], learned[i]
        newest[code] = max(newest[code], time[i])
        slot = count[code, kind] % size
        kept_time[code, kind, slot] = time[i]
        kept_value[code, kind, slot] = value[i]
        count[code, kind] += 1
