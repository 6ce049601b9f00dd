"""The rolling z-score, exact and with a constant cost a reading.

The window of the last w values is covered by two aggregates (count, mean, sum of squared
deviations): the tail of the previous block of w values and the head of the current one.
Heads grow by adding a value (Welford), tails are made once a block from its end, and the
two are merged (Chan). Nothing is ever subtracted, so a value of 1e9 that has left the
window has left no trace. Blocks are aligned to the number of values the tag has learned,
so that live and history compute the same sums in the same order.

A block whose values are all there at once goes through in one piece: the same operations in
another order of the loops, which a processor does several at a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from sensormon.detectors.base import Detector, Parameter, TagFacts
from sensormon.detectors.judged import Judged, Rule, Sentence, conclude, distance, position
from sensormon.detectors.kernel import HIGHEST, ROUNDING, column
from sensormon.detectors.row_state import check_code, check_rows, check_vector, no_scores
from sensormon.model.readings import Bools, Floats, Ints, Scores
from sensormon.model.tags import Tag

WARM_UP = 50
"""A tag is scored once min(window, WARM_UP) of its values have been learned."""
_LONG = 32
"""From this window on a whole block in one piece is faster than its values one by one."""


@dataclass(frozen=True)
class ZScore(Detector):
    """How many standard deviations a value is off the mean of the last `window` values.

    A reading is an anomaly when it is off the mean by more than `threshold` population
    standard deviations and by more than the sensor's resolution. On a flat window any
    step above the resolution is one. It is scored first and learned after.

    Catches: spikes, and the first readings of a sudden shift.
    Misses: drifts, stuck sensors and the rest of a shift, because what it flagged it also
    learns and the window swallows it. On independent normal noise it flags 0.5 % of the
    readings at window 50 and threshold 3, on autocorrelated readings several times that.

    Parameters: `window` in readings, 5 to 1000; `threshold` in standard deviations, 1 to 8.

    References: Shewhart, Economic Control of Quality of Manufactured Product (1931);
    van Herk, Pattern Recognition Letters 13 (1992) 517; Chan, Golub and LeVeque,
    Updating Formulae and a Pairwise Algorithm (1979); Welford, Technometrics 4 (1962) 419.

    >>> state = ZScore(window=10).start(np.zeros(1))
    >>> values = np.array([37.0] * 10 + [50.0])
    >>> scores = state.run(np.zeros(11, np.int32), values, np.ones(11, bool), np.arange(11))
    >>> np.flatnonzero(scores.is_anomaly).tolist()
    [10]
    """

    window: int = 50
    threshold: float = 3.0

    title = "Rolling z-score"
    score_name = "z"
    limit_from_band = True
    sensitivity = "threshold"
    PARAMETERS = (
        Parameter("window", 5, 1000, 1, "readings", label="Window", terms=("window",)),
        Parameter(
            "threshold",
            1.0,
            8.0,
            0.1,
            "standard deviations",
            label="Threshold",
            terms=("threshold", "z-score", "σ"),
        ),
    )

    @property
    def needed(self) -> int:
        """How many readings of a tag it learns before it judges the first."""
        return min(int(self.window), WARM_UP)

    def start(self, tags: TagFacts | Floats) -> ZScoreState:
        """A state that has learned nothing of these tags; an array is their resolutions."""
        return ZScoreState(self, TagFacts.of(tags).resolution)

    def sentence(self, reading: Judged, tag: Tag) -> Sentence:
        """Why it flagged this reading, or why it did not."""
        if reading.upper - reading.expected > reading.step(tag):
            return conclude(reading, f"{position(reading, tag)} ({self.numbers(reading)})")
        flat = f"a line that had been flat at {tag.render(reading.expected)}"
        if reading.is_anomaly:
            return Rule.FLAGGED, f"{distance(reading, tag)} {flat}, more than the sensor's resolution"
        if tag.resolution <= 0:
            return Rule.RESOLUTION, f"{tag.render(reading.value)} is what {flat} has: not flagged"
        return Rule.RESOLUTION, (
            f"{distance(reading, tag)} {flat}, within the sensor's resolution of "
            f"{f'{tag.resolution:g} {tag.unit}'.rstrip()}: not flagged"
        )

    def sigma(self, reading: Judged, tag: Tag) -> float:
        """The window's standard deviation, from the width of the band; NaN if that is one step."""
        margin = reading.upper - reading.expected
        return margin / self.threshold if margin > reading.step(tag) else math.nan


