"""The rate of change: values that move faster than they should, in units per second."""

from __future__ import annotations

from dataclasses import dataclass

import numba

from sensormon.detectors.base import Detector, Parameter, TagFacts
from sensormon.detectors.baseline import COUNT, LEAD, SIZE, WARM_UP, expected, learn, residual, sigma, step
from sensormon.detectors.judged import Judged, Rule, Sentence, conclude
from sensormon.detectors.kernel import (
    EXPECTED,
    HIGHEST,
    LOWER,
    RESOLUTION,
    ROUNDING,
    SCORE,
    UPPER,
    row_kernel,
)
from sensormon.detectors.row_state import RowState
from sensormon.model.readings import Floats
from sensormon.model.tags import Tag

MEMORY = 1000
"""The usual rates follow the tag with this memory, in readings."""

_KNOWN, _VALUE, _TIME = SIZE, SIZE + 1, SIZE + 2
_CALM, _CALM_TIME = SIZE + 3, SIZE + 4  # the last reading that was not flagged


@dataclass(frozen=True)
class RateOfChange(Detector):
    """How fast the value has moved since the tag's last reading.

    With a `limit`, an anomaly is a rate |dx/dt| above it; the score is `threshold` times
    rate / limit. With `limit` 0 the usual rates are learned
    (`sensormon.detectors.baseline`: warm-up 100 readings, flagged readings not learned), and
    an anomaly is a rate more than `threshold` standard deviations off their mean. A change
    within the resolution is none, and a reading that is not later than the one before has no
    rate: it is not judged.

    A reading that is fast away from a flagged one but not from the last that was not flagged
    is the way back from a spike, and no anomaly.

    Catches: spikes, steps, a tag that runs away.
    Misses: everything that goes slowly (prefer `ewma`), stuck sensors (`stuck`). On noisy
    tags `hampel` finds smaller spikes, because a rate has the noise of two readings.

    Parameters: `limit` in the tag's unit per second, 0 to 1000000, 0 is learned; `threshold` in
    standard deviations of the usual rate, 1 to 20; `accept` in readings, 100 to 10000: new
    rates are normal after that many flagged readings.

    Reference: IEC 62682:2014, Management of alarm systems for the process industries
    (rate-of-change alarm); Shewhart, Economic Control of Quality of Manufactured Product
    (1931), for the learned limit.

    >>> import numpy as np
    >>> values = np.array([20.0, 20.1, 20.2, 23.2, 23.3])
    >>> rows = np.zeros(5, np.int32), values, np.ones(5, bool), np.arange(5) * 1_000_000
    >>> RateOfChange(limit=1.0).start(np.zeros(1)).run(*rows).is_anomaly.tolist()
    [False, False, False, True, False]
    """

    limit: float = 0.0
    threshold: float = 4.5
    accept: int = 300

    title = "Rate of change"
    score_name = "rate"
    PARAMETERS = (
        Parameter("limit", 0.0, 1_000_000.0, 0.001, "units per second", label="Limit, 0 is learned"),
        Parameter("threshold", 1.0, 20.0, 0.1, "standard deviations", label="Threshold"),
        Parameter("accept", 100, 10_000, 1, "readings", label="Accept"),
    )

    @property
    def sensitivity(self) -> str:
        """The limit if there is one; otherwise the threshold of the learned rates."""
        return "limit" if self.limit else "threshold"

    @property
    def needed(self) -> int:
        """How many readings of a tag it learns before it judges the first."""
        return 1 if self.limit else WARM_UP + 1

    def start(self, tags: TagFacts | Floats) -> RowState:
        """A state that has learned nothing of these tags; an array is their resolutions."""
        params = (self.limit, self.threshold, self.accept, MEMORY)
        return RowState(kernel, params, tags, size=SIZE + 5, lead=LEAD, threshold=self.threshold)

    def sentence(self, reading: Judged, tag: Tag) -> Sentence:
        """Why it flagged this reading, or why it did not."""
        if reading.score == 0.0:
            return Rule.RESOLUTION, "it moved by no more than the sensor's resolution: not flagged"
        return conclude(
            reading,
            f"with {tag.render(reading.value)} it moved "
            f"{'faster than' if reading.is_anomaly else 'no faster than'} it may ({self.numbers(reading)})",
        )


def judge(params: Floats, facts: Floats, row: Floats, value: float, time: int, out: Floats) -> None:
    """One reading of one tag; `params` are limit, threshold, accept and the baseline's memory."""
    resolution = facts[RESOLUTION]
    if row[_KNOWN] == 0.0:
        row[_KNOWN] = 1.0
        row[_VALUE] = row[_CALM] = value
        row[_TIME] = row[_CALM_TIME] = time
        return
    flagged = False
    if time > row[_TIME]:
        score = _score(params, resolution, row, row[_VALUE], row[_TIME], value, time, out)
        before, since = row[_VALUE], row[_TIME]
        if score > params[1] and row[_CALM_TIME] < row[_TIME]:
            # The way back from a spike is fast, and no anomaly.
            score = _score(params, resolution, row, row[_CALM], row[_CALM_TIME], value, time, out)
            if score <= params[1]:
                before, since = row[_CALM], row[_CALM_TIME]
            else:
                _score(params, resolution, row, before, since, value, time, out)
        flagged = score > params[1]
        if params[0] == 0.0:
            seconds = (time - since) * 1e-6
            finest = (resolution + ROUNDING * abs(before)) / seconds
            learn(row, finest, (value - before) / seconds, flagged, params[3], params[2])
    row[_VALUE], row[_TIME] = value, time
    if not flagged:
        row[_CALM], row[_CALM_TIME] = value, time


@numba.njit(cache=True)
def _score(
    params: Floats,
    resolution: float,
    row: Floats,
    before: float,
    since: float,
    value: float,
    time: int,
    out: Floats,
) -> float:
    """How fast the value has moved since it was `before`, written to `out`; 0 while nothing is known."""
    limit, threshold = params[0], params[1]
    seconds = (time - since) * 1e-6
    change = value - before
    least = resolution + ROUNDING * abs(before)
    score = 0.0
    if limit > 0.0:
        if abs(change) > least:
            score = min(abs(change) / seconds / limit * threshold, HIGHEST)
        out[SCORE] = score
        out[EXPECTED] = before
        out[UPPER] = before + max(limit * seconds, least)
        out[LOWER] = before - max(limit * seconds, least)
    elif row[COUNT] > 0.0:
        finest = least / seconds
        if abs(change) > least:
            score = abs(residual(row, finest, change / seconds))
        out[SCORE] = score
        out[EXPECTED] = before + expected(row) * seconds
        margin = max(threshold * sigma(row, finest), step(row, finest)) * seconds
        out[UPPER] = out[EXPECTED] + margin
        out[LOWER] = out[EXPECTED] - margin
    return score


kernel = row_kernel(judge)
