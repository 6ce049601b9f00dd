"""The store in a DuckDB file: opening, closing and loading. Its parts answer queries.

A commit is on disk when it returns; if DuckDB's own write-ahead file loses its tail, the
journal beyond the watermark is loaded again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa

from sensormon.model.entries import Record
from sensormon.stores import duckdb_imports, duckdb_summary
from sensormon.stores.columns import reading_columns, row_ids
from sensormon.stores.duckdb_copies import DuckDBCopies
from sensormon.stores.duckdb_database import Database
from sensormon.stores.duckdb_entries import DuckDBEntries
from sensormon.stores.duckdb_flagged import Flagged
from sensormon.stores.duckdb_imports import DuckDBImports
from sensormon.stores.duckdb_ledger import DuckDBLedger, watermark
from sensormon.stores.duckdb_load import (
    add_to_totals,
    forget_dead_letter,
    insert_all,
    insert_rows,
    set_watermark,
)
from sensormon.stores.duckdb_readings import DuckDBReadings
from sensormon.stores.duckdb_retention import DuckDBRetention
from sensormon.stores.duckdb_spans import DuckDBSpans
from sensormon.stores.duckdb_stream import Deletions
from sensormon.stores.leader import Alone
from sensormon.stores.protocol import LEAST
from sensormon.stores.record_rows import refused_one_by_one

_TABLES = (
    "readings",
    "rollups",
    "counted_readings",
    "rejected",
    "injected_faults",
    "detector_settings",
    "event_actions",
    "annotations",
    "documents",
    "audit",
    "latest",
    "state_words",
    "imported",
    "undone_imports",
    "minutes",
    "marked",
)


class DuckDBStore:
    """See `sensormon.stores.protocol.Store`. With `read_only` the file is never written."""

    name = "DuckDB"
    collectors = None
    partitions = None

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        deletions = Deletions()
        self._read_only = read_only
        self._database = Database(path, read_only)
        self._flagged = Flagged(self._database)
        self.readings = DuckDBReadings(self._database, deletions, self._flagged)
        self.spans = DuckDBSpans(self._database)
        self.ledger = DuckDBLedger(self._database)
        self.entries = DuckDBEntries(self._database)
        self.imports = DuckDBImports(self._database)
        self.retention = DuckDBRetention(self._database, deletions)
        self.tables = DuckDBCopies(self._database)
        self._deletions = deletions

    def open(self) -> None:
        opened = self._database.open()
        self._flagged.opened()
        if opened and not self._read_only:
            duckdb_summary.start_over(self._database)

    def close(self) -> None:
        self._database.close()

    def set_aside(self) -> str:
        with self._flagged.rewriting():
            return self._database.set_aside()

    def load(self, writer: str, records: Sequence[Record], without: Collection[int] = ()) -> None:
        self._database.check_file()
        with ExitStack() as noted, self._database.transaction("load") as cursor:
            mark = watermark(cursor, writer)
            fresh = [record for record in records if mark is None or record.number > mark.number]
            if not fresh:
                return
            if self._flagged.rewrites(cursor, fresh):
                noted.enter_context(self._flagged.rewriting())
            insert_all(cursor, fresh, without)
            duckdb_summary.add(cursor, fresh)
            add_to_totals(cursor, writer, fresh, without)
            for tag, day in duckdb_imports.days(cursor, fresh):
                noted.enter_context(self._deletions.of(tag, day))
            duckdb_imports.undo(cursor, fresh, without)
            set_watermark(cursor, writer, fresh, mark)

    def refused_rows(self, record: Record) -> dict[int, str]:
        def try_rows(columns: pa.Table) -> None:
            with self._database.trial("try rows") as cursor:
                insert_rows(cursor, columns)

        return refused_one_by_one(reading_columns([record]), try_rows)

    def store_row(self, record: Record, writer: str = "") -> None:
        self._database.check_file()
        with self._flagged.rewriting(), self._database.transaction("load a dead letter") as cursor:
            ids = row_ids(record)
            known = cursor.execute("SELECT 1 FROM readings WHERE id = ? LIMIT 1", [ids[0]]).fetchall()
            if not known:
                insert_rows(cursor, reading_columns([record]))
                add_to_totals(cursor, writer, [record], ())
                duckdb_summary.add(cursor, [record])
            forget_dead_letter(cursor, record, ids[0])

    def leader(self, name: str) -> Alone:
        del name  # one process at a time has the file
        return Alone()

    def claims(self, kind: str) -> Alone:
        del kind
        return Alone()

    def checkpoint(self) -> bool:
        self._database.check_file()
        if self.tables.is_read:  # DuckDB refuses it then, which would look like a fault
            return False
        self._database.checkpoint()
        return True

    def summarise(self, least: int = LEAST) -> bool:
        return duckdb_summary.extend(self._database, least)

    def check_summary(self) -> int:
        return duckdb_summary.differing(self._database)

    def scrub(self) -> None:
        for table in _TABLES:
            self._database.rows(f"SELECT bit_xor(hash(row)) FROM {table} AS row")