class ZScoreState:
    """What the z-score remembers: see `sensormon.detectors.base.State`."""

    def __init__(self, detector: ZScore, resolution: Floats) -> None:
        tags, window = len(resolution), int(detector.window)
        self.lead = window
        self._threshold = float(detector.threshold)
        self.recursive = False
        self._resolution = np.array(resolution, dtype=np.float64)
        self._n = np.zeros(tags, dtype=np.int64)
        self._block = np.zeros((tags, window))  # values of the current block
        self._tail = np.zeros((tags, 2, window))  # means and squares of previous block [j:]
        self._head = np.zeros((tags, 2))  # mean and squares of the current block so far

    def run(self, tag: NDArray[np.int32], value: Floats, ok: Bools, time: Ints) -> Scores:
        """Score, then learn, one reading after the other."""
        check_rows(len(self._n), tag, value, ok, time)
        scores = no_scores(np.zeros(len(value), dtype=np.int64))
        kernel(
            column(tag, np.int32),
            column(value, np.float64),
            column(ok, np.bool_),
            self._threshold,
            self._resolution,
            self._n,
            self._block,
            self._tail,
            self._head,
            scores.n,
            scores.score,
            scores.expected,
            scores.lower,
            scores.upper,
            scores.is_anomaly,
        )
        return scores

    def peek(self, tag: int, value: float, time: int) -> Scores:
        """The one-row score this value would get at this time; nothing is learned."""
        alone = ZScoreState(ZScore(self.lead, self._threshold), self._resolution[tag : tag + 1])
        alone.load(0, self.save(tag))
        return alone.run(
            np.zeros(1, dtype=np.int32), np.array([value]), np.ones(1, dtype=np.bool_), np.array([time])
        )

    def restore(self, tag: int, n: int, values: Floats, times: Ints) -> None:
        """Continue as if `n` values had been learned, the last of them `values`."""
        check_code(len(self._n), tag)
        window = self.lead
        if len(values) < min(n, window):
            n = len(values)
        kept = column(values[len(values) - min(n, window) :], np.float64)
        _restore(tag, n, kept, self._n, self._block, self._tail, self._head)

    def save(self, tag: int) -> Floats:
        """All that is remembered of this tag, as a vector of its own."""
        check_code(len(self._n), tag)
        parts = (self._n[tag : tag + 1], self._head[tag], self._block[tag], self._tail[tag].T.ravel())
        return np.concatenate(parts, dtype=np.float64)

    def load(self, tag: int, vector: Floats) -> None:
        """Go on, to the last bit, from what `save` gave with the same window."""
        check_code(len(self._n), tag)
        window = self.lead
        check_vector(3 + 3 * window, vector)
        self._n[tag], self._head[tag] = vector[0], vector[1:3]
        self._block[tag] = vector[3 : 3 + window]
        self._tail[tag] = vector[3 + window :].reshape(window, 2).T


@numba.njit(cache=True, inline="always")
def _added(mean: float, squares: float, count: int, value: float) -> tuple[float, float]:
    """Mean and squares of `count` values and one more."""
    delta = value - mean
    mean += delta / (count + 1)
    return mean, squares + delta * (value - mean)


@numba.njit(cache=True, inline="always")
def _merged(
    mean: float, squares: float, head_mean: float, head_squares: float, position: int, window: int
) -> tuple[float, float]:
    """Those of a window: the tail of the previous block, whose are given first, and a head of `position`."""
    delta = head_mean - mean
    return (
        mean + delta * position / window,
        squares + head_squares + delta * delta * position * (window - position) / window,
    )


@numba.njit(cache=True, inline="always")
def _margin(mean: float, squares: float, size: int, threshold: float, resolution: float) -> float:
    # 35.2 - 35.1 is a little more than 0.1 in binary: one step must not count as more than one.
    step = resolution + ROUNDING * abs(mean) if resolution > 0.0 else 0.0
    margin: float = max(threshold * np.sqrt(squares / size), step)
    return margin


@numba.njit(cache=True, inline="always", error_model="numpy")
def _judged(value: float, mean: float, margin: float, threshold: float, above: float) -> tuple[float, bool]:
    """The score, and whether it is flagged; `above` is the next number after the threshold."""
    off = abs(value - mean)
    flagged = off > margin
    # Divided first and chosen afterwards: without branches the compiler takes several at a time.
    ratio = min(off * threshold / margin, HIGHEST)
    z = ratio if margin > 0.0 else (HIGHEST if flagged else 0.0)
    # Rounding must not let the score and the flag disagree at the threshold.
    if flagged:
        return above if z <= threshold else z, flagged
    return threshold if z > threshold else z, flagged


