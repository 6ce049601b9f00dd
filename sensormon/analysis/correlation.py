"""How the values of two tags are related: pairs by time, correlation, the lag at which it is strongest.

Pure functions on arrays; times are µs UTC, in ascending order. A correlation says nothing about
cause, and if neighbouring readings resemble each other, n pairs are worth fewer than n.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from sensormon.analysis.gaps import usual_interval
from sensormon.model.clock import MINUTE
from sensormon.model.readings import Bools, Floats, Ints

MINIMUM = 30
"""Pairs that a correlation needs; with fewer it is not measurable."""

CELLS = 2_000
"""The most cells of the grid on which the lag is searched."""

ALIKE, DIP = 0.02, 0.1
"""Correlations that differ by at most the first are alike; between two peaks |r| falls by the second."""

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
    """What the pairs show. Correlations that cannot be measured are NaN; `why` gives the reason.

    `worth` is how many independent pairs these are worth (Bartlett 1946). At `lag` (µs) the
    correlation of means over `cell` µs is strongest, with the second tag so much later than the
    first; `at_lag` is that correlation. `lag` is None if it cannot be measured. `chance` is the |r|
    that the best lag of two unrelated tags like these stays below 19 times in 20. `counts` are the
    good readings of each tag in the span; about one in `share` was used, in whole stretches.
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
    """Each reading of the tag with fewer, paired with the nearest of the other; of two as near the earlier.

    `tolerance` (µs) defaults to half the usual step of the slower tag. A reading of the tag with more
    readings may be in several pairs.
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
    """For each time the index of the nearest in `among`, and its distance."""
    if not len(among):
        none = np.zeros(len(time), dtype=np.int64)
        return none, np.full(len(time), np.iinfo(np.int64).max)
    after = np.searchsorted(among, time).clip(0, len(among) - 1)
    before = (after - 1).clip(0)
    near = np.where(np.abs(among[before] - time) <= np.abs(among[after] - time), before, after)
    first = np.searchsorted(among, among[near])  # the first of several at one time
    return first, np.abs(among[first] - time)


def relate(
    paired: Pairs, means: tuple[Floats, Floats], cell: int, *, counts: tuple[int, int], share: int
) -> Relation:
    """The correlations of these pairs, and the lag from the means of all readings over cells of `cell` µs."""
    why = ""
    if len(paired.x) < MINIMUM:
        why = f"{len(paired.x)} pairs are fewer than {MINIMUM}"
    elif np.ptp(paired.x) == 0 or np.ptp(paired.y) == 0:
        why = "one of the two does not change"
    if why:
        return Relation(paired, math.nan, math.nan, why, math.nan, None, math.nan, math.nan, 0, counts, share)
    shift = best_shift(*means)
    lag, r, chance = (shift.lag * cell, shift.r, shift.chance) if shift else (None, math.nan, math.nan)
    return Relation(
        paired,
        pearson(paired.x, paired.y),
        spearman(paired.x, paired.y),
        "",
        _worth(paired.x, paired.y),
        lag,
        r,
        chance,
        cell,
        counts,
        share,
    )


def pearson(x: Floats, y: Floats) -> float:
    """The product-moment correlation; NaN if x or y does not change."""
    x, y = x - x.mean(), y - y.mean()
    scale = math.sqrt(float(x @ x) * float(y @ y))
    return float(np.clip(x @ y / scale, -1.0, 1.0)) if scale > 0 else math.nan


def spearman(x: Floats, y: Floats) -> float:
    """The rank correlation: Pearson's correlation of the ranks; equal values share a rank."""
    return pearson(_ranks(x), _ranks(y))


def _ranks(values: Floats) -> Floats:
    return np.asarray(pd.Series(values).rank(), dtype=np.float64)


def lag_cell(a: Readings, b: Readings, span: tuple[int, int]) -> int:
    """The width (µs) of the cells whose means the lag is searched with; from two minutes on whole minutes."""
    step = max(usual_interval(a[0]), usual_interval(b[0]))
    cell = max(math.ceil(step), -(-(span[1] - span[0]) // CELLS), 1)
    return cell if cell < 2 * MINUTE else -(-cell // MINUTE) * MINUTE


@dataclass(frozen=True)
class Shift:
    """By how many cells y follows x at the best lag, and the correlation there.

    For unrelated tags, |r| at their best lag stays below `chance` 19 times in 20.
    """

    lag: int
    r: float
    chance: float


def best_shift(x: Floats, y: Floats) -> Shift | None:
    """The lag that stands out most; None if nothing can be measured.

    x and y are means over equal cells, NaN for a cell without readings. Lags up to a fifth of the span
    are tried, except those with too few cells in common. A lag stands out by Fisher's z (Fisher 1921)
    times the root of the independent cells in common: with few cells a high correlation means little.
    If a pattern repeats, every day for example, the repeat nearest to lag 0 wins, unless another is
    stronger by more than `ALIKE`. The limit of chance divides its level by the number of lags
    (Bonferroni); neighbouring lags resemble each other, so it is rather too high.
    """
    worth = _worth_per_pair(x, y)
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
    for lag, r in tried.items():  # nearest first
        if abs(lag) >= abs(best):
            break
        if abs(r) >= high - ALIKE and best not in (hump := _hump(tried, lag, high - DIP)):
            return shift(_highest(clear, hump))
    return shift(best)


def _highest(clear: Mapping[int, float], lags: Iterable[int]) -> int:
    """The lag that stands out most; of equals the one nearest to 0."""
    return min(lags, key=lambda lag: (-round(clear[lag], 9), abs(lag)))


def _hump(tried: Mapping[int, float], lag: int, least: float) -> range:
    """The lags around this one until |r| falls below `least`."""
    first = last = lag
    while first - 1 in tried and abs(tried[first - 1]) >= least:
        first -= 1
    while last + 1 in tried and abs(tried[last + 1]) >= least:
        last += 1
    return range(first, last + 1)


def _worth(x: Floats, y: Floats) -> float:
    """How many independent pairs these are worth."""
    return max(2.0, len(x) * _worth_per_pair(x, y))


def _worth_per_pair(x: Floats, y: Floats) -> float:
    """How much of an independent pair each pair is worth, from the lag-1 autocorrelation of both."""
    product = math.prod(max(0.0, _autocorrelation(values)) for values in (x, y))
    return (1 - product) / (1 + product)


def _autocorrelation(x: Floats) -> float:
    """The lag-1 autocorrelation over neighbours that both exist; 0 if it cannot be measured."""
    both: Bools = np.isfinite(x[:-1]) & np.isfinite(x[1:])
    r = pearson(x[:-1][both], x[1:][both]) if both.sum() > 1 else math.nan
    return r if math.isfinite(r) else 0.0
