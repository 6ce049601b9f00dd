"""Rolling readings up inside PostgreSQL: what is due, and a day of a tag in one transaction.

A transaction takes the rows of the day that are not counted yet, merges them into the roll-ups that
the day has already (from an earlier run, if readings came late), writes those and deletes the rows except
the flagged ones, whose ids it notes as counted. A partition that has no rows left is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sensormon.model.clock import DAY
from sensormon.model.entries import CASE
from sensormon.model.errors import StoreUnavailable
from sensormon.model.timestamps import micros as micros_of
from sensormon.stores import postgresql_partitions
from sensormon.stores.postgresql_database import LONG_SECONDS, Cursor, Database
from sensormon.stores.postgresql_queries import LEARNED, among, micros, moment
from sensormon.stores.retention import Arrivals, Due, Space

# The newest readings of each tag, which a restart reads back.
_KEPT = """
SELECT min(id) FROM (
    SELECT id FROM readings AS r WHERE r.tag = latest.tag AND origin <> 'import' AND {which}
    ORDER BY id DESC LIMIT %s
) AS newest
"""
_NEWEST = f"""
SELECT tag, ({_KEPT.format(which=LEARNED)}) AS keep_good,
    ({_KEPT.format(which=f"NOT {LEARNED}")}) AS keep_others
FROM latest
"""

# Readings from a case stay as they were opened: people keep a case for its readings.
_OLD = f"""
CASE WHEN origin = 'import' THEN source <> '{CASE}'
    WHEN {LEARNED} THEN id < {{good}} ELSE id < {{others}} END
"""

# States are not rolled up: codes that stand for words have no lowest value and no mean.
_DUE = f"""
WITH newest AS MATERIALIZED ({_NEWEST})
SELECT r.tag, {micros("date_trunc('day', r.time)")}, count(*) FILTER (WHERE NOT is_anomaly),
    count(DISTINCT date_trunc('minute', r.time)) FILTER (WHERE NOT is_anomaly),
    coalesce(max(keep_good), 0), coalesce(max(keep_others), 0)
FROM readings AS r LEFT JOIN newest USING (tag)
WHERE time < %s AND {_OLD.format(good="keep_good", others="keep_others")}
    AND r.tag NOT IN (SELECT tag FROM state_words)
    AND NOT (is_anomaly AND EXISTS (SELECT 1 FROM counted_readings AS c WHERE c.id = r.id))
GROUP BY r.tag, date_trunc('day', r.time) ORDER BY date_trunc('day', r.time), r.tag
"""
_WHERE = f"tag = %s AND time >= %s AND time < %s AND {_OLD.format(good='%s', others='%s')}"
_NEW = f"""
SELECT tag, date_trunc('minute', time) AS minute, source, (quality >> 30)::smallint AS quality,
    min(value) AS low, avg(value) AS mean, max(value) AS high,
    count(*) AS count, count(*) FILTER (WHERE is_anomaly) AS kept
FROM readings AS r WHERE {_WHERE}
    AND NOT (is_anomaly AND EXISTS (SELECT 1 FROM counted_readings AS c WHERE c.id = r.id))
GROUP BY 1, 2, 3, 4
"""
_JOINED = f"""
WITH before AS (DELETE FROM rollups WHERE tag = %s AND minute >= %s AND minute < %s RETURNING *)
INSERT INTO rollups
SELECT tag, minute, source, quality, min(low),
    greatest(min(low), least(max(high), sum(mean * count) / sum(count))),
    max(high), sum(count), sum(kept)
