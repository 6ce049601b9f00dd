"""Readings as the store returns them, flagged where a test wants an event, and the events in them."""

from __future__ import annotations

import pandas as pd

from sensormon.analysis.versions import Versions
from sensormon.events.grouping import group_flags, lasting
from sensormon.model.clock import SECOND
from sensormon.model.entries import DetectorSettings
from sensormon.model.events import Delays, Event
from tests.support.plant import START

THRESHOLDS = {1: 3.0, 2: 5.0}
"""The threshold of each detector settings; 3 and others are unknown."""

VERSIONS = Versions(
    {
        number: DetectorSettings(number, START, "environment", "zscore", {"threshold": threshold}, {})
        for number, threshold in THRESHOLDS.items()
    }
)
"""The same, from before there were profiles."""


def frame(rows: list[tuple[str, float, bool, float, int]]) -> pd.DataFrame:
    """Readings (tag, seconds since the previous row, flagged, score, settings), in order of time.

    Ids count from 1. Tags are `a` and `b`.
    """
    seconds, learned = 0.0, {"a": 0, "b": 0}
    records = []
    for i, (tag, after, flagged, score, in_force) in enumerate(rows):
        seconds += after
        records.append(
            (i + 1, tag, START + round(seconds * SECOND), 7.0 + i, learned[tag], score, flagged, in_force)
        )
        learned[tag] += 1
    columns = ["id", "tag", "time", "value", "n", "score", "is_anomaly", "settings"]
    table = pd.DataFrame(records, columns=columns)
    table["time"] = table["time"].astype("datetime64[us]").dt.tz_localize("UTC")
    table["is_anomaly"] = table["is_anomaly"].astype(bool)
    return table.assign(expected=7.0, lower=6.0, upper=8.0)


def flags(*seconds: float, score: float = 6.0) -> pd.DataFrame:
    """199 readings of tag `a`, one per second, flagged at these seconds."""
    flagged = set(seconds)
    return frame([("a", 1.0, i in flagged, score, 1) for i in range(1, 200)])


def find_events(
    readings: pd.DataFrame, versions: Versions = VERSIONS, delays: Delays | None = None
) -> list[Event]:
    """The events of these readings that last the on-delay, in order of start."""
    delays = delays or Delays()
    return lasting(group_flags(readings, versions, delays), delays)
