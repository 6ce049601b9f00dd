"""Where flagged readings are found: looking for them among all readings would read all of history.

Those up to the id in `summarised` are in the table `marked` (see `duckdb_summary`); those above it are looked
for in `readings`. What it is not: another source of truth, or what keeps that table in step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb

from sensormon.model.entries import Record, UndoEntry
from sensormon.stores.duckdb_database import Database
from sensormon.stores.duckdb_summary import mark
from sensormon.stores.record_rows import lowest_id


class Flagged:
    """Of one database.

    `rewritten` goes up before and after each change below the highest id: readings removed, or stored late.
    Whoever has read the flagged ones before then has to read them again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.rewritten = 0

    def opened(self) -> None:
        """Note that the database was opened, or set aside: everything may have changed."""
        self.rewritten += 1

    def rows(self) -> str:
        """What to select from to get every flagged reading stored."""
        if not self._database.has("summarised"):
            return "(SELECT * FROM readings WHERE is_anomaly)"
        upto = mark(self._database.cursor())
        # Bounded at both ends: the table may grow before this is asked.
        return (
            f"(SELECT * FROM marked WHERE is_anomaly AND id <= {upto}"
            f" UNION ALL SELECT * FROM readings WHERE id > {upto} AND is_anomaly)"
        )

    def rewrites(self, cursor: duckdb.DuckDBPyConnection, records: Sequence[Record]) -> bool:
        """Whether loading these records removes readings, or adds some below the highest id so far."""
        if any(isinstance(record.entry, UndoEntry) for record in records):
            return True
        lowest = lowest_id(records)
        if lowest is None:
            return False
        ((next_id,),) = cursor.execute("SELECT coalesce(max(next_id), 0) FROM watermarks").fetchall()
        return lowest < int(next_id)

    @contextmanager
    def rewriting(self) -> Iterator[None]:
        """Wraps a change of readings that were stored before; counted before and after."""
        self.rewritten += 1
        try:
            yield
        finally:
            self.rewritten += 1
