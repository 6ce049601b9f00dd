"""What a load transaction of the PostgreSQL store writes: rows, running totals, the settings."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence

import pyarrow as pa

from sensormon.model.entries import BatchEntry, Document, Record
from sensormon.stores import postgresql_imports
from sensormon.stores.columns import reading_columns
from sensormon.stores.entries import DEAD_LETTERS, dead_letter_key
from sensormon.stores.ledger import Watermark
from sensormon.stores.postgresql_collectors import count_acts
from sensormon.stores.postgresql_database import Cursor
from sensormon.stores.postgresql_queries import moment
from sensormon.stores.postgresql_tables import as_kept, copy_in
from sensormon.stores.record_rows import (
    REJECTIONS,
    lowest_id,
    newest,
    next_id,
    other_rows,
    outdated,
    settings_rows,
    totals_of,
)

_LATEST = """
INSERT INTO latest AS kept
SELECT * FROM unnest(%s::text[], %s::bigint[], %s::timestamptz[], %s::bigint[]) AS incoming (tag, id, time, n)
ORDER BY tag
ON CONFLICT (tag) DO UPDATE SET id = excluded.id, time = excluded.time, n = excluded.n
WHERE kept.id < excluded.id
"""
_SETTINGS = """
INSERT INTO detector_settings VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_WORDS = """
INSERT INTO state_words SELECT * FROM unnest(%s::text[], %s::bigint[], %s::text[])
ON CONFLICT DO NOTHING
"""
_WATERMARK = """
INSERT INTO watermarks AS kept VALUES (%s, %s, %s)
ON CONFLICT (writer) DO UPDATE
SET number = excluded.number, next_id = greatest(kept.next_id, excluded.next_id)
"""
_RECEIVED = """
INSERT INTO received_totals VALUES (%s, %s, %s)
ON CONFLICT (writer, source) DO UPDATE SET received = excluded.received
"""
_STORED = """
INSERT INTO stored_totals AS kept (writer, source, stored) VALUES (%s, %s, %s)
ON CONFLICT (writer, source) DO UPDATE SET stored = kept.stored + excluded.stored
"""
_REJECTED = """
INSERT INTO rejected_totals AS kept (writer, source, reason, rejected) VALUES (%s, %s, %s, %s)
ON CONFLICT (writer, source, reason) DO UPDATE SET rejected = kept.rejected + excluded.rejected
"""
_UNLISTED = """
INSERT INTO rejected_unlisted AS kept VALUES (%s, %s, %s)
ON CONFLICT (source, reason) DO UPDATE SET rejected = kept.rejected + excluded.rejected
"""
_ACTS = {"event_actions", "annotations", "documents"}
"""What people write, and other processes show."""
_DROP_REJECTED = """
WITH dropped AS (DELETE FROM rejected WHERE number <= %s RETURNING source, reason)
INSERT INTO rejected_unlisted AS kept SELECT source, reason, count(*) FROM dropped GROUP BY source, reason
ON CONFLICT (source, reason) DO UPDATE SET rejected = kept.rejected + excluded.rejected
"""


def watermark(cursor: Cursor, writer: str) -> Watermark | None:
    """How far this journal has been loaded, until the transaction ends; None if it never was."""
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [writer])
    rows = cursor.execute("SELECT number, next_id FROM watermarks WHERE writer = %s", [writer]).fetchall()
    return Watermark(int(rows[0][0]), int(rows[0][1])) if rows else None


def load_fresh(
    cursor: Cursor,
    writer: str,
    records: Sequence[Record],
    without: Collection[int],
    mark: Watermark | None,
) -> None:
    """Write these records, which are above the journal's watermark `mark`, and move it."""
    lowest = lowest_id(records)
    if lowest is not None and lowest < (mark.next_id if mark else 1):
        cursor.execute("INSERT INTO rewritten (deleted) VALUES (false)")
    insert_all(cursor, records, without)
    add_to_totals(cursor, writer, records, without)
    postgresql_imports.undo(cursor, writer, records, without)
    set_watermark(cursor, writer, records)


