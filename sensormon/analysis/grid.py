"""Readings on a regular grid of time: its step, and what fills a cell without readings.

A cell of the grid has the mean of its good readings, NaN without any. Times are µs UTC. Pure functions.
"""

from __future__ import annotations

import numpy as np

from sensormon.analysis.gaps import GAP
from sensormon.model.clock import DAY, MINUTE, SECOND
from sensormon.model.readings import Floats

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


def step_for(interval: float, least: float) -> int:
    """The step (µs) of a grid for readings `interval` apart, no finer than `least`; whole days beyond one."""
    wanted = max(_SLACK * interval, least)
    return next((step for step in STEPS if step >= wanted), max(1, -int(-wanted // DAY)) * DAY)


def divided(step: int, interval: float, most: int) -> int:
    """Into how many equal parts, `most` at most, a cell can be divided that still have readings."""
    room = min(most, int(step // max(1.0, _SLACK * interval)))
    return next((parts for parts in range(room, 1, -1) if step % parts == 0), 1)


def empty_allowed(interval: float, step: int) -> int:
    """How many empty cells in a row are no gap yet, if readings come `interval` apart."""
    return int(GAP * interval // step)


def bridged(cells: Floats, most: int) -> Floats:
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
