"""The rolling z-score, exact and with a constant cost a reading.

The window of the last w values is covered by two aggregates (count, mean, sum of squared
deviations): the tail of the previous block of w values and the head of the current one.
Heads grow by adding a value (Welford), tails are made once a block from its end, and the
two are merged (Chan). Nothing is ever subtracted, so a value of 1e9 that has left the
window has left no trace. Blocks are aligned to the number of values the tag has learned,
so that live and history compute the same sums in the same order.
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
        self._tail = np.zeros((tags, window, 2))  # mean and squares of previous block [j:]
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
        parts = (self._n[tag : tag + 1], self._head[tag], self._block[tag], self._tail[tag].ravel())
        return np.concatenate(parts, dtype=np.float64)

    def load(self, tag: int, vector: Floats) -> None:
        """Go on, to the last bit, from what `save` gave with the same window."""
        check_code(len(self._n), tag)
        window = self.lead
        check_vector(3 + 3 * window, vector)
        self._n[tag], self._head[tag] = vector[0], vector[1:3]
        self._block[tag] = vector[3 : 3 + window]
        self._tail[tag] = vector[3 + window :].reshape(window, 2)


@numba.njit(cache=True)
def _add(head: Floats, count: int, value: float) -> None:
    """One more value into an aggregate of `count` values."""
    delta = value - head[0]
    head[0] += delta / (count + 1)
    head[1] += delta * (value - head[0])


@numba.njit(cache=True)
def _make_tail(block: Floats, tail: Floats, start: int) -> None:
    """tail[j] becomes the aggregate of block[j:], for j from the end down to `start`."""
    window = len(block)
    tail[window - 1, 0] = block[window - 1]
    tail[window - 1, 1] = 0.0
    for j in range(window - 2, start - 1, -1):
        tail[j] = tail[j + 1]
        _add(tail[j], window - 1 - j, block[j])


@numba.njit(cache=True)
def _learn(code: int, value: float, n: Ints, block: Floats, tail: Floats, head: Floats) -> None:
    window = block.shape[1]
    position = n[code] % window
    if position == 0:
        if n[code] > 0:
            _make_tail(block[code], tail[code], 0)
        head[code, 0] = value
        head[code, 1] = 0.0
    else:
        _add(head[code], position, value)
    block[code, position] = value
    n[code] += 1


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
    n[code] = count - position
    for j in range(position):
        value = values[older + j]
        if j == 0:
            head[code, 0] = value
            head[code, 1] = 0.0
        else:
            _add(head[code], j, value)
        block[code, j] = value
    n[code] = count


@numba.njit(cache=True)
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
    for i in range(len(tag)):
        code = tag[i]
        count = n[code]
        out_n[i] = count
        x = value[i]
        if not ok[i] or not np.isfinite(x):
            continue
        if count >= warm_up:
            position = count % window
            if count < window:
                mean, squares, size = head[code, 0], head[code, 1], count
            elif position == 0:
                mean, squares, size = head[code, 0], head[code, 1], window
            else:
                delta = head[code, 0] - tail[code, position, 0]
                mean = tail[code, position, 0] + delta * position / window
                squares = (
                    tail[code, position, 1]
                    + head[code, 1]
                    + delta * delta * position * (window - position) / window
                )
                size = window
            sd = np.sqrt(squares / size)
            # 35.2 - 35.1 is a little more than 0.1 in binary: one step must not count as more than one.
            step = resolution[code]
            if step > 0.0:
                step += ROUNDING * abs(mean)
            margin = max(threshold * sd, step)
            off = abs(x - mean)
            flagged = off > margin
            if margin > 0.0:
                z = min(off * threshold / margin, HIGHEST)
            elif flagged:
                z = HIGHEST
            else:
                z = 0.0
            # Rounding must not let the score and the flag disagree at the threshold.
            if flagged and z <= threshold:
                z = np.nextafter(threshold, np.inf)
            elif not flagged and z > threshold:
                z = threshold
            score[i] = z
            expected[i] = mean
            lower[i] = mean - margin
            upper[i] = mean + margin
            is_anomaly[i] = flagged
        _learn(code, x, n, block, tail, head)
