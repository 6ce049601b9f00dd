"""What a load transaction of the DuckDB store writes: rows, running totals, the settings."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model.entries import BatchEntry, Record, SettingsEntry
from sensormon.model.ledger import add_up
from sensormon.model.readings import Origin, is_learned
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
from sensormon.stores.duckdb_queries import naive
from sensormon.stores.ledger import Watermark

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
    insert_rows(cursor, reading_columns(records, without))
    for table, columns in _other_rows(records):
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


def _other_rows(records: Sequence[Record]) -> Iterator[tuple[str, pa.Table]]:
    """What these records hold beside readings, by table. Most batches hold nothing else."""
    rich = [record for record in records if isinstance(record.entry, BatchEntry) and _is_rich(record.entry)]
    acts = [record for record in records if not isinstance(record.entry, BatchEntry)]
    if rich:
        yield "rejected", rejected_columns(rich)
        yield "injected_faults", fault_columns(rich)
        yield "kept_answers", answer_columns(rich)
        yield "state_words", word_columns(rich)
        yield "imported", import_columns(rich)
    if acts:
        yield "event_actions", action_columns(acts)
        yield "annotations", annotation_columns(acts)
        yield "documents", document_columns(acts)
        yield "audit", audit_columns(acts)


def _is_rich(entry: BatchEntry) -> bool:
    """Whether the batch holds more than accepted readings."""
    processed = entry.processed
    more = processed.rejected or processed.words or processed.accepted.injected or entry.answers
    return bool(more or entry.import_id)


def insert_rows(cursor: duckdb.DuckDBPyConnection, columns: pa.Table) -> None:
    """Write these readings (see `reading_columns`), and the newest of each tag."""
    if not columns.num_rows:
        return
    _insert(cursor, "readings", columns)
    newest = _newest(columns)
    cursor.register("incoming", newest)
    # An update in place costs a third of an upsert. A dead letter may be older than what is there.
    cursor.execute(
        "UPDATE latest SET id = incoming.id, time = incoming.time, n = incoming.n FROM incoming"
        " WHERE latest.tag = incoming.tag AND latest.id < incoming.id"
    )
    if _count(cursor) < newest.num_rows:
        cursor.execute("INSERT INTO latest SELECT * FROM incoming ON CONFLICT DO NOTHING")
    cursor.unregister("incoming")


def _newest(columns: pa.Table) -> pa.Table:
    """The last of these readings of each tag, without imported ones, as rows of `latest`."""
    tags, origins = (columns.column(name).combine_chunks() for name in ("tag", "origin"))
    rows = np.flatnonzero(pc.not_equal(origins.dictionary_decode(), str(Origin.IMPORT)).to_numpy(False))
    last = np.full(len(tags.dictionary), -1, dtype=np.int64)
    last[tags.indices.to_numpy(False)[rows]] = rows  # of a tag's rows the last one stays
    taken = columns.take(pa.array(last[last >= 0]))
    learned = is_learned(taken.column("quality").to_numpy(), taken.column("withheld").to_numpy())
    return pa.table(
        {
            "tag": taken.column("tag"),
            "id": taken.column("id"),
            "time": taken.column("time"),
            "n": taken.column("n").to_numpy() + learned,
        }
    )


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
        if processed.unlisted:
            unlisted = add_up(unlisted, {(source, why): count for why, count in processed.unlisted.items()})
    for source, count in received.items():
        values = [count, writer, source]
        cursor.execute("UPDATE received_totals SET received = ? WHERE writer = ? AND source = ?", values)
        if not _count(cursor):
            cursor.execute("INSERT INTO received_totals VALUES (?, ?, ?)", [writer, source, count])
    for source, count in stored.items():
        cursor.execute("UPDATE stored_totals SET stored = stored + ? WHERE source = ?", [count, source])
        if not _count(cursor):
            cursor.execute("INSERT INTO stored_totals VALUES (?, ?)", [source, count])
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


def set_watermark(
    cursor: duckdb.DuckDBPyConnection, writer: str, records: Sequence[Record], mark: Watermark | None
) -> None:
    """Mark these records as stored, after `mark`; ids continue from there, or after their last id."""
    number, next_id = records[-1].number, max(map(_next_id, records))
    if mark is None:
        cursor.execute("INSERT INTO watermarks VALUES (?, ?, ?)", [writer, number, next_id])
    else:
        cursor.execute(
            "UPDATE watermarks SET number = ?, next_id = ? WHERE writer = ?",
            [number, max(next_id, mark.next_id), writer],
        )
