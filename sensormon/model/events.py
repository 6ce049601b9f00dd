"""What an event is: a stretch of flagged readings of one tag, its severity, and when it has ended.

Sources: ANSI/ISA-18.2-2016 and EEMUA 191 for the on-delay and the off-delay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

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
