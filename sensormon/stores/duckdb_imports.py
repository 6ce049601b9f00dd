"""Imports in the DuckDB store. See `sensormon.stores.imports`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing

import duckdb
import numpy as np
import pyarrow as pa

from sensormon.model.entries import Record, UndoEntry
from sensormon.model.imports import ImportTotals, Undone
from sensormon.model.readings import Batch, Bools
from sensormon.stores.duckdb_database import Database
from sensormon.stores.duckdb_queries import naive
from sensormon.stores.duckdb_summary import minutes_of, renew
from sensormon.stores.entries import IMPORTED
from sensormon.stores.id_ranges import among, merged
from sensormon.stores.imports import CASES, RELIES, UNDONE

_TOTALS = (
    "SELECT import_id, sum(stored)::BIGINT, sum(known)::BIGINT, sum(rejected)::BIGINT,"
    " sum(flagged)::BIGINT, epoch_us(min(since)), epoch_us(max(until)), max(number)"
    " FROM imported GROUP BY import_id ORDER BY import_id"
)
_RANGES = (
    "SELECT first_id, first_id + stored - 1 FROM imported WHERE import_id = ? AND stored > 0"
    " ORDER BY first_id"
)
# The bounds let DuckDB skip the row groups before and after the import. Joining the ids one by one takes an
# eighth of the time that a join by ranges takes.
_WITHIN = "{0} >= ? AND {0} <= ? AND {0} IN (SELECT unnest(generate_series(first, last)) FROM gone)"
_KNOWN = (
    "SELECT DISTINCT piece.place FROM piece JOIN readings AS r"
    " ON r.tag = piece.tag AND r.time = piece.time"
    " AND (r.value = piece.value OR (isnan(piece.value) AND r.quality >> 30 <> 0))"
    " WHERE r.time >= ? AND r.time <= ?"
)


class DuckDBImports:
    def __init__(self, database: Database) -> None:
        self._database = database

    def totals(self) -> list[ImportTotals]:
        if not self._database.has("imported"):
            return []
        return [ImportTotals(*row) for row in self._database.rows(_TOTALS)]

    def undone(self) -> list[Undone]:
        if not self._database.has("undone_imports"):
            return []
        query = "SELECT import_id, who, epoch_us(time), readings FROM undone_imports ORDER BY time"
        return [Undone(*row) for row in self._database.rows(query)]

    def ranges(self, import_id: int) -> list[tuple[int, int]]:
        if not self._database.has("imported"):
            return []
        return merged(self._database.rows(_RANGES, [import_id]))

    def undone_among(self, ids: Collection[int]) -> frozenset[int]:
        if not ids or not self._database.has("undone_imports"):
            return frozenset()
        rows = self._database.rows(
            "SELECT DISTINCT asked.id FROM (SELECT unnest(?::BIGINT[]) AS id) AS asked, imported AS i"
            " WHERE asked.id >= i.first_id AND asked.id < i.first_id + i.stored"
            " AND i.import_id IN (SELECT import_id FROM undone_imports)",
            [list(ids)],
        )
        return frozenset(number for (number,) in rows)

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
        tags = pa.DictionaryArray.from_arrays(
            pa.array(batch.tag, pa.int32()), pa.array(batch.tags, pa.string())
        )
        piece = pa.table(
            {
                "place": np.arange(len(batch)),
                "tag": tags.cast(pa.string()),
                "time": pa.array(batch.time).cast(pa.timestamp("us")),
                "value": batch.value,
            }
        )
        span = [naive(int(batch.time.min())), naive(int(batch.time.max()))]
        with closing(self._database.cursor()) as cursor, self._database.reading():
            cursor.register("piece", piece)
            places = cursor.execute(_KNOWN, span).fetchnumpy()["place"]
        known[np.asarray(places, dtype=np.int64)] = True
        return known

    def _count(self, import_id: int, table: str) -> int:
        ranges = self.ranges(import_id)
        if not ranges:
            return 0
        with closing(self._database.cursor()) as cursor, self._database.reading():
            cursor.register("gone", _table(ranges))
            query = f"SELECT count(*) FROM {table} WHERE {_WITHIN.format('id')}"
            ((count,),) = cursor.execute(query, [ranges[0][0], ranges[-1][1]]).fetchall()
        return int(count)


def days(cursor: duckdb.DuckDBPyConnection, records: Sequence[Record]) -> list[tuple[str, int]]:
    """The tags and days (µs UTC) whose readings these records will delete."""
    gone: list[tuple[str, int]] = []
    for record in records:
        if isinstance(record.entry, UndoEntry) and (ranges := _ranges(cursor, record.entry.import_id)):
            cursor.register("gone", _table(ranges))
            gone += cursor.execute(
                "SELECT DISTINCT tag, epoch_us(date_trunc('day', time)) FROM readings"
                f" WHERE {_WITHIN.format('id')}",
                [ranges[0][0], ranges[-1][1]],
            ).fetchall()
            cursor.unregister("gone")
    return gone


def undo(cursor: duckdb.DuckDBPyConnection, records: Sequence[Record], dead: Collection[int]) -> None:
    """Undo what these records say, within the current transaction, after their readings were written.

    `dead` are the ids of dead letters: those of the import were never stored and never will be.
    """
    for record in records:
        if isinstance(record.entry, UndoEntry):
            _undo(cursor, record.entry, dead)


def _undo(cursor: duckdb.DuckDBPyConnection, entry: UndoEntry, dead: Collection[int]) -> None:
    number = entry.import_id
    if cursor.execute("SELECT 1 FROM undone_imports WHERE import_id = ?", [number]).fetchall():
        return
    removed = 0
    if ranges := _ranges(cursor, number):
        removed = _remove(cursor, ranges)
        _refuse(cursor, among(dead, ranges))
    cursor.execute(
        "DELETE FROM kept_answers WHERE starts_with(key, ?) AND NOT starts_with(key, ?)"
        " AND (body = ? OR fingerprint = ?)",
        [IMPORTED, CASES, str(number), RELIES],
    )
    cursor.execute(
        "INSERT INTO undone_imports VALUES (?, ?, ?, ?)", [number, entry.who, naive(entry.time), removed]
    )


def _remove(cursor: duckdb.DuckDBPyConnection, ranges: Sequence[tuple[int, int]]) -> int:
    """Delete these readings and what people did on them; returns how many readings there were."""
    bounds = [ranges[0][0], ranges[-1][1]]
    cursor.register("gone", _table(ranges))
    within = _WITHIN.format("id")
    counts = cursor.execute(f"SELECT source, count(*) FROM readings WHERE {within} GROUP BY 1", bounds)
    removed = counts.fetchall()
    touched = minutes_of(cursor, within, bounds)
    for table, column in (("readings", "id"), ("counted_readings", "id"), ("event_actions", "reading")):
        cursor.execute(f"DELETE FROM {table} WHERE {_WITHIN.format(column)}", bounds)
    cursor.unregister("gone")
    renew(cursor, touched)
    for source, count in removed:
        cursor.execute(
            "INSERT INTO undone_totals VALUES (?, ?)"
            " ON CONFLICT DO UPDATE SET undone = undone + excluded.undone",
            [source, count],
        )
    return sum(count for _, count in removed)


def _refuse(cursor: duckdb.DuckDBPyConnection, count: int) -> None:
    """Count dead letters of the import as rejected: they leave their file and are not stored."""
    for table in ("rejected_totals", "rejected_unlisted") if count else ():
        cursor.execute(
            f"INSERT INTO {table} VALUES ('import', ?, ?)"
            " ON CONFLICT DO UPDATE SET rejected = rejected + excluded.rejected",
            [UNDONE, count],
        )


def _ranges(cursor: duckdb.DuckDBPyConnection, import_id: int) -> list[tuple[int, int]]:
    return merged(cursor.execute(_RANGES, [import_id]).fetchall())


def _table(ranges: Sequence[tuple[int, int]]) -> pa.Table:
    first, last = zip(*ranges, strict=True)
    return pa.table({"first": pa.array(first, pa.int64()), "last": pa.array(last, pa.int64())})