def insert_all(cursor: Cursor, records: Sequence[Record], without: Collection[int]) -> None:
    """Write everything in these records except the readings with these ids."""
    insert_rows(cursor, reading_columns(records, without))
    acts: set[str] = set()
    for table, columns in other_rows(records):
        if table == "state_words":
            cursor.execute(_WORDS, [columns[name].to_pylist() for name in ("tag", "code", "word")])
            if cursor.rowcount:  # each run names its words again
                acts.add(table)
        elif columns.num_rows:
            if table == "kept_answers":
                for position in outdated(columns):
                    cursor.execute("DELETE FROM kept_answers WHERE key = %s AND fingerprint < %s", position)
            copy_in(cursor, table, columns)
            if table == "rejected":
                _drop_old_rejections(cursor)
            elif table in _ACTS:
                acts.add(table)
    count_acts(cursor, acts)
    for number, applied, *rest in settings_rows(records):
        cursor.execute(_SETTINGS, [number, moment(applied), *rest])


def insert_rows(cursor: Cursor, columns: pa.Table) -> None:
    """Write these readings (see `reading_columns`), and the newest of each tag."""
    if not columns.num_rows:
        return
    copy_in(cursor, "readings", as_kept(columns))
    latest = newest(columns)
    if latest.num_rows:
        times = [time.isoformat() + "Z" for time in latest["time"].to_pylist()]
        tags, ids, learned = (latest[name].to_pylist() for name in ("tag", "id", "n"))
        cursor.execute(_LATEST, [tags, ids, times, learned])


def add_to_totals(cursor: Cursor, writer: str, records: Sequence[Record], without: Collection[int]) -> None:
    """Add these records to the running totals. In order of the sources, so that loads do not deadlock."""
    totals = totals_of(records, without)
    for source, count in sorted(totals.received.items()):
        cursor.execute(_RECEIVED, [writer, source, count])
    for source, count in sorted(totals.stored.items()):
        cursor.execute(_STORED, [writer, source, count])
    for (source, reason), count in sorted(totals.rejected.items()):
        cursor.execute(_REJECTED, [writer, source, reason, count])
    for (source, reason), count in sorted(totals.unlisted.items()):
        cursor.execute(_UNLISTED, [source, reason, count])


def _drop_old_rejections(cursor: Cursor) -> None:
    """Keep the newest `REJECTIONS` rejections, in steps of a tenth; the others are only counted."""
    ((count,),) = cursor.execute("SELECT count(*) FROM rejected").fetchall()
    if count <= REJECTIONS + REJECTIONS // 10:
        return
    ((last,),) = cursor.execute(
        "SELECT number FROM rejected ORDER BY number DESC OFFSET %s LIMIT 1", [REJECTIONS]
    ).fetchall()
    cursor.execute(_DROP_REJECTED, [last])


def keep_documents(cursor: Cursor, documents: Iterable[Document]) -> None:
    """Write these versions, which no record of a journal has yet."""
    cursor.executemany(
        "INSERT INTO documents (collection, key, content, who, time, removed, number)"
        " VALUES (%s, %s, %s, %s, %s, %s, 0)",
        [
            (each.collection, each.key, json.dumps(each.content), each.who, moment(each.time), each.removed)
            for each in documents
        ],
    )


def forget_dead_letter(cursor: Cursor, record: Record, reading: int) -> None:
    """Remove the dead letter of this reading, if it is kept here."""
    if isinstance(record.entry, BatchEntry):
        key = dead_letter_key(record.entry.processed.accepted.source, reading)
        cursor.execute("DELETE FROM documents WHERE collection = %s AND key = %s", [DEAD_LETTERS, key])


def set_watermark(cursor: Cursor, writer: str, records: Sequence[Record]) -> None:
    """Mark these records as stored; ids continue after their last one."""
    cursor.execute(_WATERMARK, [writer, records[-1].number, next_id(records)])
