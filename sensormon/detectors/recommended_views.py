"""The views of the recommended detector: unlike ways in which a course of numbers can be new.

An input of a tag is a course of numbers in a unit of its own. Each view says how far the newest number
stands out from all that the input has done so far:

- record: by how much of the range so far it lies beyond that range;
- shape: how far the last 8 numbers are from the nearest of the shapes that are remembered;
- course: the same for the last 32, taken as eight means of 4, at every second number;
- order: how many bits the newest levels cost a code that has learned which level follows which. A level
  never seen after the one before is coded by how often it was seen at all, after an escape.

But for the record, a view is in standard deviations above its own mean so far, 0 below and at most
`MOST`. What a view says holds for `HELD` readings. All that is remembered is bounded: shapes by number, the
oldest make room; counts by halving. Shapes and counts are 32-bit numbers inside a row's 64-bit places.

These functions are compiled into the detector's kernel. They are not cached by
themselves: see `kernel.row_kernel`.

References: Yeh et al., ICDM 2016 (the nearest other shape: the matrix profile and its discords); Cleary and
Witten, IEEE Transactions on Communications 32 (1984) 396, and Moffat, the same 38 (1990) 1917 (partial
matching with escapes).
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from sensormon.model.readings import Floats

WARM_UP = 150
"""Numbers that are learned before a view speaks."""
MOST = 10.0
"""A view says no more than this."""
HELD = 10
"""Readings for which it holds what a view says."""
MEMORY = 5000.0
"""Numbers over which a view's mean and standard deviation are taken."""
ABSURD = 100.0
"""In standard deviations: a view learns no more of a number, so that a glitch does not blind it."""

RECORD, SHAPE, COURSE, ORDER = range(4)
"""The views."""
VIEWS = 4


class Records(NamedTuple):
    """The view of numbers beyond all that were seen."""

    gain: float = 40.0  # a share of the range of 1 counts as this
    growth: float = 1.0  # share of the range by which one number extends it at most


class Shapes(NamedTuple):
    """The views of shapes that are unlike all that are remembered."""

    kept: int = 64  # shapes that are remembered
    width: int = 8  # numbers of a shape
    group: int = 4  # readings whose mean is a number of a course
    every: int = 2  # readings from one course to the next
    novel: float = 0.3  # share of the largest distance so far; one that is farther off is remembered
    growth: float = 2.0  # times the largest distance so far: one shape makes it no larger
    fade: float = 1.0 / 20_000.0  # what the largest distance loses with each shape


class Orders(NamedTuple):
    """The view of levels that follow one another in an unusual order."""

    levels: float = 12.0  # of a unit
    ring: int = 32  # levels, after which their numbers start over
    group: int = 4  # readings whose mean has a level
    bits: int = 5  # code lengths whose mean is judged
    start: int = 40  # code lengths before the first is judged
    neighbour: float = 0.5  # what a count of the level above or below is worth
    full: float = 5000.0  # a context's counts are halved here
    least: float = 0.5  # bits: the standard deviation is not less


RECORDS, SHAPES, ORDERS = Records(), Shapes(), Orders()

_LEAST = 1e-6  # units: the standard deviation of a distance is not less
_SPAN = SHAPES.width * SHAPES.group
_WORDS = SHAPES.kept * SHAPES.width // 2  # places of the shapes
_CONTEXT = ORDERS.ring + 2  # counts of a context: one a level, their sum, the levels seen
_COUNTS = (ORDERS.ring + 1) * _CONTEXT  # one context a level before, and one for none


class Places(NamedTuple):
    """Where the block of an input keeps what, in the input's unit."""

    low: int = 0  # the range so far
    high: int = 1
    farthest: int = 2  # the largest distance so far, of shapes and of courses
    remembered: int = 4  # how many were ever remembered, of both
    group: int = 6  # sum of a group of readings that is not complete
    level: int = 7  # the level before
    blocks: int = 8  # levels so far
    bits: int = 9  # the last code lengths
    statistics: int = 9 + Orders().bits  # mean, variance and count of shape, course and order
    recent: int = (
        18 + Orders().bits
    )  # the last `_SPAN` numbers, twice, so that a stretch of them is contiguous
    means: int = 18 + Orders().bits + 2 * _SPAN  # the course that is looked at
    held: int = 18 + Orders().bits + 2 * _SPAN + Shapes().width  # what each view said of the last readings
    shapes: int = 18 + Orders().bits + 2 * _SPAN + Shapes().width + VIEWS * HELD
    courses: int = 18 + Orders().bits + 2 * _SPAN + Shapes().width + VIEWS * HELD + _WORDS
    counts: int = 18 + Orders().bits + 2 * _SPAN + Shapes().width + VIEWS * HELD + 2 * _WORDS
    size: int = 18 + Orders().bits + 2 * _SPAN + Shapes().width + VIEWS * HELD + 2 * _WORDS + _COUNTS // 2


