"""How the values of two tags go together: pairs by time, correlation, the lag at which it is strongest.

Pure functions on arrays; times are µs UTC, in ascending order. A correlation says nothing of
cause, and where neighbouring readings resemble each other, n pairs are worth fewer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from sensormon.readings import Bools, Floats, Ints
from sensormon.thinning import usual_interval

MINIMUM = 30
"""Pairs that a correlation needs; below it is not measurable."""

CELLS = 2_000
"""The grid on which the lag is looked for has so many cells at the most."""

ALIKE, DIP = 0.02, 0.1
"""Two correlations that differ by the first are alike; between repeats |r| falls by the second."""

Readings = tuple[Ints, Floats]
"""Times and values."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """`x[i]` of one tag and `y[i]` of the other, at most `tolerance` µs apart; `time` is that of x."""

    time: Ints
    x: Floats
    y: Floats
    tolerance: int


@dataclass(frozen=True, eq=False)
class Relation:
    """What pairs say. Correlations are NaN where they cannot be measured; `why` says why.

    `worth` is how many independent pairs theirs are worth (Bartlett 1946). `lag` (µs) is how
    much later the second tag follows the first where the correlation of means over `cell` µs is
    strongest, `at_lag` that correlation; None where it cannot be measured. `chance` is the |r| that
    the strongest of all lags of two unrelated tags like these stays below 19 times in 20. `counts` are
    the good readings of the span, of which about one in `share` was taken, in whole stretches.
    """

    pairs: Pairs
    pearson: float
    spearman: float
    why: str
    worth: float
    lag: int | None
    at_lag: float
    chance: float
    cell: int
    counts: tuple[int, int]
    share: int

    @property
    def n(self) -> int:
        return len(self.pairs.x)


def pairs(a: Readings, b: Readings, tolerance: int | None = None) -> Pairs:
    """Each reading of the tag with fewer, paired with the nearest of the other one.

    The earlier where two are as near. `tolerance` (µs) without being given is half the usual step of
    the slower one. A reading of the tag with more is in several pairs only where none is nearer.
    """
    if tolerance is None:
        tolerance = math.ceil(max(usual_interval(a[0]), usual_interval(b[0])) / 2)
    few, many = (a, b) if len(a[0]) <= len(b[0]) else (b, a)
    near, apart = _nearest(few[0], many[0])
    kept = apart <= tolerance
    time, own, other = few[0][kept], few[1][kept], many[1][near[kept]]
    if few is a:
        return Pairs(time, own, other, tolerance)
    return Pairs(many[0][near[kept]], other, own, tolerance)


def _nearest(time: Ints, among: Ints) -> tuple[Ints, Ints]:
    """For each time the place of the nearest among others, and how far it is."""
    if not len(among):
        none = np.zeros(len(time), dtype=np.int64)
        return none, np.full(len(time), np.iinfo(np.int64).max)
    after = np.searchsorted(among, time).clip(0, len(among) - 1)
    before = (after - 1).clip(0)
    near = np.where(np.abs(among[before] - time) <= np.abs(among[after] - time), before, after)
    first = np.searchsorted(among, among[near])  # of several at one time the first
    return first, np.abs(among[first] - time)


def relate(
    found: Pairs, means: tuple[Floats, Floats], cell: int, *, counts: tuple[int, int], share: int
) -> Relation:
    """The correlations of these pairs, and from the means of all readings over cells (µs) the lag."""
    why = ""
    if len(found.x) < MINIMUM:
        why = f"{len(found.x)} pairs are fewer than {MINIMUM}"
    elif np.ptp(found.x) == 0 or np.ptp(found.y) == 0:
        why = "one of the two does not change"
    if why:
        return Relation(found, math.nan, math.nan, why, math.nan, None, math.nan, math.nan, 0, counts, share)
    lag, at_lag = best_lag(*means)
    return Relation(
        found, pearson(found.x, found.y), spearman(found.x, found.y), "", _worth(found.x, found.y),
        None if lag is None else lag * cell, at_lag, chance(*means), cell, counts, share,
    )  # fmt: skip


def pearson(x: Floats, y: Floats) -> float:
    """The product-moment correlation; NaN where one does not change."""
    x, y = x - x.mean(), y - y.mean()
    scale = math.sqrt(float(x @ x) * float(y @ y))
    return float(np.clip(x @ y / scale, -1.0, 1.0)) if scale > 0 else math.nan


def spearman(x: Floats, y: Floats) -> float:
    """The rank correlation: Pearson's of the ranks, equal values share theirs."""
    return pearson(_ranks(x), _ranks(y))


