"""What all queries on a PostgreSQL store share: the columns of a reading, times, and conditions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sensormon.model.timestamps import to_datetime

COLUMNS = (
    "id, tag, time, received, value, quality, n, score, expected, lower, upper, is_anomaly, settings, source,"
    " origin, threshold, profile, detector, withheld"
)
"""The columns of a reading, in frames."""
COLUMNS_AND_OWN = f"{COLUMNS}, own_detectors, array_send(own) AS own"
"""The same and what each detector said, for `sensormon.stores.postgresql_tables.with_own`."""
GOOD = "quality < 1073741824"
"""Whether a reading is of good quality: its upper two bits of 32 are 0. The server can estimate this."""
LEARNED = f"({GOOD} AND withheld NOT IN (1, 2, 5))"
"""Whether a reading was learned; see `sensormon.model.readings.is_learned`."""


def micros(expression: str) -> str:
    """This time as whole µs UTC."""
    return f"(extract(epoch FROM {expression}) * 1000000)::bigint"


def moment(time: int) -> datetime:
    """The time (µs UTC) as psycopg takes it."""
    return to_datetime(time)


def among(tags: Collection[str]) -> tuple[str, list[object]]:
    """The condition that a row is of one of these tags, and its values."""
    return "tag = ANY(%s::text[])", [list(tags)]


def bounded(
    tags: Sequence[str] | None, since: int, until: int, time: str = "time"
) -> tuple[str, list[object]]:
    """The condition of every query on readings (a time span, tags) and its values.

    `time` is the column to bound.
    """
    where, values = f"{time} >= %s AND {time} < %s", [moment(since), moment(until)]
    if tags is None:
        return where, list(values)
    of_tags, names = among(tags)
    return f"{where} AND {of_tags}", [*values, *names]


def condition_of(
    tags: Sequence[str] | None, since: int, until: int, below_id: int | None
) -> tuple[str, list[object]]:
    """The condition of readings of a span, and its values."""
    where, values = bounded(tags, since, until)
    if below_id is not None:
        where += " AND id < %s"
        values.append(below_id)
    return where, values
