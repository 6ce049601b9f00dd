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

from sensormon.analysis.gaps import usual_interval
from sensormon.model.readings import Bools, Floats, Ints

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
    shift = best_shift(*means)
    lag, r, chance = (shift.lag * cell, shift.r, shift.chance) if shift else (None, math.nan, math.nan)
    return Relation(
        found,
        pearson(found.x, found.y),
        spearman(found.x, found.y),
        "",
        _worth(found.x, found.y),
        lag,
        r,
        chance,
        cell,
        counts,
        share,
    )


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


@dataclass(frozen=True)
class Shift:
    """By how many cells y follows x where they go together best, and the correlation there.

    `chance` is what |r| stays below there 19 times in 20 for unrelated tags, the best of all lags taken.
    """

    lag: int
    r: float
    chance: float


def best_shift(x: Floats, y: Floats) -> Shift | None:
    """The lag that stands out most; None where nothing can be measured.

    Means of equal cells, NaN where there is no reading. Lags up to a fifth of the span are tried,
    those with too few cells in common left out. What stands out is told by Fisher's z (Fisher 1921)
    times the root of the independent cells that are in common at the lag: a correlation of few cells
    is easily high. Of what repeats, a day say, the repeat nearest to no lag is taken, where the
    correlation of another is stronger by `ALIKE` at the most. The limit of chance is at a level
    divided by the number of lags (Bonferroni): neighbouring lags resemble each other, so it is
    rather too high.
    """
    worth = _worth_of_one(x, y)
    tried: dict[int, float] = {}
    free: dict[int, float] = {}
    for lag in sorted(range(-(len(x) // 5), len(x) // 5 + 1), key=abs):
        left = x[max(0, -lag) : len(x) - max(0, lag)]
        right = y[max(0, lag) : len(y) - max(0, -lag)]
        both: Bools = np.isfinite(left) & np.isfinite(right)
        if both.sum() < MINIMUM:
            continue
        r = pearson(left[both], right[both])
        if math.isfinite(r):
            tried[lag], free[lag] = r, max(0.0, worth * float(both.sum()) - 3)
    if not tried:
        return None
    clear = {lag: math.atanh(min(abs(r), 1 - 1e-9)) * math.sqrt(free[lag]) for lag, r in tried.items()}
    best = _highest(clear, clear)
    level = NormalDist().inv_cdf(1 - 0.025 / len(tried))

    def shift(lag: int) -> Shift:
        return Shift(lag, tried[lag], math.tanh(level / math.sqrt(free[lag])) if free[lag] else 1.0)

    high = abs(tried[best])
    for lag, r in tried.items():  # the nearest come first
        if abs(lag) >= abs(best):
            break
        if abs(r) >= high - ALIKE and best not in (hump := _hump(tried, lag, high - DIP)):
            return shift(_highest(clear, hump))
    return shift(best)


def _highest(clear: Mapping[int, float], lags: Iterable[int]) -> int:
    """The lag that stands out most, of equals the one nearest to none."""
    return min(lags, key=lambda lag: (-round(clear[lag], 9), abs(lag)))


def _hump(tried: Mapping[int, float], lag: int, least: float) -> range:
    """The lags around this one up to where |r| falls below `least`."""
    first = last = lag
    while first - 1 in tried and abs(tried[first - 1]) >= least:
        first -= 1
    while last + 1 in tried and abs(tried[last + 1]) >= least:
        last += 1
    return range(first, last + 1)


def _worth(x: Floats, y: Floats) -> float:
    """How many independent pairs these are worth."""
    return max(2.0, len(x) * _worth_of_one(x, y))


def _worth_of_one(x: Floats, y: Floats) -> float:
    """What share of an independent pair each pair is worth, from the lag-1 autocorrelation of both."""
    product = math.prod(max(0.0, _memory(one)) for one in (x, y))
    return (1 - product) / (1 + product)


def _memory(x: Floats) -> float:
    """The lag-1 autocorrelation over neighbours that are both there; 0 where it cannot be measured."""
    both: Bools = np.isfinite(x[:-1]) & np.isfinite(x[1:])
    r = pearson(x[:-1][both], x[1:][both]) if both.sum() > 1 else math.nan
    return r if math.isfinite(r) else 0.0
