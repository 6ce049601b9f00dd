"""What a transaction of the DuckDB store writes: rows, running totals, the settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import duckdb
import pyarrow as pa

from sensormon.model.entries import BatchEntry, Record, SettingsEntry
from sensormon.model.timestamps import to_datetime
from sensormon.stores.columns import (
    action_columns,
    annotation_columns,
    answer_columns,
    fault_columns,
    reading_columns,
    rejected_columns,
    row_ids,
)
from sensormon.stores.protocol import Watermark

ANNOTATIONS = (
    "SELECT id, epoch_us(since), epoch_us(until), tags, text, who, epoch_us(time), removed "
    "FROM annotations ORDER BY time, removed"
)
"""All notes as the fields of an `Annotation`."""


def watermark(cursor: duckdb.DuckDBPyConnection, writer: str) -> Watermark | None:
    """How far this journal has been loaded; None where it never was."""
    # A result that is not fetched to its end keeps the connection busy, so never fetchone.
    rows = cursor.execute("SELECT number, next_id FROM watermarks WHERE writer = ?", [writer]).fetchall()
    return Watermark(int(rows[0][0]), int(rows[0][1])) if rows else None


def next_id(record: Record) -> int:
    """The id after the last of this record; 1 where it holds no readings."""
    entry = record.entry
    return entry.first_id + len(entry.processed.accepted) if isinstance(entry, BatchEntry) else 1


def insert_all(
    cursor: duckdb.DuckDBPyConnection, records: Sequence[Record], without: Collection[int]
) -> None:
    """All that these records hold, without the readings of these ids."""
    insert_readings(cursor, records, without)
    for table, columns in (
        ("rejected", rejected_columns(records)),
        ("injected_faults", fault_columns(records)),
        ("event_actions", action_columns(records)),
        ("annotations", annotation_columns(records)),
        ("kept_answers", answer_columns(records)),
    ):
        if columns.num_rows:
            _insert(cursor, table, columns)
    for record in records:
        if isinstance(record.entry, SettingsEntry):
            one = record.entry.settings
            cursor.execute(
                "INSERT INTO detector_settings VALUES (?, ?, ?, ?, ?, ?)",
                [
                    one.id,
                    naive(one.applied),
                    one.who,
                    one.detector,
                    json.dumps(dict(one.params)),
                    json.dumps(dict(one.base)),
                ],
            )


def insert_readings(
    cursor: duckdb.DuckDBPyConnection, records: Sequence[Record], without: Collection[int]
) -> None:
    """The readings of these records, and the newest of each tag."""
    columns = reading_columns(records, without)
    if not columns.num_rows:
        return
    _insert(cursor, "readings", columns)
    cursor.register("incoming", columns)
    cursor.execute(
        "INSERT INTO latest SELECT tag, max(id), arg_max(time, id),"
        " arg_max(n + CASE WHEN quality >> 30 = 0 THEN 1 ELSE 0 END, id) FROM incoming"
        " WHERE origin <> 'import' GROUP BY tag "
        "ON CONFLICT DO UPDATE SET id = excluded.id, time = excluded.time, n = excluded.n"
    )
    cursor.unregister("incoming")


def _insert(cursor: duckdb.DuckDBPyConnection, table: str, columns: pa.Table) -> None:
    cursor.register("incoming", columns)
    cursor.execute(f"INSERT INTO {table} SELECT * FROM incoming")  # noqa: S608  our own table's name
    cursor.unregister("incoming")


def add_to_totals(
    cursor: duckdb.DuckDBPyConnection,
    writer: str,
    records: Sequence[Record],
    without: Collection[int],
) -> None:
    """Move the running totals by what these records hold."""
    received: dict[str, int] = {}
    stored: dict[str, int] = {}
    rejected: dict[tuple[str, str], int] = {}
    for record in records:
        if not isinstance(record.entry, BatchEntry):
            continue
        processed = record.entry.processed
        source = processed.accepted.source
        received.update(record.entry.received_totals)
        kept = (
            len(processed.accepted) - sum(one in without for one in row_ids(record))
            if without
            else len(processed.accepted)
        )
        stored[source] = stored.get(source, 0) + kept
        for one in processed.rejected:
            key = (one.source, str(one.reason))
            rejected[key] = rejected.get(key, 0) + 1
    for source, count in received.items():
        cursor.execute(
            "INSERT INTO received_totals VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET received = excluded.received",
            [writer, source, count],
        )
    for source, count in stored.items():
        _add_stored(cursor, source, count)
    for (source, reason), count in rejected.items():
        cursor.execute(
            "INSERT INTO rejected_totals VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET rejected = rejected + excluded.rejected",
            [source, reason, count],
        )


def _add_stored(cursor: duckdb.DuckDBPyConnection, source: str, count: int) -> None:
    cursor.execute(
        "INSERT INTO stored_totals VALUES (?, ?) ON CONFLICT DO UPDATE SET stored = stored + excluded.stored",
        [source, count],
    )


def naive(time: int) -> Any:
    """The time (µs UTC) as the store keeps it: UTC without a zone."""
    return to_datetime(time).replace(tzinfo=None)


PIECE = 20_000
"""Rows in a piece of a streamed result."""


def arrow_pieces(
    cursor: duckdb.DuckDBPyConnection,
    query: str,
    values: Sequence[object],
    guard: Callable[[], AbstractContextManager[None]],
) -> Iterator[pa.Table]:
    """The rows of this query in pieces; the first is there when this returns.

    `guard` turns what the database raises into a StoreError. The cursor is closed at the end.
    """

    def piece() -> pa.Table | None:
        with guard():
            try:
                return _zoned(pa.Table.from_batches([reader.read_next_batch()]))
            except StopIteration:
                return None

    def rest(first: pa.Table) -> Iterator[pa.Table]:
        try:
            found: pa.Table | None = first
            while found is not None:
                yield found
                found = piece()
        finally:
            reader.close()
            cursor.close()

    with guard():
        reader: Any = cursor.sql(query, params=list(values)).to_arrow_reader(PIECE)
    first = piece()
    return rest(_zoned(reader.schema.empty_table()) if first is None else first)


def _zoned(table: pa.Table) -> pa.Table:
    for name in ("time", "received"):
        place = table.schema.get_field_index(name)
        if pa.types.is_timestamp(table.schema.field(place).type):  # of a rejected reading the time is text
            table = table.set_column(place, name, table.column(name).cast(pa.timestamp("us", "UTC")))
    return table
