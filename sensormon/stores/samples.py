"""Samples of long spans, whichever store has the readings: where to take them, and what they say."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from sensormon.analysis.grid import Cells
from sensormon.model.readings import Floats, Ints

_GOLDEN = (math.sqrt(5) - 1) / 2
_STRETCHES = 25
"""Of a sample; each costs a store a few blocks of its table."""


def stretches_of(
    part: Ints, good: Ints, cell: int, since: int, until: int, most: int
) -> list[tuple[int, int]]:
    """Stretches of the span with about `most` of its readings, from how many `good` ones each part has.

    Part i begins at i * cell (µs). See `Spans.stretches`.
    """
    total = int(good.sum())
    if total <= most:
        return [(since, until)]
    # By place among the readings, each in its own part of them; not equally far apart, since then all of
    # them could fall into the same hour of the day.
    block, length = total / _STRETCHES, most / _STRETCHES
    first = block * np.arange(_STRETCHES) + (block - length) * ((np.arange(_STRETCHES) * _GOLDEN) % 1)
    done = np.cumsum(good)
    place = np.column_stack((done - good, done)).ravel()
    time = np.column_stack((part * cell, (part + 1) * cell)).ravel().clip(since, until)
    edges = np.interp(np.column_stack((first, first + length)), place, time).astype(np.int64)
    return [(int(a), int(b)) for a, b in edges if a < b]


def histogram(value: Floats, weight: Ints, low: float, high: float, bins: int) -> tuple[Floats, Ints]:
    """The edges of the bins, and how many of the values, each as often as its weight, lie in each."""
    if not math.isfinite(high - low):  # wider than the largest number; powers of two change nothing else
        edges, counts = histogram(value / 4, weight, low / 4, high / 4, bins)
        return edges * 4, counts
    edges = np.linspace(low, high, bins + 1) if high > low else np.array([low, low])
    # The bin is computed once, here; the edges are for drawing.
    per = min(bins / (high - low), sys.float_info.max) if high > low else 0.0
    place = np.floor((value - low) * per)
    counts = np.bincount(np.minimum(place, len(edges) - 2).astype(np.int64), weight, minlength=len(edges) - 1)
    return edges, counts.astype(np.int64)


def quantiles(value: Floats, weight: Ints, shares: Sequence[float]) -> tuple[float, ...]:
    """Quantiles of these values in ascending order, each as often as its weight says.

    Interpolated linearly between neighbours, as numpy and `quantile_cont` do.
    """
    last = np.cumsum(weight) - 1
    at = np.asarray(shares) * last[-1]
    lower, upper = (value[np.searchsorted(last, place)] for place in (np.floor(at), np.ceil(at)))
    return tuple((lower + (at - np.floor(at)) * (upper - lower)).tolist())


def rows_of_tags(rows: pd.DataFrame, tags: Sequence[str]) -> dict[str, slice]:
    """Where the rows of each of these tags are, of rows in which those of a tag lie together."""
    names = rows["tag"].to_numpy()
    edges = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1).tolist(), len(names)]
    own = {str(names[first]): slice(first, last) for first, last in pairwise(edges) if first < last}
    return {tag: own.get(tag, slice(0, 0)) for tag in tags}


def cells_of(rows: pd.DataFrame, count: int) -> Cells:
    """These cells; a row of each not empty has its number `part`, `readings`, `good` and `mean`."""
    readings, good = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    mean = np.full(count, np.nan)
    part = rows["part"].to_numpy(dtype=np.int64)
    readings[part] = rows["readings"].to_numpy(dtype=np.int64)
    good[part] = rows["good"].to_numpy(dtype=np.int64)
    mean[part] = rows["mean"].to_numpy(dtype=np.float64)
    return Cells(readings, good, mean)
