"""A reading with what a detector left of it, and the phrases that sentences about it share.

What the score of a detector means differs, so each detector has its own sentence of why a
reading was or was not flagged; numbers and positions read the same in all of them. What it
is not: a second judgement; a sentence says only what the stored columns show.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar, cast

from sensormon.detectors.kernel import HIGHEST, ROUNDING
from sensormon.model.readings import Withheld
from sensormon.model.tags import Tag

T = TypeVar("T")
_DISTANCE = re.compile(r" lies (?P<far>.{1,80}? (?:above|below)) (?P<what>the|a) (?:expected|line) ")
"""What `distance` says, and what a detector puts behind it."""


class Rule(StrEnum):
    """What decided about a reading."""

    FLAGGED = "flagged"
    QUALITY = "quality"
    WARM_UP = "warm-up"
    NO_BASIS = "nothing to judge by"
    RESOLUTION = "resolution"
    HELD_BACK = "held back"
    CONDITION = "condition not met"
    SETTLING = "settling"
    LATE = "late"
    ON_DELAY = "on-delay"
    BELOW = "below the threshold"


Sentence = tuple[Rule, str]
"""What decided, and the sentence without its capital and its period."""


@dataclass(frozen=True)
class Judged:
    """A reading as the store has it; score, expected, lower and upper are NaN if it was not judged.

    `profile` and `detector`, which spoke, are empty in one from before there were profiles; `detector`
    also if nothing judged it. `threshold` is that detector's, NaN without one.
    """

    value: float
    quality: int
    n: int
    score: float
    expected: float
    lower: float
    upper: float
    is_anomaly: bool
    threshold: float = math.nan
    profile: str = ""
    detector: str = ""
    withheld: int = Withheld.NOTHING

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Judged:
        """From a row of a frame of readings."""
        score, expected, lower, upper = (float(row[name]) for name in ("score", "expected", "lower", "upper"))
        return cls(
            float(row["value"]),
            int(row["quality"]),
            int(row["n"]),
            score,
            expected,
            lower,
            upper,
            bool(row["is_anomaly"]),
            _given(row, "threshold", math.nan),
            _given(row, "profile", ""),
            _given(row, "detector", ""),
            int(_given(row, "withheld", Withheld.NOTHING)),
        )

    @property
    def is_outside(self) -> bool:
        """Whether the value is outside the band it was expected in."""
        return not self.lower <= self.value <= self.upper

    def step(self, tag: Tag) -> float:
        """The largest difference that counts as one step of the sensor, and the rounding of the bounds."""
        size = max(abs(self.expected), abs(self.value))
        return tag.resolution * (1 + 1e-9) + 2 * ROUNDING * size


def _given(row: Mapping[Any, Any], name: str, otherwise: T) -> T:
    value: Any = row.get(name)
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return otherwise if missing else cast(T, value)


def distance(reading: Judged, tag: Tag) -> str:
    """How far the value is off the expected: "8.91 pH lies 1.89 pH above"."""
    side = "above" if reading.value > reading.expected else "below"
    return f"{tag.render(reading.value)} lies {tag.render(abs(reading.value - reading.expected))} {side}"


def position(reading: Judged, tag: Tag) -> str:
    """Where the value lies: "8.91 pH lies 1.89 pH above the expected 7.02 ± 0.36 pH"."""
    return f"{distance(reading, tag)} the expected {tag.render_band(reading.expected, reading.upper)}"


def off_expected(sentence: str) -> str:
    """How far a value is off, from a sentence that has its `distance`; empty if it has none.

    >>> off_expected("Z-score: 8.91 pH lies 1.89 pH above the expected 7.02 ± 0.36 pH (z 5.2, above 3.0).")
    '1.89 pH above expected'
    >>> off_expected("8.91 pH lies 1.89 pH above a line that had been flat at 7.02 pH.")
    '1.89 pH above a flat line'
    """
    known = _DISTANCE.search(sentence)
    if known is None:
        return ""
    return f"{known['far']} {'expected' if known['what'] == 'the' else 'a flat line'}"


def conclude(reading: Judged, text: str) -> Sentence:
    """The sentence for a reading whose score alone decided: a flag, or below the threshold."""
    return (Rule.FLAGGED, text) if reading.is_anomaly else (Rule.BELOW, f"{text}: not flagged")


def distinct(score: float, threshold: float) -> tuple[str, str]:
    """Score and threshold with one decimal, or with as many as show the difference.

    >>> distinct(5.23, 3.0), distinct(2.997, 3.0), distinct(1e9, 3.0)
    (('5.2', '3.0'), ('2.997', '3.000'), ('beyond any number', '3.0'))
    """
    if score >= HIGHEST:
        return "beyond any number", f"{threshold:,.1f}"
    for decimals in range(1, 7):
        score_text, threshold_text = f"{score:,.{decimals}f}", f"{threshold:,.{decimals}f}"
        if score_text != threshold_text or math.isclose(score, threshold, rel_tol=1e-9):
            break
    return score_text, threshold_text
