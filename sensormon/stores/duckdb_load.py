"""What a load transaction of the DuckDB store writes: rows, running totals, the settings."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import duckdb
import pyarrow as pa

from sensormon.model.entries import BatchEntry, Record
from sensormon.stores.columns import reading_columns
from sensormon.stores.duckdb_queries import naive
from sensormon.stores.entries import DEAD_LETTERS, dead_letter_key
from sensormon.stores.ledger import Watermark
from sensormon.stores.record_rows import (
    REJECTIONS,
    newest,
    next_id,
    other_rows,
    outdated,
    settings_rows,
    totals_of,
)

_ADDED = "ON CONFLICT DO UPDATE SET rejected = rejected + excluded.rejected"


def insert_all(
    cursor: duckdb.DuckDBPyConnection, records: Sequence[Record], without: Collection[int]
) -> None:
    """Write everything in these records except the readings with these ids."""
    insert_rows(cursor, reading_columns(records, without))
    for table, columns in other_rows(records):
        if columns.num_rows:
            if table == "kept_answers":
                for position in outdated(columns):
                    cursor.execute("DELETE FROM kept_answers WHERE key = ? AND fingerprint < ?", position)
            _insert(cursor, table, columns)
            if table == "rejected":
                _drop_old_rejections(cursor)
    for number, applied, *rest in settings_rows(records):
        cursor.execute(
            "INSERT INTO detector_settings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [number, naive(applied), *rest]
        )


def insert_rows(cursor: duckdb.DuckDBPyConnection, columns: pa.Table) -> None:
    """Write these readings (see `reading_columns`), and the newest of each tag."""
    if not columns.num_rows:
        return
    _insert(cursor, "readings", columns)
    latest = newest(columns)
    cursor.register("incoming", latest)
    # An update in place costs a third of an upsert. A dead letter may be older than what is there.
    cursor.execute(
        "UPDATE latest SET id = incoming.id, time = incoming.time, n = incoming.n FROM incoming"
        " WHERE latest.tag = incoming.tag AND latest.id < incoming.id"
    )
    if _count(cursor) < latest.num_rows:
        cursor.execute("INSERT INTO latest SELECT * FROM incoming ON CONFLICT DO NOTHING")
    cursor.unregister("incoming")


def _count(cursor: duckdb.DuckDBPyConnection) -> int:
    """How many rows the statement that just ran changed."""
    ((count,),) = cursor.fetchall()
    return int(count)


def _insert(cursor: duckdb.DuckDBPyConnection, table: str, columns: pa.Table) -> None:
    cursor.register("incoming", columns)
    known = " ON CONFLICT DO NOTHING" if table == "state_words" else ""  # each run names its words again
    cursor.execute(f"INSERT INTO {table} SELECT * FROM incoming{known}")
    cursor.unregister("incoming")


def add_to_totals(
    cursor: duckdb.DuckDBPyConnection,
    writer: str,
    records: Sequence[Record],
    without: Collection[int],
) -> None:
    """Add these records to the running totals."""
    totals = totals_of(records, without)
    for source, count in totals.received.items():
        values = [count, writer, source]
        cursor.execute("UPDATE received_totals SET received = ? WHERE writer = ? AND source = ?", values)
        if not _count(cursor):
            cursor.execute("INSERT INTO received_totals VALUES (?, ?, ?)", [writer, source, count])
    for source, count in totals.stored.items():
        cursor.execute("UPDATE stored_totals SET stored = stored + ? WHERE source = ?", [count, source])
        if not _count(cursor):
            cursor.execute("INSERT INTO stored_totals VALUES (?, ?)", [source, count])
    for table, counts in (("rejected_totals", totals.rejected), ("rejected_unlisted", totals.unlisted)):
        for (source, reason), count in counts.items():
            cursor.execute(f"INSERT INTO {table} VALUES (?, ?, ?) {_ADDED}", [source, reason, count])


def _drop_old_rejections(cursor: duckdb.DuckDBPyConnection) -> None:
    """Keep the newest `REJECTIONS` rejections, in steps of a tenth; the others are only counted."""
    ((count,),) = cursor.execute("SELECT count(*) FROM rejected").fetchall()
    if count <= REJECTIONS + REJECTIONS // 10:
        return
    ((first,),) = cursor.execute(
        f"SELECT min(rowid) FROM (SELECT rowid FROM rejected ORDER BY rowid DESC LIMIT {REJECTIONS})"
    ).fetchall()
    cursor.execute(
        "INSERT INTO rejected_unlisted SELECT source, reason, count(*) FROM rejected WHERE rowid < ?"
        f" GROUP BY source, reason {_ADDED}",
        [first],
    )
    cursor.execute("DELETE FROM rejected WHERE rowid < ?", [first])


def forget_dead_letter(cursor: duckdb.DuckDBPyConnection, record: Record, reading: int) -> None:
    """Remove the dead letter of this reading, if it is kept here: a history of PostgreSQL has brought it."""
    if isinstance(record.entry, BatchEntry):
        key = dead_letter_key(record.entry.processed.accepted.source, reading)
        cursor.execute("DELETE FROM documents WHERE collection = ? AND key = ?", [DEAD_LETTERS, key])


def set_watermark(
    cursor: duckdb.DuckDBPyConnection, writer: str, records: Sequence[Record], mark: Watermark | None
) -> None:
    """Mark these records as stored, after `mark`; ids continue from there, or after their last id."""
    number, beyond = records[-1].number, next_id(records)
    if mark is None:
        cursor.execute("INSERT INTO watermarks VALUES (?, ?, ?)", [writer, number, beyond])
    else:
        cursor.execute(
            "UPDATE watermarks SET number = ?, next_id = ? WHERE writer = ?",
            [number, max(beyond, mark.next_id), writer],
        )