@numba.njit(cache=True, error_model="numpy")
def _make_tail(block: Floats, tail: Floats, start: int) -> None:
    """tail[:, j] becomes the aggregate of block[j:], for j from the end down to `start`."""
    window = len(block)
    mean, squares = block[window - 1], 0.0
    tail[0, window - 1], tail[1, window - 1] = mean, squares
    for j in range(window - 2, start - 1, -1):
        mean, squares = _added(mean, squares, window - 1 - j, block[j])
        tail[0, j], tail[1, j] = mean, squares


@numba.njit(cache=True)
def _restore(
    code: int, count: int, values: Floats, n: Ints, block: Floats, tail: Floats, head: Floats
) -> None:
    window = block.shape[1]
    position = count % window
    if count > 0 and position == 0:
        position = window  # the block is full and becomes the previous one with the next value
    older = len(values) - position
    if older > 0:
        for j in range(older):
            block[code, window - older + j] = values[j]
        _make_tail(block[code], tail[code], window - older)
    for j in range(position):
        value = values[older + j]
        if j == 0:
            head[code, 0], head[code, 1] = value, 0.0
        else:
            head[code, 0], head[code, 1] = _added(head[code, 0], head[code, 1], j, value)
        block[code, j] = value
    n[code] = count


@numba.njit(cache=True, error_model="numpy")
def _next_block(values: Floats, block: Floats, tail: Floats, head: Floats) -> tuple[float, float]:
    """The tails of `block` and the heads of the block of `values` after it, side by side; the last head.

    head[:, j] becomes the aggregate of values[:j].
    """
    window = len(block)
    tail_mean, tail_squares = block[window - 1], 0.0
    tail[0, window - 1], tail[1, window - 1] = tail_mean, tail_squares
    mean, squares = values[0], 0.0
    for j in range(1, window):
        head[0, j], head[1, j] = mean, squares
        mean, squares = _added(mean, squares, j, values[j])
        older = window - 1 - j
        tail_mean, tail_squares = _added(tail_mean, tail_squares, j, block[older])
        tail[0, older], tail[1, older] = tail_mean, tail_squares
    return mean, squares


@numba.njit(cache=True, error_model="numpy")
def _next_blocks(
    first: Floats,
    second: Floats,
    block: Floats,
    tail: Floats,
    next_tail: Floats,
    head: Floats,
    next_head: Floats,
) -> tuple[float, float, float, float]:
    """`_next_block` of the two blocks after `block` at once; the last heads of both.

    Each sum waits for a division of its own: four of them take hardly longer than two.
    """
    window = len(block)
    older_mean, older_squares = block[window - 1], 0.0
    tail_mean, tail_squares = first[window - 1], 0.0
    tail[0, window - 1], tail[1, window - 1] = older_mean, older_squares
    next_tail[0, window - 1], next_tail[1, window - 1] = tail_mean, tail_squares
    mean, squares = first[0], 0.0
    next_mean, next_squares = second[0], 0.0
    for j in range(1, window):
        head[0, j], head[1, j] = mean, squares
        next_head[0, j], next_head[1, j] = next_mean, next_squares
        mean, squares = _added(mean, squares, j, first[j])
        next_mean, next_squares = _added(next_mean, next_squares, j, second[j])
        older = window - 1 - j
        older_mean, older_squares = _added(older_mean, older_squares, j, block[older])
        tail_mean, tail_squares = _added(tail_mean, tail_squares, j, first[older])
        tail[0, older], tail[1, older] = older_mean, older_squares
        next_tail[0, older], next_tail[1, older] = tail_mean, tail_squares
    return mean, squares, next_mean, next_squares


@numba.njit(cache=True, error_model="numpy")
def _merge_block(
    tail: Floats,
    head: Floats,
    mean: float,
    squares: float,
    threshold: float,
    resolution: float,
    expected: Floats,
    margins: Floats,
) -> None:
    """What a block is held against; mean and squares are those of the block before it."""
    window = len(expected)
    tail_mean, tail_squares, head_mean, head_squares = tail[0], tail[1], head[0], head[1]
    expected[0], margins[0] = mean, _margin(mean, squares, window, threshold, resolution)
    for j in range(1, window):
        mean, squares = _merged(tail_mean[j], tail_squares[j], head_mean[j], head_squares[j], j, window)
        expected[j] = mean
        margins[j] = _margin(mean, squares, window, threshold, resolution)


