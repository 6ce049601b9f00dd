"""Short answers of the DuckDB store: how many, since when, which."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sensormon.stores.duckdb_connection import Frames, Rows, bounded
from sensormon.stores.duckdb_rows import naive


def live_anomalies(rows: Rows, since: int, tags: Sequence[str] | None) -> int:
    """See `Store.live_anomalies`."""
    query = "SELECT count(*) FROM readings WHERE time >= ? AND is_anomaly AND origin <> 'import'"
    values: list[object] = [naive(since)]
    if tags is not None:
        query += " AND tag IN (SELECT unnest(?::VARCHAR[]))"
        values.append(list(tags))
    ((count,),) = rows(query, values)
    return int(count)


def live_tags(rows: Rows) -> list[str]:
    """See `Store.live_tags`."""
    query = "SELECT DISTINCT tag FROM readings WHERE origin <> 'import' ORDER BY tag"
    return [tag for (tag,) in rows(query)]


def activity(frames: Frames, since: int, until: int, width: int) -> pd.DataFrame:
    """See `Store.activity`."""
    return frames(
        "SELECT tag, (epoch_us(time) - ?) // ? AS part, count(*) AS readings,"
        " count(*) FILTER (is_anomaly) AS flagged, count(*) FILTER (quality >> 30 > 0) AS doubtful"
        " FROM readings WHERE time >= ? AND time < ? GROUP BY ALL ORDER BY ALL",
        [since, width, naive(since), naive(until)],
    )


def outside(rows: Rows, tag: str, since: int, until: int, low: float, high: float) -> tuple[int, int]:
    """See `Store.outside`."""
    where, values = bounded([tag], since, until)
    ((beyond, whole),) = rows(
        f"SELECT count(*) FILTER (value < ? OR value > ?), count(*) FROM readings WHERE {where}",  # noqa: S608
        [low, high, *values],
    )
    return int(beyond), int(whole)


def first_time(rows: Rows, since: int, until: int) -> int | None:
    """See `Store.first_time`."""
    where, values = bounded(None, since, until)
    ((time,),) = rows(f"SELECT epoch_us(min(time)) FROM readings WHERE {where}", values)  # noqa: S608
    return None if time is None else int(time)