FROM (SELECT * FROM before UNION ALL ({_NEW})) AS minutes
GROUP BY tag, minute, source, quality ORDER BY minute, source, quality
"""


class PostgreSQLRetention:
    """See `sensormon.stores.retention`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, before: int, keep: int) -> list[Due]:
        rows = self._database.rows(_DUE, [keep, keep, moment(before)], LONG_SECONDS)
        return [Due(*row) for row in rows]

    def roll_up(self, due: Due) -> int:
        with self._database.transaction("roll up", LONG_SECONDS) as cursor:
            deleted = roll_up(cursor, due)
        if deleted:
            self._drop_if_empty(due.day)
        return deleted

    def _drop_if_empty(self, day: int) -> None:
        """Drop the partition of this day if nothing is left in it and nobody uses it now."""
        name = f"readings_{moment(day):%Y%m%d}"
        try:
            with self._database.transaction("drop a partition") as cursor:
                postgresql_partitions.drop_if_empty(cursor, name)
        except StoreUnavailable:
            return  # in use; the next run tries again

    def rollups(self, tags: Sequence[str] | None, since: int, until: int) -> pd.DataFrame:
        where, values = "minute >= %s AND minute < %s", [moment(since), moment(until)]
        of_tags, names = among(tags) if tags is not None else ("true", [])
        return self._database.frame(
            "SELECT tag, minute AS time, quality::int AS kind, min(low) AS min,"
            " greatest(min(low), least(max(high), sum(mean * count) / sum(count))) AS mean,"
            " max(high) AS max, sum(count)::bigint AS count, sum(kept)::bigint AS kept"
            f" FROM rollups WHERE {where} AND {of_tags}"
            " GROUP BY tag, minute, quality ORDER BY minute, tag, quality",
            [*values, *names],
        ).rename(columns={"kind": "quality"})

    def rolled_up(self) -> pd.DataFrame:
        frame = self._database.frame(
            "SELECT tag, minute, source, quality, low, high, count - kept AS gone FROM rollups"
        )
        frame["minute"] = micros_of(frame["minute"])
        return frame

    def rolled_until(self, tag: str) -> int | None:
        query = f"SELECT {micros('max(minute)')} FROM rollups WHERE tag = %s"
        ((last,),) = self._database.rows(query, [tag])
        return None if last is None else (int(last) // DAY + 1) * DAY

    def rolled_ends(self, tags: Sequence[str]) -> dict[str, int]:
        newest = "SELECT max(minute) FROM rollups WHERE rollups.tag = asked.tag"  # an index has it
        rows = self._database.rows(
            f"SELECT tag, {micros(f'({newest})')} FROM unnest(%s::text[]) AS asked(tag)", [list(tags)]
        )
        return {str(tag): (int(last) // DAY + 1) * DAY for tag, last in rows if last is not None}

    def space(self) -> Space:
        # Counting the rows would take minutes; the ledger knows how many there are.
        ((size, stored, undone, rolled, minutes),) = self._database.rows(
            "SELECT pg_database_size(current_database()),"
            " (SELECT coalesce(sum(stored), 0)::bigint FROM stored_totals),"
            " (SELECT coalesce(sum(undone), 0)::bigint FROM undone_totals),"
            " (SELECT coalesce(sum(count - kept), 0)::bigint FROM rollups), (SELECT count(*) FROM rollups)"
        )
        return Space(int(size), 0, 0, int(stored - undone - rolled), int(minutes))

    def arrivals(self, since: int) -> Arrivals:
        (row,) = self._database.rows(
            f"SELECT count(*), coalesce({micros('min(received)')}, 0),"
            f" coalesce({micros('max(received)')}, 0), count(*) FILTER (WHERE is_anomaly)"
            " FROM readings WHERE received >= %s AND origin = 'live'",
            [moment(since)],
        )
        return Arrivals(*map(int, row))


def roll_up(cursor: Cursor, due: Due) -> int:
    """Roll this day up within the current transaction; returns how many readings were deleted."""
    span = [due.tag, moment(due.day), moment(due.day + DAY)]
    which = [*span, due.keep_good, due.keep_others]
    # All statements see the same readings: one stored between them would be deleted and never counted. Of two
    # roll-ups of a day at once the second is refused, and so is one that meets an undo.
    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    cursor.execute(_JOINED, [*span, *which])
    cursor.execute(
        f"INSERT INTO counted_readings SELECT id, %s::date FROM readings WHERE {_WHERE} AND is_anomaly"
        " ON CONFLICT DO NOTHING",
        [moment(due.day), *which],
    )
    deleted = cursor.execute(f"DELETE FROM readings WHERE {_WHERE} AND NOT is_anomaly", which).rowcount
    if deleted:
        cursor.execute(
            "INSERT INTO rewritten (deleted, tag, day) VALUES (true, %s, %s)", [due.tag, moment(due.day)]
        )
    return deleted
