"""Control limits of an individuals chart, from a baseline.

Shewhart (1931); as in Montgomery, Introduction to Statistical Quality Control, section 6.4:
the centre is the mean of the baseline, sigma the mean moving range of two neighbours divided
by 1.128 (d2 for samples of two), the limits lie three sigma off. Control limits say what the
process did in its baseline; they are not the specification, which says what it should do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sensormon.analysis.gaps import breaks, usual_interval
from sensormon.model.readings import Floats, Ints

D2 = 1.128
"""The mean range of two independent normal values, in sigma."""

MINIMUM = 20
"""Neighbouring pairs that limits need; Montgomery asks for 20 to 25."""

SIGMAS = 3.0

CORRELATED = 0.25
"""From this lag-1 autocorrelation on the moving range says too little of the spread to be believed."""


@dataclass(frozen=True)
class Limits:
    """In the tag's unit. `pairs` neighbours gave sigma; `autocorrelation` is that of neighbours, NaN
    where the baseline never changes."""

    centre: float
    sigma: float
    lower: float
    upper: float
    readings: int
    pairs: int
    autocorrelation: float

    @property
    def correlated(self) -> bool:
        """Whether neighbours resemble each other so much that the limits flag too many readings."""
        return self.autocorrelation > max(CORRELATED, 2.0 / math.sqrt(self.pairs))


def control_limits(time: Ints, value: Floats) -> Limits | None:
    """The limits from the readings of a baseline, in order of time; None where they are too few.

    Two readings with a gap between them are no neighbours.
    """
    together = np.diff(breaks(time, usual_interval(time))) == 0
    steps = np.abs(np.diff(value))[together]
    if len(steps) < MINIMUM:
        return None
    centre = float(value.mean())
    sigma = float(steps.mean()) / D2
    off = value - centre
    variance = float((off**2).mean())
    covariance = float((off[:-1] * off[1:])[together].mean())
    return Limits(
        centre,
        sigma,
        centre - SIGMAS * sigma,
        centre + SIGMAS * sigma,
        len(value),
        len(steps),
        covariance / variance if variance > 0 else float("nan"),
    )
