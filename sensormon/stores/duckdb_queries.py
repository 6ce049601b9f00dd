"""What all queries on a DuckDB store share: times, and the condition that bounds each query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sensormon.model.timestamps import to_datetime

_BEFORE_PROFILES = (
    "id, tag, time, received, value, quality, n, score, expected, lower, upper, "
    "is_anomaly, settings, source, origin"
)
COLUMNS = f"{_BEFORE_PROFILES}, threshold, profile, detector, coalesce(withheld, 0)::UTINYINT AS withheld"
"""The columns of a reading, in frames."""
OLDER_COLUMNS = (
    f"{_BEFORE_PROFILES}, NULL::DOUBLE AS threshold, NULL::VARCHAR AS profile, NULL::VARCHAR AS detector, "
    "0::UTINYINT AS withheld"
)
"""The same from a file of before there were profiles that is not written."""
OLDER_OWN = (
    "NULL::STRUCT(detector VARCHAR, score DOUBLE, expected DOUBLE, lower DOUBLE, upper DOUBLE)[] AS own"
)
LEARNED = "(quality >> 30 = 0 AND coalesce(withheld, 0) NOT IN (1, 2))"
"""Whether a reading was learned; see `sensormon.model.readings.is_learned`."""


def naive(time: int) -> Any:
    """The time (µs UTC) as the store keeps it: UTC without a zone."""
    return to_datetime(time).replace(tzinfo=None)


def bounded(
    tags: Sequence[str] | None, since: int, until: int, time: str = "time"
) -> tuple[str, list[object]]:
    """The condition of every query on readings (a time span, tags) and its values.

    `time` is the column to bound.
    """
    where, values = f"{time} >= ? AND {time} < ?", [naive(since), naive(until)]
    if tags is not None:
        return f"{where} AND tag IN (SELECT unnest(?::VARCHAR[]))", [*values, list(tags)]
    return where, list(values)


def condition_of(
    tags: Sequence[str] | None,
    since: int,
    until: int,
    below_id: int | None,
    anomalies: bool = False,
) -> tuple[str, list[object]]:
    """The condition of readings of a span, or of those flagged, and its values."""
    where, values = bounded(tags, since, until)
    if anomalies:
        where += " AND is_anomaly"
    if below_id is not None:
        where += " AND id < ?"
        values.append(below_id)
    return where, values
