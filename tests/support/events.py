"""Readings as the store returns them, flagged where a test wants an event, and the events in them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa

from sensormon.analysis.versions import Versions
from sensormon.events.grouping import Events, are_over, group_flags, lasting
from sensormon.model.clock import SECOND
from sensormon.model.entries import DetectorSettings
from sensormon.model.events import Delays
from sensormon.stores.readings import FLAG
from tests.support.plant import START
from tests.support.slow_events import SlowEvent

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


def events_of(readings: pd.DataFrame, versions: Versions = VERSIONS, delays: Delays | None = None) -> Events:
    """The events of these readings that last the on-delay, as columns."""
    delays = delays or Delays()
    rows = readings[readings["is_anomaly"]].sort_values(["time", "id"])
    missing = {"threshold": math.nan, "profile": None, "detector": None}
    rows = rows.assign(**{name: value for name, value in missing.items() if name not in rows})
    table = pa.table(
        {
            name: rows["time"].astype("int64").to_numpy()
            if name == "time"
            else pa.array(rows[name], pa.string() if name in ("tag", "profile", "detector") else None)
            for name in FLAG
        }
    )
    return lasting(group_flags(table, versions, delays), delays)


def find_events(
    readings: pd.DataFrame, versions: Versions = VERSIONS, delays: Delays | None = None
) -> list[SlowEvent]:
    """The same, an object for each."""
    events = events_of(readings, versions, delays)
    ids, edges = events.ids
    columns = zip(
        events.flags.tags[events.tag].tolist(),
        [tuple(part.tolist()) for part in np.split(ids, edges[1:-1])] if len(events) else [],
        *(
            column.tolist()
            for column in (
                events.start,
                events.end,
                events.last_n,
                events.peak_id,
                events.peak_time,
                events.peak_value,
                events.peak_score,
                events.threshold,
                events.settings,
                events.detector,
                events.profile,
                events.severity,
                events.off_seconds,
            )
        ),
        strict=True,
    )
    return [SlowEvent(*values) for values in columns]


def is_over(events: Events, now: int, newest: tuple[int, int] | None, delays: Delays | None = None) -> bool:
    """Whether the first event is over; `newest` is what is known of every tag."""
    known = dict.fromkeys(events.flags.tags.tolist(), newest) if newest else {}
    return bool(are_over(events, now, known, delays or Delays())[0])