BLOCK = Places()


@numba.njit(cache=False)
def look(block: Floats, n: int, value: float, least: float) -> None:
    """Let each view judge the input's number `n`, counted from 0, then learn it.

    A difference of up to `least` is not new.
    """
    judged = n >= WARM_UP
    slot = BLOCK.held + n % HELD
    block[slot + RECORD * HELD] = _record(block, n, value, least)
    block[BLOCK.recent + n % _SPAN] = value
    block[BLOCK.recent + n % _SPAN + _SPAN] = value

    z = 0.0
    if n >= SHAPES.width - 1:
        start = BLOCK.recent + (n - SHAPES.width + 1) % _SPAN
        distance = _novelty(block, 0, block[start : start + SHAPES.width])
        z = _standardised(block, SHAPE - 1, distance, _LEAST, judged)
        if distance <= least:
            z = 0.0
    block[slot + SHAPE * HELD] = z

    z = 0.0
    if n >= _SPAN - 1 and n % SHAPES.every == 0:
        start = BLOCK.recent + (n + 1) % _SPAN
        means = block[BLOCK.means : BLOCK.means + SHAPES.width]
        for j in range(SHAPES.width):
            total = 0.0
            for k in range(SHAPES.group):
                total += block[start + j * SHAPES.group + k]
            means[j] = total / SHAPES.group
        distance = _novelty(block, 1, means)
        z = _standardised(block, COURSE - 1, distance, _LEAST, judged)
        if distance <= least:
            z = 0.0
    block[slot + COURSE * HELD] = z

    z = 0.0
    block[BLOCK.group] += value
    if (n + 1) % ORDERS.group == 0:
        blocks = int(block[BLOCK.blocks])
        block[BLOCK.bits + blocks % ORDERS.bits] = _code_length(block, block[BLOCK.group] / ORDERS.group)
        block[BLOCK.group] = 0.0
        block[BLOCK.blocks] += 1.0
        if blocks >= ORDERS.bits:
            bits = np.sum(block[BLOCK.bits : BLOCK.bits + ORDERS.bits]) / ORDERS.bits
            ready = judged and blocks >= ORDERS.start
            z = _standardised(block, ORDER - 1, bits, ORDERS.least, ready)
    block[slot + ORDER * HELD] = z


@numba.njit(cache=False)
def largest(block: Floats, view: int) -> float:
    """What this view says now: its largest of the last `HELD` readings."""
    most: float = 0.0
    for j in range(BLOCK.held + view * HELD, BLOCK.held + view * HELD + HELD):
        most = max(most, block[j])
    return float(most)


@numba.njit(cache=False)
def _record(block: Floats, n: int, value: float, least: float) -> float:
    """By how much the number lies beyond the range so far, which then takes it in.

    One number extends the range by as much again at most, so that a glitch does not blind the view.
    """
    if n == 0:
        block[BLOCK.low], block[BLOCK.high] = value, value
        return 0.0
    beyond = max(value - block[BLOCK.high], block[BLOCK.low] - value)
    if beyond <= 0.0:
        return 0.0
    width = max(block[BLOCK.high] - block[BLOCK.low], least)
    taken = min(beyond, RECORDS.growth * width) if n >= WARM_UP else beyond
    if value > block[BLOCK.high]:
        block[BLOCK.high] += taken
    else:
        block[BLOCK.low] -= taken
    if n < WARM_UP or beyond <= least:
        return 0.0
    return float(min(RECORDS.gain * beyond / max(width, 1e-300), MOST))


