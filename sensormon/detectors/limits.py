"""Fixed limits: high and low, high-high and low-low, with deadband and delay."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sensormon.detectors.base import UNSET, Detector, Parameter, TagFacts
from sensormon.detectors.judged import Judged, Rule, Sentence
from sensormon.detectors.kernel import (
    EXPECTED,
    HIGH,
    LOW,
    LOWER,
    RESOLUTION,
    SCORE,
    UPPER,
    VALID_HIGH,
    VALID_LOW,
    row_kernel,
)
from sensormon.detectors.row_state import RowState
from sensormon.model.readings import Floats
from sensormon.model.tags import Tag

LEAD = 1000
"""Last readings that nearly always show when the tag was last within its limits."""

_OUTSIDE, _SINCE = 1, 2


@dataclass(frozen=True)
class Limits(Detector):
    """Whether a value is beyond limits that somebody set, and for how long.

    Without parameters a tag's limits are its own: L and H the ends of its normal band, LL and
    HH those of its possible range (readings beyond those do not come in live: they are
    rejected). The score is 0 within the limits, 1 beyond them for less than `delay`, 2 beyond
    L or H, 3 beyond LL or HH; an anomaly is a score above 1. Once beyond, a tag is within its
    limits again when it is inside them by the deadband. Nothing is learned. lower and upper
    are L and H (NaN if a tag has none), expected is the nearest value between them.

    Catches: what is out of the range that people agreed on, from the first reading on.
    Misses: everything within the limits: a shift (prefer `cusum`), a spike (`hampel`), a
    stuck sensor (`stuck`).

    Parameters: `low`, `high`, `low_low`, `high_high` in the tag's unit; -1000000000 and
    1000000000 stand for the tag's own. `deadband` in percent of the band from L to H, 0 to
    50; `delay` in seconds, 0 to 86400.

    Reference: ANSI/ISA-18.2-2016, Management of Alarm Systems for the Process Industries;
    deadbands and delays as in EEMUA 191.

    >>> values = np.array([20.0, 31.0, 29.9, 20.0])
    >>> rows = np.zeros(4, np.int32), values, np.ones(4, bool), np.arange(4) * 1_000_000
    >>> Limits(low=10.0, high=30.0).start(np.zeros(1)).run(*rows).is_anomaly.tolist()
    [False, True, True, False]
    """

    low: float = -UNSET
    high: float = UNSET
    low_low: float = -UNSET
    high_high: float = UNSET
    deadband: float = 1.0
    delay: float = 0.0

    title = "Limits"
    score_name = "limit"
    threshold = 1.0  # beyond L or H for as long as the delay
    sensitivity = None
    needed = 0
    PARAMETERS = (
        Parameter("low", -UNSET, UNSET, 0.001, "the tag's unit", label="L", unset=-UNSET),
        Parameter("high", -UNSET, UNSET, 0.001, "the tag's unit", label="H", unset=UNSET),
        Parameter("low_low", -UNSET, UNSET, 0.001, "the tag's unit", label="LL", unset=-UNSET),
        Parameter("high_high", -UNSET, UNSET, 0.001, "the tag's unit", label="HH", unset=UNSET),
        Parameter("deadband", 0.0, 50.0, 0.1, "% of the band", label="Deadband"),
        Parameter("delay", 0.0, 86_400.0, 0.5, "seconds", label="Delay"),
    )

    def start(self, tags: TagFacts | Floats) -> RowState:
        """A state for these tags; an array is their resolutions, and they have no limits of their own."""
        params = (self.low, self.high, self.low_low, self.high_high, self.deadband, self.delay)
        return RowState(kernel, params, tags, size=3, lead=LEAD, threshold=1.0)

    def sentence(self, reading: Judged, tag: Tag) -> Sentence:
        """Why it flagged this reading, or why it did not."""
        value, band = tag.render(reading.value), _band(reading, tag)
        if reading.score == 0.0:
            return Rule.BELOW, f"{value} is within the limits {band}: not flagged"
        if reading.score == 1.0:
            brief = f"for less than the delay of {self.delay:g} s"
            return Rule.HELD_BACK, f"{value} is beyond the limits {band} {brief}: not flagged"
        if reading.score >= 3.0:
            return Rule.FLAGGED, f"{value} is beyond the limits {band}, and beyond the outer ones (LL, HH)"
        if not reading.is_outside:
            return Rule.FLAGGED, f"{value} is not yet back inside {band} by the deadband"
        return Rule.FLAGGED, f"{value} is beyond the limits {band}"


def _band(reading: Judged, tag: Tag) -> str:
    """L and H as a person reads them: "35.00 to 40.00 °C"."""
    low, high = (
        f"{edge:,.{tag.decimals}f}" if math.isfinite(edge) else "none"
        for edge in (reading.lower, reading.upper)
    )
    return f"{low} to {high} {tag.unit}".rstrip()


def judge(params: Floats, facts: Floats, row: Floats, value: float, time: int, out: Floats) -> None:
    """One reading of one tag; `params` are low, high, low_low, high_high, deadband and delay."""
    low = params[0] if params[0] > -UNSET else facts[LOW]
    high = params[1] if params[1] < UNSET else facts[HIGH]
    low_low = params[2] if params[2] > -UNSET else facts[VALID_LOW]
    high_high = params[3] if params[3] < UNSET else facts[VALID_HIGH]
    inside = 0.0
    if row[_OUTSIDE] > 0.0 and np.isfinite(low) and np.isfinite(high):
        inside = max(params[4] / 100.0 * (high - low), facts[RESOLUTION] if params[4] > 0.0 else 0.0)
    far = value > high_high or value < low_low
    outside = far or value > high or value < low
    back = value <= high - inside and value >= low + inside
    if outside:
        if row[_OUTSIDE] == 0.0:
            row[_OUTSIDE], row[_SINCE] = 1.0, time
    elif back:
        row[_OUTSIDE] = 0.0
    score = 0.0
    if row[_OUTSIDE] > 0.0:
        score = (3.0 if far else 2.0) if time - row[_SINCE] >= params[5] * 1e6 else 1.0
    out[SCORE] = score
    out[EXPECTED] = min(max(value, low), high)
    out[LOWER] = low if np.isfinite(low) else np.nan
    out[UPPER] = high if np.isfinite(high) else np.nan


kernel = row_kernel(judge)
