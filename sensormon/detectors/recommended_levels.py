"""The levels at which a tag was: those between which it jumps, and the farthest ones.

A tag that jumps between levels, as a pump does, is judged at each by the mean and the noise that it
had there. A jump to a known level is no event.
"""

from __future__ import annotations

import numba
import numpy as np

from sensormon.detectors.few_values import ordered
from sensormon.detectors.kernel import HIGHEST
from sensormon.detectors.recommended_row import AT, JUMPS, LEVEL, OF, REACH
from sensormon.detectors.recommended_tail import tally_run
from sensormon.model.readings import Floats

NOWHERE = -1


@numba.njit(cache=False)
def _place(row: Floats, level: int) -> Floats:
    """What is kept of a level."""
    first = AT.levels + OF.size * level
    return row[first : first + OF.size]


@numba.njit(cache=False)
def known_level(row: Floats, value: float, sigma: float) -> int:
    """The number of the known level that a reading is at, but for the present one; NOWHERE if none.

    `sigma` is the standard deviation around the present level, in the tag's unit.
    """
    best, least = NOWHERE, JUMPS.near
    for j in range(JUMPS.levels):
        level = _place(row, j)
        is_known = level[OF.visits] >= JUMPS.visits or level[OF.readings] >= JUMPS.stay
        if is_known and j != int(row[AT.here]):
            off = abs(value - level[OF.centre]) / max(sigma, level[OF.sigma] * row[AT.unit])
            if off <= least:
                best, least = j, off
    return best


@numba.njit(cache=False)
def _leave(row: Floats) -> None:
    """Write down the present level, which the tag leaves."""
    level = _place(row, int(row[AT.here]))
    if level[OF.visits] == 0.0:  # the one of the warm-up
        level[OF.visits] = JUMPS.visits
    level[OF.centre], level[OF.readings], level[OF.sigma] = row[AT.centre], row[AT.readings], row[AT.sigma]
    level[OF.last] = row[AT.jumps]


@numba.njit(cache=False)
def _arrive(row: Floats, target: int) -> None:
    """Count a jump to this level."""
    level = _place(row, int(row[AT.here]))
    shortest = level[OF.shortest]
    level[OF.shortest] = min(row[AT.stay], 1.05 * shortest) if shortest > 0.0 else row[AT.stay]
    row[AT.previous], row[AT.previous_stay], row[AT.stay] = row[AT.here], row[AT.stay], 0.0
    row[AT.jumps] += 1.0
    row[AT.lately] += 1.0
    _place(row, target)[OF.visits] += 1.0


@numba.njit(cache=False)
def go(row: Floats, target: int) -> bool:
    """Let the tag be at this level; whether it has come back from a visit too short to be one."""
    _leave(row)
    level = _place(row, int(row[AT.here]))
    is_back = target == int(row[AT.previous]) and row[AT.stay] * JUMPS.short < level[OF.shortest]
    if is_back:
        row[AT.stay] += row[AT.previous_stay]
    else:
        _arrive(row, target)
    level = _place(row, target)
    row[AT.here] = target
    row[AT.centre], row[AT.readings], row[AT.sigma] = level[OF.centre], level[OF.readings], level[OF.sigma]
    row[AT.level], row[AT.recent] = row[AT.centre], row[AT.centre]
    row[AT.before], row[AT.other] = 0.0, 0.0
    tally_run(row)
    return is_back


@numba.njit(cache=False)
def settle(row: Floats, centre: float, sigma: float) -> bool:
    """Let the tag be at a level that it jumped to unexpectedly; whether it was there before.

    `centre` and `sigma`, the standard deviation around the level left, are in the tag's unit.
    """
    _leave(row)
    here = int(row[AT.here])
    best, least, oldest = NOWHERE, JUMPS.near * sigma, 1 if here == 0 else 0
    for j in range(JUMPS.levels):
        level = _place(row, j)
        if j != here and level[OF.visits] > 0.0 and abs(level[OF.centre] - centre) <= least:
            best, least = j, abs(level[OF.centre] - centre)
        if j != here and level[OF.last] < _place(row, oldest)[OF.last]:
            oldest = j
    target = best if best != NOWHERE else oldest
    level = _place(row, target)
    if best == NOWHERE:
        row[AT.strays] += 1.0
        level[OF.centre], level[OF.readings], level[OF.sigma] = centre, LEVEL.settled, row[AT.sigma]
        level[OF.visits], level[OF.shortest] = 0.0, 0.0
    _arrive(row, target)
    level[OF.last] = row[AT.jumps]
    row[AT.here], row[AT.sigma] = target, level[OF.sigma]
    return best != NOWHERE


@numba.njit(cache=False)
def beyond_all(row: Floats, sigma: float) -> float:
    """How far the level is beyond the farthest ends of the stretches so far, 1 at the limit."""
    ends = int(row[AT.ends])
    if ends < REACH.least:
        return 0.0
    lows, highs = row[AT.lows : AT.lows + ends], row[AT.highs : AT.highs + ends]
    above, below = row[AT.near] - np.max(highs), np.min(lows) - row[AT.near]
    if max(above, below) <= 0.0:
        return 0.0
    edges = ordered(highs if above > 0.0 else lows)
    quartile = ends // 4
    margin = REACH.margin * sigma + REACH.spread * (edges[ends - 1 - quartile] - edges[quartile])
    return float(min(max(above, below) / max(margin, max(above, below) / HIGHEST), HIGHEST))


@numba.njit(cache=False)
def take_in(row: Floats) -> None:
    """From now on the present level is one of those that were seen."""
    last = int(row[AT.ends]) - 1
    row[AT.lows + last] = min(row[AT.lows + last], row[AT.near])
    row[AT.highs + last] = max(row[AT.highs + last], row[AT.near])


@numba.njit(cache=False)
def follow(row: Floats, value: float) -> None:
    """One more reading, in the tag's unit and not too far off, into the level and its stretch."""
    row[AT.near] += (value - row[AT.near]) / REACH.memory
    row[AT.low] = min(row[AT.low], row[AT.near])
    row[AT.high] = max(row[AT.high], row[AT.near])
    row[AT.passed] += 1.0
    if row[AT.passed] < row[AT.length]:
        return
    ends = int(row[AT.ends])
    if ends == REACH.stretches:
        for j in range(ends // 2):
            row[AT.lows + j] = min(row[AT.lows + 2 * j], row[AT.lows + 2 * j + 1])
            row[AT.highs + j] = max(row[AT.highs + 2 * j], row[AT.highs + 2 * j + 1])
        row[AT.length] *= 2.0
        row[AT.ends] = ends // 2
    else:
        row[AT.lows + ends], row[AT.highs + ends] = row[AT.low], row[AT.high]
        row[AT.ends] = ends + 1.0
        row[AT.low], row[AT.high], row[AT.passed] = row[AT.near], row[AT.near], 0.0
