"""Rolling figures that are the same bit for bit wherever the evaluation started.

A running sum that adds and takes away carries the rounding of all that came before. Here time is cut into
blocks as long as the window, at multiples of it since 1970. A window then is the end of one block and the
beginning of the next, each summed up from its own border: what came before a block cannot matter, and
a row costs the same however long the window is.
"""

from __future__ import annotations

import numba
import numpy as np

from sensormon.model.readings import Floats, Ints

COUNT, MEAN, SQUARES, SUM, LOW, HIGH = range(6)
"""The columns of `windowed`; `SQUARES` are summed squares about the mean."""


@numba.njit(cache=True)
def _add(state: Floats, value: float) -> None:
    """Take a value into a state."""
    count = state[0] + 1.0
    off = value - state[1]
    state[1] += off / count
    state[2] += off * (value - state[1])
    state[0] = count
    state[3] += value
    state[4] = min(state[4], value)
    state[5] = max(state[5], value)


@numba.njit(cache=True)
def _clear(state: Floats) -> None:
    state[:4] = 0.0
    state[4] = np.inf
    state[5] = -np.inf


@numba.njit(cache=True)
def windowed(times: Ints, values: Floats, width: int) -> Floats:
    """For each row the figures of the values in time - width < t <= time (µs); NaN values are left out.

    Columns `COUNT` to `HIGH`. The times rise. A row is right only if all rows of the block before its own
    are there.
    """
    rows = len(times)
    ends = np.empty((rows, 6))  # of each row, the figures from it to the end of its block
    state = np.empty(6)
    _clear(state)
    for row in range(rows - 1, -1, -1):
        if row == rows - 1 or times[row] // width != times[row + 1] // width:
            _clear(state)
        if not np.isnan(values[row]):
            _add(state, values[row])
        ends[row] = state
    figures = np.empty((rows, 6))
    _clear(state)
    first = 0
    for row in range(rows):
        block = times[row] // width
        if row == 0 or times[row - 1] // width != block:
            _clear(state)
        if not np.isnan(values[row]):
            _add(state, values[row])
        while times[first] <= times[row] - width:
            first += 1
        figures[row] = state
        if times[first] // width != block and ends[first, 0] > 0.0:
            end = ends[first]
            count = end[0] + state[0]
            off = state[1] - end[1]
            figures[row, 0] = count
            figures[row, 1] = end[1] + off * state[0] / count
            figures[row, 2] = end[2] + state[2] + off * off * end[0] * state[0] / count
            figures[row, 3] = end[3] + state[3]
            figures[row, 4] = min(end[4], state[4])
            figures[row, 5] = max(end[5], state[5])
    return figures
