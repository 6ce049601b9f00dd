"""The rate of change: values that move faster than they should, in units per second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numba
import numpy as np

from sensormon.detectors.base import (
    EXPECTED,
    HIGHEST,
    LOWER,
    RESOLUTION,
    ROUNDING,
    SCORE,
    UPPER,
    N,
    Parameter,
    RowState,
    TagFacts,
    check_parameters,
)
from sensormon.detectors.baseline import COUNT, LEAD, SIZE, expected, learn, residual, sigma, step
from sensormon.model.readings import Floats

MEMORY = 1000
"""The usual rates follow the tag with this memory, in readings."""

_KNOWN, _VALUE, _TIME = SIZE, SIZE + 1, SIZE + 2
_CALM, _CALM_TIME = SIZE + 3, SIZE + 4  # the last reading that was not flagged


@dataclass(frozen=True)
class RateOfChange:
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
    rates are normal after so many flagged readings.

    Reference: IEC 62682:2014, Management of alarm systems for the process industries
    (rate-of-change alarm); Shewhart, Economic Control of Quality of Manufactured Product
    (1931), for the learned limit.

    >>> values = np.array([20.0, 20.1, 20.2, 23.2, 23.3])
    >>> rows = np.zeros(5, np.int32), values, np.ones(5, bool), np.arange(5) * 1_000_000
    >>> RateOfChange(limit=1.0).start(np.zeros(1)).run(*rows).is_anomaly.tolist()
    [False, False, False, True, False]
    """

    limit: float = 0.0
    threshold: float = 4.5
    accept: int = 300

    PARAMETERS: ClassVar[tuple[Parameter, ...]] = (
        Parameter("limit", 0.0, 1_000_000.0, 0.001, "units per second"),
        Parameter("threshold", 1.0, 20.0, 0.1, "standard deviations"),
        Parameter("accept", 100, 10_000, 1, "readings"),
    )

    def __post_init__(self) -> None:
        check_parameters(self)

    def start(self, tags: TagFacts | Floats) -> RowState:
        """A state that has learned nothing of these tags; an array is their resolutions."""
        params = (self.limit, self.threshold, self.accept, MEMORY)
        return RowState(_run, params, tags, size=SIZE + 5, lead=LEAD, threshold=self.threshold)


@numba.njit(cache=True)
def _run(tag, value, time, ok, params, facts, rows, n, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    for i in range(len(tag)):
        row = rows[tag[i]]
        n[i] = int(row[N])
        if ok[i] and np.isfinite(value[i]):
            judge(params, facts[tag[i], RESOLUTION], row, value[i], time[i], out[:, i])
            row[N] += 1.0


@numba.njit(cache=True)
def judge(params, resolution, row, value, time, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    """One reading of one tag; `params` are limit, threshold, accept and the baseline's memory."""
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
def _score(params, resolution, row, before, since, value, time, out):  # type: ignore[no-untyped-def]  # pragma: no cover
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
