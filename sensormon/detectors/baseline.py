"""What is normal for a tag: mean and standard deviation that a fault does not teach, for the charts.

The charts (CUSUM, EWMA, Page-Hinkley, EWMS) do not judge a reading by its distance from
the mean but by its residual: what is left once the part that the reading before predicted
is taken away (an AR(1) model, fitted continuously). On independent readings that is the
distance from the mean; on readings that wander, of which a plain chart flags several times
too many, the residuals are independent again. Its price: the more a tag wanders by itself,
the less of a shift is left in the residuals.

- If slow waves are left in the residuals all the same (a model with one coefficient is
  coarse), charts of their sums are widened by `inflation`, which is learned from a weighted
  mean of them.
- Warm-up: the first `WARM_UP` readings are kept, and what lies far from their median is
  left out of the first estimate, so that a glitch among them does no harm.
- Guarded: a reading that the chart flags, or whose residual is beyond `OUTLIER` standard
  deviations, is not learned.
- It follows slow change: every learned reading counts 1/n up to n = `memory`, then less and
  less with age (exponentially weighted), so nothing is ever subtracted.
- It gives in: every reading that is not learned counts 1, every learned one takes a
  quarter away again, and at `accept` it starts over with the last `WARM_UP` readings. So a
  new level is normal after `accept` readings, and a tag of which every third is odd after
  six times as many.
- The standard deviation is at least the sensor's resolution, and a residual within the
  resolution is none.

These functions are compiled into the kernels that use them. The compiler's cache looks at
the kernels' own files only: after a change here remove the cache (`__pycache__`).

References: Alwan and Roberts, Journal of Business & Economic Statistics 6 (1988) 87, for
charts of residuals; Marriott and Pope, Biometrika 41 (1954) 390, for the bias of the
coefficient; Lucas and Crosier, Communications in Statistics A 11 (1982) 2669, for outliers
that a chart must not add up.
"""

from __future__ import annotations

import numba
import numpy as np

from sensormon.detectors.few_values import ordered
from sensormon.detectors.kernel import HIGHEST, ROUNDING
from sensormon.model.readings import Floats

WARM_UP = 100
"""Good readings of a tag before the first is judged."""

OUTLIER = 4.0
"""Residuals beyond this many standard deviations are not learned, and no chart adds up more than that."""

LEAD = 1000
"""Last readings that rebuild a baseline of `memory` 500 well enough."""

_SLOWNESS = 0.1  # weight of the latest residual by which slow waves are detected
_FORGIVEN = 0.25  # of one reading held, by one that is learned
_UPWARD = 2.0
"""How many standard errors above its estimate the coefficient of a wandering tag is taken.

Taken too low it leaves a slow wave in the residuals, which the charts add up to an alarm.
"""
# The places in a row; place 0 counts what the tag has learned (`base.N`).
SEEN = 1  # readings since the row was blank
COUNT = 2  # learned readings that the estimates stand for; 0 in the warm-up
MEAN = 3
SPREAD = 4  # standard deviation about the mean
SIGMA = 5  # standard deviation of the residuals
LAG = 6  # lag-1 correlation, as estimated
PHI = 7  # the coefficient used: corrected, and 0 if it is not significant
PREVIOUS = 8  # the reading before, or what was expected if that was a lone outlier
FOLLOWS = 9  # 1 if the reading before was learned
ODD = 10  # 1 if the reading before was an outlier
HELD = 11  # how near it is to giving in
SLOW = 12  # weighted mean of the latest residuals
INFLATION = 13  # its mean square, as a multiple of what independent residuals have
_RING = 14  # the last WARM_UP readings
SIZE = _RING + WARM_UP
"""How many places of a row are taken; a detector's own begin here."""


@numba.njit(cache=True)
def expected(row: Floats) -> float:
    """What the next reading should be. Only if row[COUNT] > 0."""
    return float(row[MEAN] + row[PHI] * (row[PREVIOUS] - row[MEAN]))


@numba.njit(cache=True)
def step(row: Floats, resolution: float) -> float:
    """The largest difference that is none to this sensor."""
    # 35.2 - 35.1 is a little more than 0.1 in binary: one step must not count as more than one.
    return float(resolution + ROUNDING * abs(row[MEAN]))


@numba.njit(cache=True)
def sigma(row: Floats, resolution: float) -> float:
    """The residuals' standard deviation, at least the sensor's resolution."""
    return float(max(row[SIGMA], step(row, resolution)))


@numba.njit(cache=True)
def residual(row: Floats, resolution: float, value: float) -> float:
    """How many standard deviations the value is off what was expected, from -HIGHEST to HIGHEST."""
    off = value - expected(row)
    if abs(off) <= step(row, resolution):
        return 0.0
    scale = sigma(row, resolution)
    if abs(off) >= scale * HIGHEST:
        return HIGHEST if off > 0.0 else -HIGHEST
    return off / scale


@numba.njit(cache=True)
def inflation(row: Floats) -> float:
    """By how much wider than on independent residuals a chart of their sums must be, at least 1."""
    return float(np.sqrt(max(row[INFLATION], 1.0)))


@numba.njit(cache=True)
def clipped(z: float) -> float:
    """As much of a residual as a chart adds up."""
    return min(max(z, -OUTLIER), OUTLIER)


