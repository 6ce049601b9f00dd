"""How many readings of a clean series a detector flags, in all and while the tag is young.

Pure functions of a detector and the name of a background; seeded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from sensormon.analysis.backgrounds import background, rows_background
from sensormon.analysis.typed_faults import Flag
from sensormon.model.readings import Bools, Floats

FlagRows = Callable[[Floats], Bools]
"""Flags rows of several tags, one flag a row."""

YOUNG = 1000
"""A tag is young for this many readings."""
JOIN = 5
"""The off-delay of an event, in rows."""


@dataclass(frozen=True)
class FlagCounts:
    """Flags and the readings that they were counted over, in all and in the first `YOUNG` of a series."""

    flags: int
    readings: int
    young_flags: int
    young_readings: int

    @property
    def per_thousand(self) -> float:
        """Flags per 1,000 readings, the young ones included; NaN without a reading."""
        return 1000 * self.flags / self.readings if self.readings else math.nan

    @property
    def young_per_thousand(self) -> float:
        """Flags per 1,000 of the first readings of a series; NaN without a reading."""
        return 1000 * self.young_flags / self.young_readings if self.young_readings else math.nan


def clean_flags(flag: Flag, name: str, rows: int, seeds: Iterable[int]) -> FlagCounts:
    """The flags on this background, one series of `rows` readings per seed; lost readings count as rows."""
    flags = []
    for seed in seeds:
        series = background(name, rows, seed)
        flags.append(flag(series.values, series.times))
    return FlagCounts(
        flags=sum(int(flagged.sum()) for flagged in flags),
        readings=rows * len(flags),
        young_flags=sum(int(flagged[:YOUNG].sum()) for flagged in flags),
        young_readings=min(rows, YOUNG) * len(flags),
    )


def clean_rows_flagged(flag: FlagRows, name: str, rows: int, baseline: int, seeds: Iterable[int]) -> float:
    """The share of flagged rows among the `rows` rows that follow the baseline, over all seeds."""
    flagged = [flag(rows_background(name, baseline + rows, seed).values)[baseline:].mean() for seed in seeds]
    return float(sum(flagged) / len(flagged)) if flagged else math.nan


def longest_event(flag: FlagRows, name: str, rows: int, baseline: int, seed: int) -> int:
    """The rows of the longest event after the baseline; flags at most `JOIN` rows apart are one event."""
    flags = flag(rows_background(name, baseline + rows, seed).values)[baseline:]
    flagged = np.flatnonzero(flags)
    if not len(flagged):
        return 0
    events = np.split(flagged, np.flatnonzero(np.diff(flagged) > JOIN) + 1)
    return max(int(event[-1] - event[0]) + 1 for event in events)
