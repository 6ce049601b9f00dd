"""Rolling readings up inside DuckDB: what is due, and a day of a tag in one transaction.

A transaction takes the rows of the day that are not counted yet, merges them into the roll-ups
that the day has already (from an earlier run, if readings came late), writes those and deletes
the rows except the flagged ones, whose ids it notes as counted. All or nothing, so a
kill at any point leaves the day as it was or rolled up, and a second run finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pandas as pd

from sensormon.model.clock import DAY
from sensormon.model.entries import CASE
from sensormon.stores.duckdb_database import Database, wal
from sensormon.stores.duckdb_queries import LEARNED, among, naive
from sensormon.stores.duckdb_stream import Deletions
from sensormon.stores.duckdb_summary import minutes_of, renew
from sensormon.stores.retention import Arrivals, Due, Space

# The newest readings of each tag, which a restart reads back; `max(id, n)` keeps n numbers a group.
_NEWEST = f"""
SELECT tag, coalesce(list_min(max(id, {{keep}}) FILTER ({LEARNED})), 0) AS keep_good,
    coalesce(list_min(max(id, {{keep}}) FILTER (NOT {LEARNED})), 0) AS keep_others
FROM readings WHERE origin <> 'import' GROUP BY tag
"""

# Readings from a case stay as they were opened: people keep a case for its readings.
_OLD = f"""
CASE WHEN origin = 'import' THEN source <> '{CASE}'
    WHEN {LEARNED} THEN id < {{good}} ELSE id < {{others}} END
"""

# States are not rolled up: codes that stand for words have no lowest value and no mean.
_DUE = f"""
WITH newest AS ({_NEWEST})
SELECT r.tag, epoch_us(date_trunc('day', r.time)) AS day, count(*) FILTER (NOT is_anomaly),
    count(DISTINCT date_trunc('minute', r.time)) FILTER (NOT is_anomaly), any_value(coalesce(keep_good, 0)),
    any_value(coalesce(keep_others, 0))
FROM readings AS r LEFT JOIN newest USING (tag)
WHERE time < ? AND {_OLD.format(good="keep_good", others="keep_others")}
    AND r.tag NOT IN (SELECT tag FROM state_words)
    AND NOT (is_anomaly AND id IN (SELECT id FROM counted_readings))
GROUP BY 1, 2 ORDER BY 2, 1
"""

_WHERE = f"tag = ? AND time >= ? AND time < ? AND {_OLD.format(good='?', others='?')}"
_NEW = f"""
SELECT tag, date_trunc('minute', time) AS minute, source, (quality >> 30)::UTINYINT AS quality,
    min(value) AS low, favg(value) AS mean, max(value) AS high,
    count(*) AS count, count(*) FILTER (is_anomaly) AS kept
FROM readings WHERE {_WHERE}
    AND NOT (is_anomaly AND id IN (SELECT id FROM counted_readings WHERE day = ?::DATE))
GROUP BY ALL
"""
_JOINED = f"""
SELECT tag, minute, source, quality, min(low) AS low,
    greatest(min(low), least(max(high), sum(mean * count) / sum(count))) AS mean,
    max(high) AS high, sum(count)::BIGINT AS count, sum(kept)::BIGINT AS kept
