"""Imports in the PostgreSQL store. See `sensormon.stores.imports`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from sensormon.model.entries import Record, UndoEntry
from sensormon.model.imports import ImportTotals, Undone
from sensormon.model.readings import Batch, Bools
from sensormon.stores.entries import IMPORTED
from sensormon.stores.id_ranges import among, merged
from sensormon.stores.imports import CASES, RELIES, UNDONE
from sensormon.stores.postgresql_collectors import count_acts
from sensormon.stores.postgresql_database import Cursor, Database
from sensormon.stores.postgresql_queries import micros, moment

_TOTALS = (
    "SELECT import_id, sum(stored)::bigint, sum(known)::bigint, sum(rejected)::bigint,"
    f" sum(flagged)::bigint, {micros('min(since)')}, {micros('max(until)')}, max(number)"
    " FROM imported GROUP BY import_id ORDER BY import_id"
)
_RANGES = (
    "SELECT first_id, first_id + stored - 1 FROM imported WHERE import_id = %s AND stored > 0"
    " ORDER BY first_id"
)
_UNDONE_AMONG = """
SELECT DISTINCT asked FROM unnest(%s::bigint[]) AS asked JOIN imported AS i
    ON asked >= i.first_id AND asked < i.first_id + i.stored
WHERE i.import_id IN (SELECT import_id FROM undone_imports)
"""
_WITHIN = (
    "FROM {table} AS r, unnest(%s::bigint[], %s::bigint[]) AS gone (first, last)"
    " WHERE r.{column} BETWEEN gone.first AND gone.last"
)
_DELETE = (
    "DELETE FROM {table} AS r USING unnest(%s::bigint[], %s::bigint[]) AS gone (first, last)"
    " WHERE r.{column} BETWEEN gone.first AND gone.last"
)
_DELETE_READINGS = f"""
WITH removed AS ({_DELETE.format(table="readings", column="id")} RETURNING r.source)
SELECT source, count(*) FROM removed GROUP BY source ORDER BY source
"""
_KNOWN = """
SELECT DISTINCT piece.place FROM unnest(%s::int[], %s::text[], %s::timestamptz[], %s::double precision[])
    AS piece (place, tag, time, value)
JOIN readings AS r ON r.tag = piece.tag AND r.time = piece.time
    AND (r.value = piece.value OR (piece.value = 'NaN' AND r.quality >> 30 <> 0))
WHERE r.time >= %s AND r.time <= %s
"""
_UNDONE = """
INSERT INTO undone_totals AS kept VALUES (%s, %s)
ON CONFLICT (source) DO UPDATE SET undone = kept.undone + excluded.undone
"""
_REFUSED = """
INSERT INTO rejected_totals AS kept (writer, source, reason, rejected) VALUES (%s, 'import', %s, %s)
ON CONFLICT (writer, source, reason) DO UPDATE SET rejected = kept.rejected + excluded.rejected
"""
_UNLISTED = """
INSERT INTO rejected_unlisted AS kept VALUES ('import', %s, %s)
ON CONFLICT (source, reason) DO UPDATE SET rejected = kept.rejected + excluded.rejected
"""


class PostgreSQLImports:
    def __init__(self, database: Database) -> None:
        self._database = database

    def totals(self) -> list[ImportTotals]:
        return [ImportTotals(*row) for row in self._database.rows(_TOTALS)]

    def undone(self) -> list[Undone]:
        query = f"SELECT import_id, who, {micros('time')}, readings FROM undone_imports ORDER BY time"
        return [Undone(*row) for row in self._database.rows(query)]

    def ranges(self, import_id: int) -> list[tuple[int, int]]:
        return merged(self._database.rows(_RANGES, [import_id]))

    def undone_among(self, ids: Collection[int]) -> frozenset[int]:
        if not ids:
            return frozenset()
        return frozenset(number for (number,) in self._database.rows(_UNDONE_AMONG, [list(ids)]))

    def left(self, import_id: int) -> int:
        return self._count(import_id, "readings")

    def rolled_up(self, import_id: int, dead: Collection[int]) -> int:
        ranges = self.ranges(import_id)
        stored = sum(last - first + 1 for first, last in ranges) - among(dead, ranges)
        return stored - self.left(import_id) + self._count(import_id, "counted_readings")

    def known(self, batch: Batch) -> Bools:
        known = np.zeros(len(batch), dtype=np.bool_)
        if not len(batch):
            return known
        tags = [batch.tags[code] for code in batch.tag.tolist()]
        times = [moment(time) for time in batch.time.tolist()]
        values = [list(range(len(batch))), tags, times, batch.value.tolist(), min(times), max(times)]
        known[[place for (place,) in self._database.rows(_KNOWN, values)]] = True
        return known

    def _count(self, import_id: int, table: str) -> int:
        ranges = self.ranges(import_id)
        query = f"SELECT count(*) {_WITHIN.format(table=table, column='id')}"
        ((count,),) = self._database.rows(query, _bounds(ranges))
        return int(count)


def undo(cursor: Cursor, writer: str, records: Sequence[Record], dead: Collection[int]) -> None:
    """Undo what these records of a journal say, in this transaction, after their readings were written.

    `dead` are the ids of dead letters: those of the import were never stored and never will be.
    """
    for record in records:
        if isinstance(record.entry, UndoEntry):
            _undo(cursor, writer, record.entry, dead)


def _undo(cursor: Cursor, writer: str, entry: UndoEntry, dead: Collection[int]) -> None:
    number = entry.import_id
    if cursor.execute("SELECT 1 FROM undone_imports WHERE import_id = %s", [number]).fetchall():
        return
    ranges = merged(cursor.execute(_RANGES, [number]).fetchall())
    removed = _remove(cursor, ranges)
    _refuse(cursor, writer, among(dead, ranges))
    cursor.execute(
        "DELETE FROM kept_answers WHERE starts_with(key, %s) AND NOT starts_with(key, %s)"
        " AND (body = %s OR fingerprint = %s)",
        [IMPORTED, CASES, str(number), RELIES],
    )
    cursor.execute(
        "INSERT INTO undone_imports VALUES (%s, %s, %s, %s)", [number, entry.who, moment(entry.time), removed]
    )
    count_acts(cursor, {"undone_imports"})


def _remove(cursor: Cursor, ranges: Sequence[tuple[int, int]]) -> int:
    """Delete these readings and what people did on them; returns how many readings there were."""
    bounds = _bounds(ranges)
    # What is deleted is counted, not what was seen before: a roll-up may take some of it meanwhile.
    removed = cursor.execute(_DELETE_READINGS, bounds).fetchall()
    if removed:
        cursor.execute("INSERT INTO rewritten (deleted) VALUES (true)")
    for table, column in (("counted_readings", "id"), ("event_actions", "reading")):
        cursor.execute(_DELETE.format(table=table, column=column), bounds)
    for source, count in removed:
        cursor.execute(_UNDONE, [source, count])
    return sum(count for _, count in removed)


def _refuse(cursor: Cursor, writer: str, count: int) -> None:
    """Count dead letters of the import as rejected: they leave their file and are not stored."""
    if count:
        cursor.execute(_REFUSED, [writer, UNDONE, count])
        cursor.execute(_UNLISTED, [UNDONE, count])


def _bounds(ranges: Sequence[tuple[int, int]]) -> list[object]:
    return [[first for first, _ in ranges], [last for _, last in ranges]]
