"""What a load transaction of the DuckDB store writes: rows, running totals, the settings."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

import duckdb
import pyarrow as pa

from sensormon.model.entries import BatchEntry, Record, SettingsEntry
from sensormon.model.ledger import add_up
from sensormon.stores.columns import (
    action_columns,
    annotation_columns,
    answer_columns,
    audit_columns,
    document_columns,
    fault_columns,
    import_columns,
    reading_columns,
    rejected_columns,
    row_ids,
    word_columns,
)
from sensormon.stores.duckdb_queries import LEARNED, naive

REJECTIONS = 100_000
"""The newest this many rejections are kept in full; all are counted."""
_ADDED = "ON CONFLICT DO UPDATE SET rejected = rejected + excluded.rejected"


def _next_id(record: Record) -> int:
    """The id after the last one of this record; 1 if it holds no readings."""
    entry = record.entry
    return entry.first_id + len(entry.processed.accepted) if isinstance(entry, BatchEntry) else 1


def insert_all(
    cursor: duckdb.DuckDBPyConnection, records: Sequence[Record], without: Collection[int]
) -> None:
    """Write everything in these records except the readings with these ids."""
    insert_readings(cursor, records, without)
    for table, columns in (
        ("rejected", rejected_columns(records)),
        ("injected_faults", fault_columns(records)),
        ("event_actions", action_columns(records)),
        ("annotations", annotation_columns(records)),
        ("documents", document_columns(records)),
        ("audit", audit_columns(records)),
        ("kept_answers", answer_columns(records)),
        ("state_words", word_columns(records)),
        ("imported", import_columns(records)),
    ):
        if columns.num_rows:
            _insert(cursor, table, columns)
            if table == "rejected":
                _drop_old_rejections(cursor)
    for record in records:
        if isinstance(record.entry, SettingsEntry):
            settings = record.entry.settings
            cursor.execute(
                "INSERT INTO detector_settings VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    settings.id,
                    naive(settings.applied),
                    settings.who,
                    settings.detector,
                    json.dumps(dict(settings.params)),
                    json.dumps(dict(settings.base)),
                    None if settings.profiles is None else json.dumps(settings.profiles.as_document()),
                    settings.reason,
                ],
            )


def insert_readings(
    cursor: duckdb.DuckDBPyConnection, records: Sequence[Record], without: Collection[int]
) -> None:
    """Write the readings of these records, and the newest of each tag."""
    columns = reading_columns(records, without)
    if not columns.num_rows:
        return
    _insert(cursor, "readings", columns)
    cursor.register("incoming", columns)
    cursor.execute(
        "INSERT INTO latest SELECT tag, max(id), arg_max(time, id),"
        f" arg_max(n + CASE WHEN {LEARNED} THEN 1 ELSE 0 END, id) FROM incoming"
        " WHERE origin <> 'import' GROUP BY tag "
        "ON CONFLICT DO UPDATE SET id = excluded.id, time = excluded.time, n = excluded.n"
    )
    cursor.unregister("incoming")


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
    received: dict[str, int] = {}
    stored: dict[str, int] = {}
    rejected: dict[tuple[str, str], int] = {}
    unlisted: dict[tuple[str, str], int] = {}
    for record in records:
        if not isinstance(record.entry, BatchEntry):
            continue
        processed = record.entry.processed
        source = processed.accepted.source
        received.update(record.entry.received_totals)
        kept = (
            len(processed.accepted) - sum(row_id in without for row_id in row_ids(record))
            if without
            else len(processed.accepted)
        )
        stored[source] = stored.get(source, 0) + kept
        for rejection in processed.rejected:
            key = (rejection.source, str(rejection.reason))
            rejected[key] = rejected.get(key, 0) + 1
        unlisted = add_up(unlisted, {(source, why): count for why, count in processed.unlisted.items()})
    for source, count in received.items():
        cursor.execute(
            "INSERT INTO received_totals VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET received = excluded.received",
            [writer, source, count],
        )
    for source, count in stored.items():
        _add_stored(cursor, source, count)
    for table, counts in (("rejected_totals", add_up(rejected, unlisted)), ("rejected_unlisted", unlisted)):
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


def _add_stored(cursor: duckdb.DuckDBPyConnection, source: str, count: int) -> None:
    cursor.execute(
        "INSERT INTO stored_totals VALUES (?, ?) ON CONFLICT DO UPDATE SET stored = stored + excluded.stored",
        [source, count],
    )


def set_watermark(
    cursor: duckdb.DuckDBPyConnection, writer: str, records: Sequence[Record], next_id: int
) -> None:
    """Mark these records as stored; ids continue from `next_id`, or after their last id."""
    cursor.execute(
        "INSERT INTO watermarks VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET number = excluded.number, next_id = excluded.next_id",
        [writer, records[-1].number, max(next_id, *(_next_id(record) for record in records))],
    )
