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
"""Pairs of neighbours that limits need; Montgomery asks for 20 to 25."""

SIGMAS = 3.0

CORRELATED = 0.25
"""From this lag-1 autocorrelation on the moving range underestimates the spread too much."""


@dataclass(frozen=True)
class ControlLimits:
    """In the tag's unit. `pairs` pairs of neighbours gave sigma; `autocorrelation` is the lag-1
    autocorrelation of the baseline, NaN if it never changes."""

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


def control_limits(time: Ints, value: Floats) -> ControlLimits | None:
    """The limits from the readings of a baseline, in order of time; None if there are too few.

    Readings on both sides of a gap are not neighbours.
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
    return ControlLimits(
        centre,
        sigma,
        centre - SIGMAS * sigma,
        centre + SIGMAS * sigma,
        len(value),
        len(steps),
        covariance / variance if variance > 0 else float("nan"),
    )