@numba.njit(cache=False)
def learn(row: Floats, resolution: float, value: float, flagged: bool, memory: float, accept: float) -> bool:
    """Take in a reading that has been judged; True if the baseline has started over."""
    row[_RING + int(row[SEEN]) % WARM_UP] = value
    row[SEEN] += 1.0
    if row[COUNT] == 0.0:
        if row[SEEN] == WARM_UP:
            _begin(row, resolution)
        return False
    outlier = abs(residual(row, resolution, value)) > OUTLIER
    if flagged or outlier:
        row[HELD] += 1.0
        if row[HELD] >= accept:
            _begin(row, resolution)
            return True
        # A lone outlier must not spoil what is expected next; after a second one, it is the new course.
        row[PREVIOUS] = expected(row) if outlier and row[ODD] == 0.0 else value
        row[FOLLOWS] = 0.0
        row[ODD] = 1.0 if outlier else 0.0
        return False
    row[HELD] = max(0.0, row[HELD] - _FORGIVEN)
    _update(row, resolution, value, memory)
    row[PREVIOUS] = value
    row[FOLLOWS] = 1.0
    row[ODD] = 0.0
    return False


@numba.njit(cache=True)
def _update(row: Floats, resolution: float, value: float, memory: float) -> None:
    """One more reading into the estimates. Squares are of ratios, so that they cannot overflow."""
    weight = 1.0 / min(row[COUNT] + 1.0, memory)
    row[COUNT] += 1.0
    least = step(row, resolution)
    scale = max(row[SIGMA], least)
    if scale > 0.0:
        ratio = (value - expected(row)) / scale
        _follow(row, ratio, 1.0 / memory)
        row[SIGMA] = scale * np.sqrt(1.0 + weight * (ratio * ratio - 1.0))
    spread = max(row[SPREAD], least)
    if spread > 0.0 and row[FOLLOWS] > 0.0:
        now, before = (value - row[MEAN]) / spread, (row[PREVIOUS] - row[MEAN]) / spread
        grown = 1.0 + weight * (now * now - 1.0)
        row[LAG] = (row[LAG] + weight * (now * before - row[LAG])) / grown
        row[SPREAD] = spread * np.sqrt(grown)
        _correct(row, min(row[COUNT], 2.0 * memory))
    row[MEAN] += weight * (value - row[MEAN])


@numba.njit(cache=True)
def _follow(row: Floats, z: float, weight: float) -> None:
    """One more residual into the estimates that reveal slow waves."""
    row[SLOW] += _SLOWNESS * (z - row[SLOW])
    row[INFLATION] += weight * (row[SLOW] ** 2 * (2.0 - _SLOWNESS) / _SLOWNESS - row[INFLATION])


@numba.njit(cache=True)
def _correct(row: Floats, count: float) -> None:
    """The coefficient to use; one near 0 is taken for 0."""
    lag = row[LAG]
    error = np.sqrt(max(1.0 - lag * lag, 0.0) / count)
    phi = lag + (1.0 + 3.0 * lag) / count + _UPWARD * lag * lag * error
    row[PHI] = min(phi, 1.0) if phi > 2.0 / np.sqrt(count) else 0.0


@numba.njit(cache=False)
def _begin(row: Floats, resolution: float) -> None:
    """The estimates from the last WARM_UP readings alone, without those far from their median."""
    values = np.empty(WARM_UP)
    first = int(row[SEEN])
    for i in range(WARM_UP):
        values[i] = row[_RING + (first + i) % WARM_UP]
    by_size = ordered(values)
    median = by_size[WARM_UP // 2]
    near = 6.0 * max(_scale(by_size, median), resolution)
    count, mean = 0, 0.0
    for x in values:
        if abs(x - median) <= near:
            count += 1
            mean += (x - mean) / count
    largest = 0.0
    for x in values:
        if abs(x - median) <= near:
            largest = max(largest, abs(x - mean))
    squares, products, pairs = 0.0, 0.0, 0
    for i in range(WARM_UP):
        if abs(values[i] - median) <= near and largest > 0.0:
            now = (values[i] - mean) / largest
            squares += now * now
            if i > 0 and abs(values[i - 1] - median) <= near:
                products += now * (values[i - 1] - mean) / largest
                pairs += 1
    row[MEAN] = mean
    row[SPREAD] = largest * np.sqrt(squares / count)
    row[LAG] = (products / pairs) / (squares / count) if pairs > 0 and squares > 0.0 else 0.0
    row[COUNT] = count
    _correct(row, count)
    row[SIGMA] = row[SPREAD] * np.sqrt(max(1.0 - row[LAG] * row[LAG], 0.0)) if row[PHI] > 0.0 else row[SPREAD]
    row[SLOW], row[INFLATION] = 0.0, 1.0
    scale = max(row[SIGMA], step(row, resolution))
    for i in range(1, WARM_UP):
        if abs(values[i] - median) <= near and abs(values[i - 1] - median) <= near and scale > 0.0:
            off = values[i] - mean - row[PHI] * (values[i - 1] - mean)
            _follow(row, clipped(off / scale), 1.0 / WARM_UP)
    last = values[WARM_UP - 1]
    row[PREVIOUS] = last if abs(last - median) <= near else mean
    row[FOLLOWS] = 1.0 if abs(last - median) <= near else 0.0
    row[ODD] = 0.0
    row[HELD] = 0.0


@numba.njit(cache=False)
def _scale(by_size: Floats, median: float) -> float:
    """A standard deviation that three outliers do not move, nor more of them if the MAD is above 0."""
    off = np.empty(WARM_UP)
    for i in range(WARM_UP):
        off[i] = abs(by_size[i] - median)
    largest = max(off[3], off[WARM_UP - 4])
    if largest == 0.0:
        return 0.0
    squares = 0.0
    for i in range(3, WARM_UP - 3):
        squares += (off[i] / largest) ** 2
    spread = largest * np.sqrt(squares / (WARM_UP - 6))
    robust = 1.4826 * ordered(off)[WARM_UP // 2]
    # Many outliers blow up the spread, many equal readings collapse the MAD.
    return float(min(1.2 * spread, 2.0 * robust) if robust > 0.0 else 1.2 * spread)
