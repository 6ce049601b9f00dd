"""The course of a tag of states over a span: in which state it was from when to when.

Long spans keep changes, never means: a state is not between two others. Times are microseconds UTC.
Pure functions on arrays. What it is not: words; a state is a code here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sensormon.model.readings import Bools, Floats, Ints
from sensormon.model.timestamps import micros

PARTS = 2_000
"""Of each of so many parts of a span the first and the last change are kept; a part is about a pixel."""


@dataclass(frozen=True)
class Stretch:
    """The state `code` from `start` to `end`; `quality` is 0 for good, 1 for uncertain, 2 for bad."""

    start: int
    end: int
    code: float
    quality: int


def changes(value: Floats, quality: Ints) -> Bools:
    """Which readings, in order of time, differ from the one before in state or quality; the first does."""
    if not len(value):
        return np.zeros(0, dtype=np.bool_)
    differs: Bools = np.ones(len(value), dtype=np.bool_)
    differs[1:] = (np.diff(value) != 0) | (np.diff(quality) != 0)
    return differs


def sent_on_change(readings: int, changed: int) -> bool:
    """Whether a tag is sent when its state changes, and not regularly: `changed` of its readings differ.

    Such a tag has no gaps: a state lasts until the next reading, however long that takes. A tag of
    which most readings repeat the state is sent regularly, and what is missing is a gap.
    """
    return 2 * (changed - 1) > readings - 1


def of_frame(readings: pd.DataFrame) -> tuple[Ints, Floats, Ints]:
    """Time, code and quality (0 good, 1 uncertain, 2 bad) of these readings, in order of time."""
    time = micros(readings["time"])
    order = np.argsort(time, kind="stable")
    quality = readings["quality"].to_numpy(dtype=np.uint32)[order] >> np.uint32(30)
    value = readings["value"].to_numpy(dtype=np.float64)[order]
    return time[order], value, np.minimum(quality.astype(np.int64), 2)


def stretches(
    time: Ints, value: Floats, quality: Ints, gaps: Sequence[tuple[int, int]], until: int
) -> list[Stretch]:
    """The stretches between changes; a state lasts until the next one, or until a gap begins.

    `gaps` are stretches without readings, in order of time, `until` is where the last state ends.
    """
    if not len(time):
        return []
    differs = changes(value, quality)
    starts = np.flatnonzero(differs)
    ends = np.append(time[starts[1:]], until)
    result: list[Stretch] = []
    rows = zip(starts.tolist(), ends.tolist(), strict=True)
    for row, end in rows:
        start = int(time[row])
        for left, right in gaps:
            if left >= end:
                break
            if right <= start:
                continue
            if left >= start:
                result.append(Stretch(start, int(left), float(value[row]), int(quality[row])))
            start = int(right)
        if start < end:
            result.append(Stretch(start, int(end), float(value[row]), int(quality[row])))
    return result
