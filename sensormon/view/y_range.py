"""The y range of a chart of readings: everything in view with a margin, rounded to a step.

A round step keeps the axis still while readings arrive. The Live board applies the same rule in the browser
(`ui/browser/y_range.js`), because a zoom must fit at once and without the server; its
numbers come from `YRule`, and a browser test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from sensormon.model.readings import Floats
from sensormon.model.tags import Tag

AIR = 0.05
"""The margin above and below, as a part of the range."""


@dataclass(frozen=True)
class YRule:
    """The numbers of the rule for one tag, in its unit."""

    room: float
    """An edge of the band counts up to this far from the readings, or as far as their own spread."""
    least: float
    """The smallest range; 0 if the tag has no resolution."""
    empty: tuple[float, float]
    """The range without any reading."""
    air: float = AIR

    @classmethod
    def of(cls, tag: Tag) -> Self:
        """The rule for this tag."""
        low, high = tag.normal or (0.0, 0.0)
        least = 4 * tag.resolution
        return cls(room=max(high - low, least), least=least, empty=tag.normal or (0.0, 1.0))


def near(value: Floats, lower: Floats, upper: Floats, tag: Tag) -> Floats:
    """The band's edges, limited to the readings' own spread or the tag's `room` from the readings.

    After a long gap a band may be very wide; the readings must stay legible.
    """
    edges = np.concatenate((lower, upper))
    seen = value[np.isfinite(value)]
    if not len(seen):
        return edges
    room = max(float(np.ptp(seen)), YRule.of(tag).room)
    clipped: Floats = np.clip(edges, seen.min() - room, seen.max() + room)
    return clipped


def fitted(values: Floats, tag: Tag) -> tuple[float, float]:
    """The y range that shows these values; without any finite one, the tag's normal band or 0 to 1."""
    rule = YRule.of(tag)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else rule.empty
    size = max(abs(low), abs(high))
    if high - low < max(rule.least, 1e-9 * size, 1e-12):
        least = rule.least or 1e-3 * size or 1.0  # ticks of few digits
        low, high = (low + high - least) / 2, (low + high + least) / 2
    air = rule.air * (high - low)
    step = 10.0 ** np.floor(np.log10((high - low) / 10))
    return float(np.floor((low - air) / step) * step), float(np.ceil((high + air) / step) * step)


def tick_decimals(size: float) -> int:
    """How many decimals the ticks of a y range this wide need."""
    return int(max(0, -np.floor(np.log10(size / 5))))