def _ranks(values: Floats) -> Floats:
    return np.asarray(pd.Series(values).rank(), dtype=np.float64)


def lag_cell(a: Readings, b: Readings, span: tuple[int, int]) -> int:
    """The width (µs) of the cells whose means the lag is looked for with."""
    step = max(usual_interval(a[0]), usual_interval(b[0]))
    return max(math.ceil(step), -(-(span[1] - span[0]) // CELLS), 1)


def best_lag(x: Floats, y: Floats) -> tuple[int | None, float]:
    """How many cells y follows x by where the correlation is strongest, and that correlation.

    Means of equal cells, NaN where there is no reading. Lags up to a fifth of the span are tried,
    those with too few cells in common left out. Of what repeats, a day say, the repeat nearest to
    no lag is taken, where another is stronger by `ALIKE` at the most. None where nothing can be
    measured.
    """
    tried: dict[int, float] = {}
    for lag in sorted(range(-(len(x) // 5), len(x) // 5 + 1), key=abs):
        left = x[max(0, -lag) : len(x) - max(0, lag)]
        right = y[max(0, lag) : len(y) - max(0, -lag)]
        both: Bools = np.isfinite(left) & np.isfinite(right)
        if both.sum() < MINIMUM:
            continue
        r = pearson(left[both], right[both])
        if math.isfinite(r):
            tried[lag] = r
    if not tried:
        return None, math.nan
    best = _highest(tried, tried)
    high = abs(tried[best])
    for lag, r in tried.items():  # the nearest come first
        if abs(lag) >= abs(best):
            break
        if abs(r) >= high - ALIKE and best not in (hump := _hump(tried, lag, high - DIP)):
            nearer = _highest(tried, hump)
            return nearer, tried[nearer]
    return best, tried[best]


def _highest(tried: Mapping[int, float], lags: Iterable[int]) -> int:
    """The lag of the strongest correlation, of equals the one nearest to none."""
    return min(lags, key=lambda lag: (-round(abs(tried[lag]), 9), abs(lag)))


def _hump(tried: Mapping[int, float], lag: int, least: float) -> range:
    """The lags around this one up to where |r| falls below `least`."""
    first = last = lag
    while first - 1 in tried and abs(tried[first - 1]) >= least:
        first -= 1
    while last + 1 in tried and abs(tried[last + 1]) >= least:
        last += 1
    return range(first, last + 1)


def chance(x: Floats, y: Floats) -> float:
    """What |r| the strongest of all lags of unrelated tags stays below 19 times in 20; 1 at the most.

    Fisher's z (Fisher 1921) with as many independent cells as `_worth` finds, at a level divided by the
    number of lags (Bonferroni): neighbouring lags resemble each other, so it is rather too high.
    """
    both: Bools = np.isfinite(x) & np.isfinite(y)
    if both.sum() < MINIMUM:
        return 1.0
    free = _worth(x[both], y[both]) - 3
    lags = 2 * (len(x) // 5) + 1
    return math.tanh(NormalDist().inv_cdf(1 - 0.025 / lags) / math.sqrt(free)) if free > 0 else 1.0


def _worth(x: Floats, y: Floats) -> float:
    """How many independent pairs these are worth, from the lag-1 autocorrelation of both."""
    product = max(0.0, pearson(x[:-1], x[1:])) * max(0.0, pearson(y[:-1], y[1:]))
    if not math.isfinite(product):
        return float(len(x))
    return max(2.0, len(x) * (1 - product) / (1 + product))
