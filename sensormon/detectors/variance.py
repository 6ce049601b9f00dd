"""The chart of the exponentially weighted moving variance (EWMV): noise that rises or falls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensormon.detectors.base import Detector, Parameter, TagFacts
from sensormon.detectors.baseline import (
    COUNT,
    LEAD,
    SIGMA,
    SIZE,
    WARM_UP,
    clipped,
    expected,
    learn,
    residual,
    sigma,
    step,
)
from sensormon.detectors.judged import Judged, Sentence, conclude
from sensormon.detectors.kernel import EXPECTED, HIGHEST, LOWER, RESOLUTION, SCORE, UPPER, row_kernel
from sensormon.detectors.row_state import RowState
from sensormon.model.readings import Floats
from sensormon.model.tags import Tag

MEMORY = 1000
"""The baseline follows the tag with this memory, in readings."""

_VARIANCE, _AVERAGE, _STARTED, _USUAL = SIZE, SIZE + 1, SIZE + 2, SIZE + 3
_VISIBLE = 2.0
"""Noise below this many steps of the sensor is not judged for being too low: it may vanish by rounding."""


@dataclass(frozen=True)
class Variance(Detector):
    """The weighted variance of the residuals about their weighted mean, the latest with weight `weight`.

    Residuals are what the readings are off the expected, in their usual standard deviations
    (`sensormon.detectors.baseline`: warm-up 100 readings, flagged readings not learned,
    autocorrelation taken out). Their weighted variance is about chi-squared with
    (2 - weight) / weight degrees of freedom; its cube root is about normal (Wilson and
    Hilferty), and the score is how many standard deviations that is off its own mean, up or
    down; where that has usually been more than 1 (noise that comes in bursts or has heavy
    tails), in multiples of what it usually is. A single reading counts at most 4 standard
    deviations in what is carried on. lower and upper are where the next reading would flag
    as too noisy; a tag whose noise has fallen is flagged inside them.

    Catches: noise that has doubled, noise that has halved (a damped or stuck sensor).
    Misses: shifts and drifts (prefer `cusum`, `ewma`); noise that falls where it was below
    two steps of the resolution anyway. A large spike flags it for a reading (`hampel` tells
    that apart); `stuck` tells a frozen sensor by its cause.

    Parameters: `weight` (lambda), share of the latest reading, 0.01 to 0.5; `width` in
    standard deviations, 1 to 20; `accept` in readings, 100 to 10000: new noise is normal
    after that many flagged readings.

    References: MacGregor and Harris, Journal of Quality Technology 25 (1993) 106; Wilson and
    Hilferty, Proceedings of the National Academy of Sciences 17 (1931) 684.

    >>> values = np.random.default_rng(0).normal(37.0, 0.2, 400)
    >>> values[300:] = 37.0 + 3 * (values[300:] - 37.0)
    >>> rows = np.zeros(400, np.int32), values, np.ones(400, bool), np.arange(400)
    >>> flagged = np.flatnonzero(Variance().start(np.zeros(1)).run(*rows).is_anomaly)
    >>> 300 <= int(flagged[0]) < 315
    True
    """

    weight: float = 0.05
    width: float = 4.0
    accept: int = 300

    title = "Noise (EWMV)"
    score_name = "EWMV"
    sensitivity = "width"
    needed = WARM_UP
    PARAMETERS = (
        Parameter("weight", 0.01, 0.5, 0.01, "share of the latest reading", label="Weight λ"),
        Parameter("width", 1.0, 20.0, 0.1, "standard deviations", label="Limit"),
        Parameter("accept", 100, 10_000, 1, "readings", label="Accept"),
    )

    @property
    def threshold(self) -> float:
        """The score above which a reading is an anomaly."""
        return self.width

    def start(self, tags: TagFacts | Floats) -> RowState:
        """A state that has learned nothing of these tags; an array is their resolutions."""
        params = (self.weight, self.width, self.accept, MEMORY)
        return RowState(kernel, params, tags, size=SIZE + 4, lead=LEAD, threshold=self.width)

    def sentence(self, reading: Judged, tag: Tag) -> Sentence:
        """Why it flagged this reading, or why it did not."""
        return conclude(
            reading,
            f"the noise differs from the tag's usual noise by {self.numbers(reading)} (standard deviations)",
        )


def judge(params: Floats, facts: Floats, row: Floats, value: float, _time: int, out: Floats) -> None:
    """One reading of one tag; `params` are weight, width, accept and the baseline's memory."""
    weight, width, accept, memory = params
    resolution = facts[RESOLUTION]
    flagged = False
    if row[COUNT] > 0.0:
        if row[_STARTED] == 0.0:
            row[_VARIANCE], row[_AVERAGE], row[_STARTED], row[_USUAL] = 1.0, 0.0, 1.0, 1.0
        z = min(max(residual(row, resolution, value), -1e6), 1e6)
        # About a mean that follows it, a variance of 1 comes out larger by what is taken off here.
        share = weight * (2.0 - weight) / 2.0
        carried = (1.0 - weight) * row[_VARIANCE]
        variance = carried + share * (z - row[_AVERAGE]) ** 2
        part = 2.0 * weight / (9.0 * (2.0 - weight))
        wider = np.sqrt(max(row[_USUAL], 1.0))
        raw = (np.cbrt(variance) - (1.0 - part)) / np.sqrt(part)
        if row[SIGMA] <= _VISIBLE * step(row, resolution):
            raw = max(raw, 0.0)
        score = abs(raw) / wider
        flagged = score > width
        out[SCORE] = min(score, HIGHEST)
        out[EXPECTED] = expected(row)
        highest = (1.0 - part + width * wider * np.sqrt(part)) ** 3
        scale = sigma(row, resolution)
        middle, margin = row[_AVERAGE] * scale, np.sqrt(max(highest - carried, 0.0) / share) * scale
        out[UPPER] = out[EXPECTED] + middle + margin
        out[LOWER] = out[EXPECTED] + middle - margin
        z = clipped(z)
        row[_VARIANCE] = carried + share * (z - row[_AVERAGE]) ** 2
        row[_AVERAGE] += weight * (z - row[_AVERAGE])
        if not flagged:
            row[_USUAL] += (raw * raw - row[_USUAL]) / min(row[COUNT], memory)
    if learn(row, resolution, value, flagged, memory, accept):
        row[_STARTED] = 0.0


kernel = row_kernel(judge)