@numba.njit(cache=True, error_model="numpy")
def _learn_blocks(
    values: Floats,
    block: Floats,
    tail: Floats,
    mean: float,
    squares: float,
    threshold: float,
    resolution: float,
    older_tail: Floats,
    heads: Floats,
    expected: Floats,
    margins: Floats,
) -> tuple[float, float]:
    """What the next block, or the next two, are held against; learn them and return the last aggregate."""
    window = len(block)
    last = values[len(values) - window :]
    if len(values) == window:
        next_mean, next_squares = _next_block(values, block, tail, heads[0])
        _merge_block(tail, heads[0], mean, squares, threshold, resolution, expected, margins)
    else:
        middle, spread, next_mean, next_squares = _next_blocks(
            values[:window], last, block, older_tail, tail, heads[0], heads[1]
        )
        first, second = slice(0, window), slice(window, 2 * window)
        _merge_block(
            older_tail, heads[0], mean, squares, threshold, resolution, expected[first], margins[first]
        )
        _merge_block(tail, heads[1], middle, spread, threshold, resolution, expected[second], margins[second])
    for j in range(window):
        block[j] = last[j]
    return next_mean, next_squares


@numba.njit(cache=True, error_model="numpy")
def _judge_blocks(
    values: Floats,
    threshold: float,
    count: int,
    out_n: Ints,
    score: Floats,
    expected: Floats,
    lower: Floats,
    upper: Floats,
    is_anomaly: Bools,
) -> None:
    """Judge whole blocks; `upper` has their margins and becomes their upper limits."""
    above = np.nextafter(threshold, np.inf)
    for j in range(len(values)):
        score[j], is_anomaly[j] = _judged(values[j], expected[j], upper[j], threshold, above)
    for j in range(len(values)):
        margin = upper[j]
        lower[j], upper[j] = expected[j] - margin, expected[j] + margin
        out_n[j] = count + j


@numba.njit(cache=True, inline="always")
def _whole_blocks(tag: NDArray[np.int32], value: Floats, ok: Bools, start: int, window: int) -> int:
    """How many blocks, two at most, the readings from `start` on fill that are all good and of one tag."""
    stop = min(start + 2 * window, len(tag))
    i = start
    while i < stop and tag[i] == tag[start] and ok[i] and np.isfinite(value[i]):
        i += 1
    return (i - start) // window


@numba.njit(cache=True, error_model="numpy")
def kernel(
    tag: NDArray[np.int32],
    value: Floats,
    ok: Bools,
    threshold: float,
    resolution: Floats,
    n: Ints,
    block: Floats,
    tail: Floats,
    head: Floats,
    out_n: Ints,
    score: Floats,
    expected: Floats,
    lower: Floats,
    upper: Floats,
    is_anomaly: Bools,
) -> None:
    window = block.shape[1]
    warm_up = min(window, WARM_UP)
    above = np.nextafter(threshold, np.inf)
    heads, older_tail = np.empty((2, 2, window)), np.empty((2, window))
    code = -1
    # What is remembered of the tag whose readings come now: kept here while they do.
    count, position, step, mean, squares = 0, 0, 0.0, 0.0, 0.0
    i = 0
    while i < len(tag):
        if tag[i] != code:
            if code >= 0:
                n[code], head[code, 0], head[code, 1] = count, mean, squares
            code = tag[i]
            count, mean, squares, step = n[code], head[code, 0], head[code, 1], resolution[code]
            position = count % window
        whole = position == 0 and count > 0 and window >= _LONG
        blocks = _whole_blocks(tag, value, ok, i, window) if whole else 0
        if blocks > 0:
            rows = slice(i, i + blocks * window)
            mean, squares = _learn_blocks(
                value[rows],
                block[code],
                tail[code],
                mean,
                squares,
                threshold,
                step,
                older_tail,
                heads,
                expected[rows],
                upper[rows],
            )
            _judge_blocks(
                value[rows],
                threshold,
                count,
                out_n[rows],
                score[rows],
                expected[rows],
                lower[rows],
                upper[rows],
                is_anomaly[rows],
            )
            i += blocks * window
            count += blocks * window
            continue
        out_n[i] = count
        x = value[i]
        if ok[i] and np.isfinite(x):
            if count >= warm_up:
                middle, spread, size = mean, squares, window
                if count < window:
                    size = count
                elif position > 0:
                    middle, spread = _merged(
                        tail[code, 0, position], tail[code, 1, position], mean, squares, position, window
                    )
                margin = _margin(middle, spread, size, threshold, step)
                score[i], is_anomaly[i] = _judged(x, middle, margin, threshold, above)
                expected[i], lower[i], upper[i] = middle, middle - margin, middle + margin
            if position == 0:
                if count > 0:
                    _make_tail(block[code], tail[code], 0)
                mean, squares = x, 0.0
            else:
                mean, squares = _added(mean, squares, position, x)
            block[code, position] = x
            count += 1
            position = position + 1 if position + 1 < window else 0
        i += 1
    if code >= 0:
        n[code], head[code, 0], head[code, 1] = count, mean, squares
