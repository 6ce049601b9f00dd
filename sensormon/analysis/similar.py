"""Where a series looked like one of its stretches: the nearest stretches by Euclidean distance.

By shape, both stretches are first brought to mean 0 and standard deviation 1 (z-normalised), so that level
and size do not count; by shape and level the values themselves are compared. All distances of a query come
from one fast Fourier transform (MASS: Mueen et al. 2017). Distances are per cell: the root of the mean
squared difference. Between z-normalised stretches it is `sqrt(2 (1 - r))`, r being their correlation.

Series are cells of a regular grid, NaN in a gap; no stretch that touches a gap has a distance. Nor has a
flat one by shape: divided by almost nothing, its noise would look like a shape. Pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensormon.model.readings import Bools, Floats, Ints

LEAST = 16
"""The fewest cells of a query; fewer have no shape to speak of."""

_TINY = 1e-9  # of the series' own size: what is left of a constant after rounding


@dataclass(frozen=True)
class Match:
    """A stretch like the query: where it begins, and its distance per cell.

    `distance` is in standard deviations by shape, in the tag's unit by level. `correlation` is with the
    query, NaN for a flat stretch. `start` is an index into the series.
    """

    start: int
    distance: float
    correlation: float


def is_flat(values: Floats, resolution: float) -> bool:
    """Whether these values, all known, vary by no more than the sensor resolves."""
    size = float(np.abs(values).max(initial=0.0))
    return float(np.ptp(values)) <= max(resolution, _TINY * size)


def distances(query: Floats, series: Floats, *, level: bool, resolution: float = 0.0) -> Floats:
    """The distance of the query to the stretch of the series that begins at each index; inf where none is.

    There is one for each of the `len(series) - len(query) + 1` stretches. `level`: by shape and level. A
    stretch is flat by shape if its standard deviation is at most half of the `resolution`.
    """
    size = len(query)
    if len(series) < size:
        return np.zeros(0)
    known: Bools = np.isfinite(series)
    centre = float(series[known].mean()) if known.any() else 0.0
    values = np.where(known, series - centre, 0.0)
    whole = _sums((~known).astype(np.float64), size) < 0.5
    mean = _sums(values, size) / size
    squares = _sums(values**2, size) / size
    variance = np.maximum(squares - mean**2, 0.0)
    if level:
        own = query - centre
        product = _products(own, values) / size
        apart = np.sqrt(np.maximum(squares - 2 * product + float(own @ own) / size, 0.0))
        return np.where(whole, apart, np.inf)
    sd = np.sqrt(variance)
    shape = whole & (sd > max(resolution / 2, _TINY * float(np.abs(values).max(initial=0.0))))
    product = _products(normalised(query), values) / size
    r = np.divide(product, sd, out=np.zeros_like(sd), where=shape)
    return np.where(shape, np.sqrt(2 * (1 - np.clip(r, -1.0, 1.0))), np.inf)


def nearest(
    apart: Floats, most: int, exclusion: int, taken: tuple[int, int] | None = None
) -> list[tuple[int, float]]:
    """The starts of the nearest stretches and their distances, nearest first, none closer than `exclusion`.

    None begins within `exclusion` of the start of the query, `taken[0]`, or of any index up to `taken[1]`.
    """
    left = apart.copy()
    if taken is not None:
        left[max(0, taken[0] - exclusion + 1) : max(0, taken[1] + exclusion)] = np.inf
    picked: list[tuple[int, float]] = []
    while len(picked) < most and len(left):
        at = int(left.argmin())
        if not np.isfinite(left[at]):
            break
        picked.append((at, float(left[at])))
        left[max(0, at - exclusion + 1) : at + exclusion] = np.inf
    return picked


def normalised(values: Floats) -> Floats:
    """The values with mean 0 and standard deviation 1; those of a constant are 0."""
    sd = float(values.std())
    normal: Floats = (values - values.mean()) / (sd or 1.0)
    return normal


def match(query: Floats, stretch: Floats, start: int, *, level: bool) -> Match:
    """The stretch, as long as the query and without a gap, as a match: measured directly."""
    r = (
        float(normalised(query) @ normalised(stretch)) / len(query)
        if np.ptp(query) and np.ptp(stretch)
        else np.nan
    )
    r = float(np.clip(r, -1.0, 1.0))
    if level:
        return Match(start, float(np.sqrt(np.mean((query - stretch) ** 2))), r)
    return Match(start, float(np.sqrt(max(0.0, 2 * (1 - r)))), r)


def _sums(values: Floats, size: int) -> Floats:
    """The sum of each stretch of this size."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    sums: Floats = total[size:] - total[:-size]
    return sums


def _products(query: Floats, values: Floats) -> Floats:
    """The sum of the query times each stretch, by Fourier transforms of overlapping blocks.

    A block is some times as long as the query, so that a long series costs little more than its length.
    """
    size = len(query)
    block = 1 << max(12, int(4 * size - 1).bit_length())
    step = block - size + 1
    wanted = len(values) - size + 1
    mirrored = np.fft.rfft(query[::-1], block)
    products = np.empty(wanted)
    for start in range(0, wanted, step):
        part = np.fft.irfft(np.fft.rfft(values[start : start + block], block) * mirrored, block)
        count = min(step, wanted - start)
        products[start : start + count] = part[size - 1 : size - 1 + count]
    return products


def blocks(fine: Floats, parts: int) -> Floats:
    """The mean of each `parts` neighbouring cells, at every offset; NaN if any of them is."""
    if len(fine) < parts:
        return np.zeros(0)
    return np.convolve(fine, np.full(parts, 1 / parts), "valid")


def best_start(query: Floats, fine: Floats, parts: int, *, level: bool) -> tuple[int, Match] | None:
    """The offset into `fine`, whose cells are `parts` times as fine as the query's, of the best stretch.

    The stretch is averaged to the query's cells from each offset on. None if each has a gap.
    """
    averaged = blocks(fine, parts)
    offsets: Ints = np.arange(max(0, len(averaged) - (len(query) - 1) * parts), dtype=np.int64)
    tried = [
        (int(at), match(query, stretch, int(at), level=level))
        for at in offsets
        if np.isfinite(stretch := averaged[at : at + (len(query) - 1) * parts + 1 : parts]).all()
    ]
    known = [pair for pair in tried if np.isfinite(pair[1].distance)]
    return min(known, key=lambda pair: pair[1].distance, default=None)
