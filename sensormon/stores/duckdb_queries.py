"""What all queries on a DuckDB store share: times, and the condition that bounds each query."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
LEARNED = "(quality >> 30 = 0 AND coalesce(withheld, 0) NOT IN (1, 2, 5))"
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
    if tags is None:
        return where, list(values)
    of_tags, names = among(tags)
    return f"{where} AND {of_tags}", [*values, *names]


def among(tags: Collection[str]) -> tuple[str, list[object]]:
    """The condition that a row is of one of these tags, and its values.

    A few tags are compared one by one: DuckDB would join a list, and could then not stop at the newest rows.
    """
    if 0 < len(tags) <= _FEW:
        return f"tag IN ({', '.join('?' * len(tags))})", list(tags)
    return "tag IN (SELECT unnest(?::VARCHAR[]))", [list(tags)]


_FEW = 50


def condition_of(
    tags: Sequence[str] | None, since: int, until: int, below_id: int | None
) -> tuple[str, list[object]]:
    """The condition of readings of a span, and its values."""
    where, values = bounded(tags, since, until)
    if below_id is not None:
        where += " AND id < ?"
        values.append(below_id)
    return where, values
