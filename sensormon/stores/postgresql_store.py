"""The store in a PostgreSQL database: opening, closing and loading. Its parts answer queries.

A commit is on the server's disk when it returns. What the server does not take waits in the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from sensormon.model.entries import BatchEntry, Record
from sensormon.model.errors import StoreFault
from sensormon.stores import postgresql_partitions
from sensormon.stores.columns import reading_columns, row_ids
from sensormon.stores.postgresql_bus import PostgreSQLBus
from sensormon.stores.postgresql_collectors import PostgreSQLCollectors
from sensormon.stores.postgresql_copies import PostgreSQLCopies
from sensormon.stores.postgresql_database import LONG_SECONDS, Database
from sensormon.stores.postgresql_entries import PostgreSQLEntries
from sensormon.stores.postgresql_imports import PostgreSQLImports
from sensormon.stores.postgresql_leader import PostgreSQLClaims, PostgreSQLLeader
from sensormon.stores.postgresql_ledger import PostgreSQLLedger
from sensormon.stores.postgresql_load import (
    add_to_totals,
    forget_dead_letter,
    insert_rows,
    load_fresh,
    watermark,
)
from sensormon.stores.postgresql_readings import PostgreSQLReadings
from sensormon.stores.postgresql_retention import PostgreSQLRetention
from sensormon.stores.postgresql_spans import PostgreSQLSpans
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
    "bus_partitions",
)


def _now() -> datetime:
    return datetime.now(UTC)


class PostgreSQLStore:
    """See `sensormon.stores.protocol.Store`. With `read_only` nothing is ever written.

    Only with `filling` it opens while a history is being copied into it, see `sensormon.stores.tables`.
    `today` gives the time by which partitions are made ahead.
    """

    name = "PostgreSQL"

    def __init__(
        self,
        url: str,
        *,
        read_only: bool = False,
        filling: bool = False,
        today: Callable[[], datetime] = _now,
    ) -> None:
        self._database = Database(url, read_only, filling)
        self._today = today
        self.readings = PostgreSQLReadings(self._database)
        self.spans = PostgreSQLSpans(self._database)
        self.ledger = PostgreSQLLedger(self._database)
        self.entries = PostgreSQLEntries(self._database)
        self.imports = PostgreSQLImports(self._database)
        self.retention = PostgreSQLRetention(self._database)
        self.collectors = PostgreSQLCollectors(self._database)
        self.tables = PostgreSQLCopies(self._database, today)
        self.partitions = PostgreSQLBus(self._database, self._make_partitions)

    def open(self) -> None:
        self._database.open()

    def close(self) -> None:
        self._database.close()

    def set_aside(self) -> str:
        raise StoreFault(
            "a database on a server is not moved out of the way by this program",
            where=self._database.place,
            hint="Restore it from a back-up, or name an empty database; readings stay in the journal",
        )

    def load(self, writer: str, records: Sequence[Record], without: Collection[int] = ()) -> None:
        self._make_partitions(records)
        with self._database.transaction("load") as cursor:
            mark = watermark(cursor, writer)
            fresh = [record for record in records if mark is None or record.number > mark.number]
            if not fresh:
                return
            load_fresh(cursor, writer, fresh, without, mark)

    def refused_rows(self, record: Record) -> dict[int, str]:
        def try_rows(columns: pa.Table) -> None:
            with self._database.trial("try rows") as cursor:
                insert_rows(cursor, columns)

        self._make_partitions([record])
        return refused_one_by_one(reading_columns([record]), try_rows)

    def store_row(self, record: Record, writer: str = "") -> None:
        self._make_partitions([record])
        with self._database.transaction("load a dead letter") as cursor:
            (row,) = row_ids(record)
            # Two processes may try the same one: the second waits here and then sees it.
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [row])
            known = cursor.execute("SELECT 1 FROM readings WHERE id = %s LIMIT 1", [row]).fetchall()
            if not known:
                cursor.execute("INSERT INTO rewritten (deleted) VALUES (false)")
                insert_rows(cursor, reading_columns([record]))
                add_to_totals(cursor, writer, [record], ())
            forget_dead_letter(cursor, record, row)

    def _make_partitions(self, records: Sequence[Record]) -> None:
        """Before the transaction that needs them: making one waits for all who use the table."""
        times = [
            record.entry.processed.accepted.time for record in records if isinstance(record.entry, BatchEntry)
        ]
        if times:
            postgresql_partitions.make_missing(self._database, np.concatenate(times), self._today())

    def leader(self, name: str) -> PostgreSQLLeader:
        return PostgreSQLLeader(self._database, name)

    def claims(self, kind: str) -> PostgreSQLClaims:
        return PostgreSQLClaims(self._database, kind)

    def checkpoint(self) -> bool:
        """A commit is on disk already; what is made ahead here is the next days' partitions."""
        postgresql_partitions.make_ahead(self._database, self._today())
        return True

    def summarise(self, least: int = LEAST) -> bool:  # answers come from the readings themselves
        del least
        return False

    def check_summary(self) -> int:
        return 0

    def scrub(self) -> None:
        for table in _TABLES:
            self._database.rows(f"SELECT sum(hashtext(t::text)) FROM {table} AS t", seconds=LONG_SECONDS)
