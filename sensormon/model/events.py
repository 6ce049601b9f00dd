"""What an event is: a stretch of flagged readings of one tag, its severity, and when it has ended.

Sources: ANSI/ISA-18.2-2016 and EEMUA 191 for the on-delay and the off-delay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError

MEDIUM, HIGH = 1.5, 3.0
"""Multiples of the threshold from which an event's severity is medium, and high."""


class Severity(StrEnum):
    """How far the peak was above the threshold; no measure of the effect on the plant."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True)
class Delays:
    """When an event begins to count, and when it has ended.

    It counts with `on_readings` flagged readings over at least `on_seconds`; at the defaults a
    single spike does. It has ended when more than `off_seconds` and at least `off_readings`
    good readings have passed without a flag, and in any case after `longest` seconds, so that
    a tag which reports once an hour does not join what is hours apart. `off_seconds` is for readings
    from before there were profiles; each profile has its own, which may be more than `longest`.
    Raises UsageError for values that contradict each other.
    """

    on_readings: int = 1
    on_seconds: float = 0.0
    off_seconds: float = 10.0
    off_readings: int = 5
    longest: float = 900.0

    def __post_init__(self) -> None:
        good = self.on_readings >= 1 and self.off_readings >= 0 and self.on_seconds >= 0
        if not (good and 0 <= self.off_seconds <= self.longest < math.inf):
            raise UsageError(
                "these delays cannot be used",
                where="events",
                hint="Give 1 reading or more, seconds from 0 on, and off_seconds within longest",
            )

    def follows(self, time: int, n: int, event: Event) -> bool:
        """Whether a flag at (µs UTC, readings learned) comes within the off-delay of this event."""
        passed, readings = time - event.end, n - event.last_n
        near = 0 < readings <= self.off_readings and passed <= self.longest * SECOND
        return near or passed <= event.off_seconds * SECOND


@dataclass(frozen=True)
class Event:
    """A stretch of flagged readings of one tag. Times in µs UTC, values in the tag's unit.

    The peak is the reading with the highest score in thresholds, the first of equals;
    `threshold` (0 if unknown) and `settings` are those it was flagged with.
    `first_n` and `last_n` are how many readings the tag had learned before the first and
    before the last flagged one. `detector` spoke at the peak, under `profile`, which may set the
    severity (`set_severity`); both are empty if they are unknown. `off_seconds` is the off-delay after
    the last flagged reading.
    """

    tag: str
    ids: tuple[int, ...]
    start: int
    end: int
    first_n: int
    last_n: int
    peak_id: int
    peak_time: int
    peak_value: float
    peak_score: float
    threshold: float
    expected: float
    lower: float
    upper: float
    settings: int
    detector: str
    profile: str
    set_severity: str
    off_seconds: float

    @property
    def id(self) -> int:
        """The id of its first flagged reading."""
        return self.ids[0]

    @property
    def readings(self) -> int:
        """How many readings were flagged."""
        return len(self.ids)

    @property
    def ratio(self) -> float:
        """The peak score over its threshold; 0 if that is unknown."""
        return self.peak_score / self.threshold if self.threshold > 0 else 0.0

    @property
    def severity(self) -> Severity:
        """The severity that its profile sets, or else follows from the peak's multiple of the threshold."""
        if self.set_severity:
            return Severity(self.set_severity)
        if self.ratio >= HIGH:
            return Severity.HIGH
        return Severity.MEDIUM if self.ratio >= MEDIUM else Severity.LOW
