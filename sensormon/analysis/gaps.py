"""Which readings a chart draws: where its line breaks, and what it leaves out of a long span.

Times are microseconds UTC, in ascending order. Pure functions on arrays.
"""

from __future__ import annotations

import numpy as np

from sensormon.model.readings import Bools, Floats, Ints

GAP = 3
"""Two readings further apart than this many usual intervals have a gap between them."""

LIMIT = 2000
"""About how many readings a line has; flagged ones are never left out."""


def usual_interval(time: Ints) -> float:
    """The median step between two readings (µs); 0 for fewer than three."""
    steps = np.diff(time)
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) > 1 else 0.0


def breaks(time: Ints, interval: float) -> Ints:
    """The number of gaps before each reading: readings with the same number are one stretch of line."""
    if not len(time):
        return np.zeros(0, dtype=np.int64)
    apart = np.diff(time, prepend=time[0]) > GAP * interval
    result: Ints = np.cumsum(apart & (interval > 0), dtype=np.int64)
    return result


def gaps(time: Ints, interval: float, span: tuple[int, int]) -> list[tuple[int, int]]:
    """The stretches of the span without data, its two ends included.

    Fewer than three readings say nothing about the usual interval: then an empty span is
    one gap, and any other has none.
    """
    since, until = span
    if not len(time):
        return [(since, until)]
    if interval <= 0:
        return []
    marks = np.concatenate(([since], time, [until]))
    at = np.flatnonzero(np.diff(marks) > GAP * interval)
    return [(int(marks[i]), int(marks[i + 1])) for i in at]


def kept_rows(time: Ints, value: Floats, special: Bools, span: tuple[int, int], limit: int = LIMIT) -> Ints:
    """The rows to draw: all, or the lowest and highest of each part of the span.

    Rows that are `special`, and the first and last, are always kept.
    """
    rows = len(time)
    if rows <= limit:
        return np.arange(rows, dtype=np.int64)
    since, until = span
    part = (time - since) * (limit // 2) // max(1, until - since + 1)
    first = np.flatnonzero(np.diff(part, prepend=part[0] - 1))
    keep = special.copy()
    keep[[0, -1]] = True
    for extreme in (np.fmin, np.fmax):  # sorting the values of each part takes ten times as long
        reached = extreme.reduceat(value, first)
        at = np.flatnonzero(value == np.repeat(reached, np.diff(first, append=rows)))
        keep[at[np.diff(part[at], prepend=part[0] - 1) != 0]] = True
    return np.flatnonzero(keep)