@numba.njit(cache=False)
def _standardised(block: Floats, statistic: int, number: float, floor: float, judged: bool) -> float:
    """The number in standard deviations above the mean so far, both of which then take it in."""
    at = BLOCK.statistics + 3 * statistic
    off = number - block[at]
    deviation = max(np.sqrt(block[at + 1]), floor)
    z = 0.0
    if judged:
        z = max(min(off / deviation, MOST), 0.0)
        off = min(off, ABSURD * deviation)
    block[at + 2] = min(block[at + 2] + 1.0, MEMORY)
    weight = 1.0 / block[at + 2]
    block[at] += off * weight
    block[at + 1] = (1.0 - weight) * (block[at + 1] + weight * off * off)
    return z


@numba.njit(cache=False)
def _novelty(block: Floats, which: int, shape: Floats) -> float:
    """The root mean square distance to the nearest remembered shape; if large, this one is remembered."""
    at = BLOCK.shapes + which * _WORDS
    shapes = block[at : at + _WORDS].view(np.float32)
    count = int(block[BLOCK.remembered + which])
    distance = 0.0
    if count > 0:
        distance = np.sqrt(_nearest(shapes, min(count, SHAPES.kept), shape) / SHAPES.width)
    farthest = block[BLOCK.farthest + which] * (1.0 - SHAPES.fade)
    if distance > farthest:
        farthest = min(distance, SHAPES.growth * farthest) if farthest > 0.0 else distance
    block[BLOCK.farthest + which] = farthest
    if count == 0 or distance > SHAPES.novel * farthest:
        slot = count % SHAPES.kept
        for j in range(SHAPES.width):
            shapes[j * SHAPES.kept + slot] = np.float32(shape[j])
        block[BLOCK.remembered + which] += 1.0
    return distance


# Nothing here is NaN; without that promise the shapes would be compared one by one.
@numba.njit(cache=False, fastmath={"nnan", "nsz"})
def _nearest(shapes: NDArray[np.float32], count: int, shape: Floats) -> float:
    """The least squared distance to the first `count` shapes; number j of shape k is at j `kept` + k."""
    a, b, c, d = np.float32(shape[0]), np.float32(shape[1]), np.float32(shape[2]), np.float32(shape[3])
    e, f, g, h = np.float32(shape[4]), np.float32(shape[5]), np.float32(shape[6]), np.float32(shape[7])
    kept = SHAPES.kept
    nearest = np.float32(3e38)
    for k in range(count):
        p, q, r, s = shapes[k] - a, shapes[kept + k] - b, shapes[2 * kept + k] - c, shapes[3 * kept + k] - d
        t, u, v, w = (
            shapes[4 * kept + k] - e,
            shapes[5 * kept + k] - f,
            shapes[6 * kept + k] - g,
            shapes[7 * kept + k] - h,
        )
        nearest = min(nearest, p * p + q * q + r * r + s * s + t * t + u * u + v * v + w * w)
    return float(nearest)


@numba.njit(cache=False)
def _code_length(block: Floats, mean: float) -> float:
    """The bits that the level of this mean costs after the level before; then it is counted."""
    ring = ORDERS.ring
    counts = block[BLOCK.counts : BLOCK.counts + _COUNTS // 2].view(np.float32)
    level = int(np.floor(mean * ORDERS.levels) % ring)
    chance = 1.0 / ring
    # The context of no level before first, so that the other may escape to it.
    for context in (ring, int(block[BLOCK.level])):
        if context == ring or block[BLOCK.blocks] > 0.0:
            chance = _chance(counts[context * _CONTEXT : (context + 1) * _CONTEXT], level, chance)
    block[BLOCK.level] = level
    return float(-np.log2(chance))


@numba.njit(cache=False)
def _chance(context: NDArray[np.float32], level: int, otherwise: float) -> float:
    """The chance of this level in this context, by escape if it was never seen there; then it is counted."""
    ring = ORDERS.ring
    total, kinds = float(context[ring]), float(context[ring + 1])
    near = float(context[(level + 1) % ring]) + float(context[(level - 1) % ring])
    times = float(context[level]) + ORDERS.neighbour * near
    chance = otherwise
    if total > 0.0:
        chance = times / (total + kinds) if times > 0.0 else otherwise * kinds / (total + kinds)
    if context[level] == 0.0:
        context[ring + 1] += np.float32(1.0)
    context[level] += np.float32(1.0)
    context[ring] += np.float32(1.0)
    if context[ring] >= ORDERS.full:
        for j in range(ring + 1):
            context[j] *= np.float32(0.5)
    return chance
