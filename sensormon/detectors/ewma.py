"""The EWMA chart: slow drifts and small shifts, seen in an exponentially weighted mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sensormon.detectors.base import Detector, Parameter, TagFacts
from sensormon.detectors.baseline import (
    COUNT,
    LEAD,
    SIZE,
    WARM_UP,
    clipped,
    expected,
    inflation,
    learn,
    residual,
    sigma,
)
from sensormon.detectors.judged import Judged, Sentence, conclude
from sensormon.detectors.kernel import EXPECTED, HIGHEST, LOWER, RESOLUTION, SCORE, UPPER, row_kernel
from sensormon.detectors.row_state import RowState
from sensormon.model.readings import Floats
from sensormon.model.tags import Tag

MEMORY = 500
"""The baseline follows the tag with this memory, in readings."""

_AVERAGE = SIZE


@dataclass(frozen=True)
class Ewma(Detector):
    """The weighted mean of how far the readings are off normal, the latest with weight `weight`.

    In standard deviations of that mean; more than `width` of them is an anomaly. The normal
    mean and standard deviation come from `sensormon.detectors.baseline`: warm-up 100
    readings, flagged readings not learned, autocorrelation taken out. A single reading
    counts at most 4 standard deviations in the mean that is carried on. lower and upper are
    where the next reading would flag.

    Catches: drifts, and shifts of 1 standard deviation and more that stay.
    Misses: lone spikes (prefer `hampel`), changes of the noise (`variance`), stuck sensors
    (`stuck`), drifts that are slow beside the baseline's memory of 500 readings. `cusum` is
    as fast for shifts of a size that is known beforehand.

    Parameters: `weight` (lambda), share of the latest reading, 0.01 to 1; `width` (L) in
    standard deviations of the weighted mean, 1 to 20; `accept` in readings, 100 to 10000: a
    new level is normal after that many flagged readings.

    References: Roberts, Technometrics 1 (1959) 239; Lucas and Saccucci, Technometrics 32
    (1990) 1.

    >>> values = np.random.default_rng(0).normal(37.0, 0.2, 400)
    >>> values[200:] += 0.003 * np.arange(200)
    >>> rows = np.zeros(400, np.int32), values, np.ones(400, bool), np.arange(400)
    >>> flagged = np.flatnonzero(Ewma().start(np.zeros(1)).run(*rows).is_anomaly)
    >>> 200 < int(flagged[0]) < 280
    True
    """

    weight: float = 0.1
    width: float = 3.6
    accept: int = 300

    title = "EWMA chart"
    score_name = "EWMA"
    sensitivity = "width"
    needed = WARM_UP
    PARAMETERS = (
        Parameter("weight", 0.01, 1.0, 0.01, "share of the latest reading", label="Weight λ"),
        Parameter("width", 1.0, 20.0, 0.1, "standard deviations", label="Limit L"),
        Parameter("accept", 100, 10_000, 1, "readings", label="Accept"),
    )

    @property
    def threshold(self) -> float:
        """The score above which a reading is an anomaly."""
        return self.width

    def start(self, tags: TagFacts | Floats) -> RowState:
        """A state that has learned nothing of these tags; an array is their resolutions."""
        params = (self.weight, self.width, self.accept, MEMORY)
        return RowState(kernel, params, tags, size=SIZE + 1, lead=LEAD, threshold=self.width)

    def sentence(self, reading: Judged, tag: Tag) -> Sentence:
        """Why it flagged this reading, or why it did not."""
        return conclude(
            reading,
            f"the weighted mean of the deviations from {tag.render(reading.expected)} is off by "
            f"{self.numbers(reading)} (of its standard deviations)",
        )

    def sigma(self, reading: Judged, tag: Tag) -> float:
        """The residuals' standard deviation, from the width of the band."""
        half = (reading.upper - reading.lower) / 2
        return half * self.weight / (self.threshold * math.sqrt(self.weight / (2 - self.weight)))


def judge(params: Floats, facts: Floats, row: Floats, value: float, _time: int, out: Floats) -> None:
    """One reading of one tag; `params` are weight, width, accept and the baseline's memory."""
    weight, width, accept, memory = params
    resolution = facts[RESOLUTION]
    flagged = False
    if row[COUNT] > 0.0:
        wider = inflation(row)
        z = residual(row, resolution, value) / wider
        carried = (1.0 - weight) * row[_AVERAGE]
        deviation = np.sqrt(weight / (2.0 - weight))  # of the weighted mean, in the long run
        score = min(abs(carried + weight * z) / deviation, HIGHEST)
        flagged = score > width
        out[SCORE] = score
        out[EXPECTED] = expected(row)
        scale = sigma(row, resolution) * wider
        out[UPPER] = out[EXPECTED] + (width * deviation - carried) / weight * scale
        out[LOWER] = out[EXPECTED] - (width * deviation + carried) / weight * scale
        row[_AVERAGE] = carried + weight * clipped(z)
    if learn(row, resolution, value, flagged, memory, accept):
        row[_AVERAGE] = 0.0


kernel = row_kernel(judge)
