"""Readings on a regular grid of time: its step, and what fills a cell without readings.

A cell of the grid has the mean of its good readings, NaN without any. Times are µs UTC. Pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensormon.analysis.gaps import GAP
from sensormon.model.clock import DAY, MINUTE, SECOND
from sensormon.model.readings import Floats, Ints

_MILLISECOND = SECOND // 1_000
_HOUR = 60 * MINUTE
STEPS = tuple(
    unit * count
    for unit, counts in (
        (_MILLISECOND, (1, 2, 5, 10, 20, 50, 100, 200, 500)),
        (SECOND, (1, 2, 5, 10, 15, 20, 30)),
        (MINUTE, (1, 2, 5, 10, 15, 20, 30)),
        (_HOUR, (1, 2, 3, 6, 12)),
    )
    for count in counts
)
"""The steps of a grid (µs) below a day: round in the units in which people count time."""

_SLACK = 0.9  # a sender a little faster than its usual step still fills the cells of a step this wide


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of a grid: all `readings` in each, the `good` ones, their mean."""

    readings: Ints
    good: Ints
    mean: Floats


@dataclass(frozen=True)
class Weighted:
    """What cells say by time; times in seconds, NaN or 0 without any good reading.

    `covered` is the time with a value: with good readings, or in an absence short enough to be bridged.
    `above` and `below` are the parts of it beyond the limits, `integral` is in value times hours, `good` the
    share of the whole span that had good quality.
    """

    covered: float
    mean: float
    integral: float
    above: float
    below: float
    good: float


def weighted(cells: Cells, step: int, interval: float, low: float, high: float) -> Weighted:
    """Mean, integral and times by the clock rather than by readings, which may come unevenly.

    A cell counts with its mean. In one with readings of several qualities the good share counts as good
    time; a bridged cell is good, one with bad readings alone is not.
    """
    value = bridged(cells.mean, empty_allowed(interval, step))
    known = np.isfinite(value)
    width = step / SECOND
    share = np.where(cells.readings > 0, cells.good / np.maximum(cells.readings, 1), known)
    covered = float(known.sum()) * width
    values = value[known]
    return Weighted(
        covered,
        float(values.mean()) if len(values) else np.nan,
        float(values.sum()) * width / 3_600,
        float((values > high).sum()) * width,
        float((values < low).sum()) * width,
        float(share.mean()) if len(share) else 0.0,
    )


def step_for(interval: float, least: float) -> int:
    """The step (µs) of a grid for readings `interval` apart, no finer than `least`; whole days beyond one."""
    wanted = max(_SLACK * interval, least)
    return next((step for step in STEPS if step >= wanted), max(1, -int(-wanted // DAY)) * DAY)


def divided(step: int, interval: float, most: int) -> int:
    """Into how many equal parts, `most` at most, a cell can be divided that still have readings."""
    room = min(most, int(step // max(1.0, _SLACK * interval)))
    return next((parts for parts in range(room, 1, -1) if step % parts == 0), 1)


def empty_allowed(interval: float, step: int) -> int:
    """The most empty cells in a row that do not make a gap, if readings come `interval` apart."""
    return int(GAP * interval // step)


def bridged(cells: Floats, most: float) -> Floats:
    """The cells with up to `most` empty ones in a row filled along a straight line between their neighbours.

    Longer runs, and those at the ends, stay NaN: they are gaps.
    """
    known = np.flatnonzero(np.isfinite(cells))
    if not most or len(known) < 2:
        return cells
    empty = np.flatnonzero(~np.isfinite(cells))
    after = np.searchsorted(known, empty)
    inside = (after > 0) & (after < len(known))
    empty, after = empty[inside], after[inside]
    empty = empty[known[after] - known[after - 1] - 1 <= most]
    filled = cells.copy()
    filled[empty] = np.interp(empty, known, cells[known])
    return filled