FROM (SELECT * FROM rollups WHERE tag = ? AND minute >= ? AND minute < ? UNION ALL ({_NEW}))
GROUP BY tag, minute, source, quality ORDER BY minute, source, quality
"""


class DuckDBRetention:
    """See `sensormon.stores.retention`. `deletions` is noted before and after a day is rolled up."""

    def __init__(self, database: Database, deletions: Deletions) -> None:
        self._database = database
        self._deletions = deletions

    def due(self, before: int, keep: int) -> list[Due]:
        return [Due(*row) for row in self._database.rows(_DUE.format(keep=int(keep)), [naive(before)])]

    def roll_up(self, due: Due) -> int:
        self._database.check_file()
        with self._deletions.of(due.tag, due.day), self._database.transaction("roll up") as cursor:
            return roll_up(cursor, due)

    def rollups(self, tags: Sequence[str] | None, since: int, until: int) -> pd.DataFrame:
        where, values = "minute >= ? AND minute < ?", [naive(since), naive(until)]
        if tags is not None:
            where += " AND tag IN (SELECT unnest(?::VARCHAR[]))"
            values.append(list(tags))
        return self._database.frame(
            "SELECT tag, minute AS time, quality, min(low) AS min,"
            " greatest(min(low), least(max(high), sum(mean * count) / sum(count))) AS mean,"
            " max(high) AS max, sum(count)::BIGINT AS count, sum(kept)::BIGINT AS kept"
            f" FROM rollups WHERE {where}"
            " GROUP BY tag, minute, quality ORDER BY minute, tag, quality",
            values,
        )

    def rolled_up(self) -> pd.DataFrame:
        columns = "tag, epoch_us(minute) AS minute, source, quality, low, high, count - kept AS gone"
        if not has_rollups(self._database):
            return pd.DataFrame(columns=["tag", "minute", "source", "quality", "low", "high", "gone"])
        return self._database.frame(f"SELECT {columns} FROM rollups")

    def rolled_until(self, tag: str) -> int | None:
        query = "SELECT epoch_us(max(minute)) FROM rollups WHERE tag = ?"
        ((last,),) = self._database.rows(query, [tag])
        return None if last is None else (int(last) // DAY + 1) * DAY

    def rolled_ends(self, tags: Sequence[str]) -> dict[str, int]:
        of_tags, names = among(tags)
        query = f"SELECT tag, epoch_us(max(minute)) FROM rollups WHERE {of_tags} GROUP BY tag"
        rows = self._database.rows(query, names)
        return {str(tag): (int(last) // DAY + 1) * DAY for tag, last in rows}

    def space(self) -> Space:
        path, rows = self._database.path, self._database.rows
        file, log = (each.stat().st_size if each.exists() else 0 for each in (path, wal(path)))
        ((block, free),) = rows("SELECT block_size, free_blocks FROM pragma_database_size()")
        ((readings,),) = rows("SELECT count(*) FROM readings")
        ((rollups,),) = rows("SELECT count(*) FROM rollups")
        return Space(file, log, int(block) * int(free), int(readings), int(rollups))

    def arrivals(self, since: int) -> Arrivals:
        (row,) = self._database.rows(
            "SELECT count(*), coalesce(epoch_us(min(received)), 0), coalesce(epoch_us(max(received)), 0),"
            " count(*) FILTER (is_anomaly) FROM readings WHERE received >= ? AND origin = 'live'",
            [naive(since)],
        )
        return Arrivals(*map(int, row))


def roll_up(cursor: duckdb.DuckDBPyConnection, due: Due) -> int:
    """Roll this day up within the current transaction; returns how many readings were deleted."""
    span = [due.tag, naive(due.day), naive(due.day + DAY)]
    which = [*span, due.keep_good, due.keep_others]
    day = naive(due.day)
    minutes = cursor.sql(_JOINED, params=[*span, *which, day]).to_arrow_table()
    if not minutes.num_rows:
        return 0
    cursor.execute("DELETE FROM rollups WHERE tag = ? AND minute >= ? AND minute < ?", span)
    cursor.register("incoming", minutes)
    cursor.execute("INSERT INTO rollups SELECT * FROM incoming")
    cursor.unregister("incoming")
    cursor.execute(
        f"INSERT INTO counted_readings SELECT id, ?::DATE FROM readings WHERE {_WHERE} AND is_anomaly "
        "AND id NOT IN (SELECT id FROM counted_readings WHERE day = ?::DATE)",
        [day, *which, day],
    )
    touched = minutes_of(cursor, f"{_WHERE} AND NOT is_anomaly", which)
    ((deleted,),) = cursor.execute(
        f"DELETE FROM readings WHERE {_WHERE} AND NOT is_anomaly",
        which,
    ).fetchall()
    renew(cursor, touched)
    return int(deleted)


def gone(database: Database) -> dict[str, int]:
    """How many readings are only in a roll-up, by source."""
    if not has_rollups(database):
        return {}
    return dict(database.rows("SELECT source, sum(count - kept)::BIGINT FROM rollups GROUP BY source"))


def has_rollups(database: Database) -> bool:
    """Whether the database has the table; an older one opened read-only may lack it."""
    return bool(database.rows("SELECT 1 FROM duckdb_tables() WHERE table_name = 'rollups'"))
