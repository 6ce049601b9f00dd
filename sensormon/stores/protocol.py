"""The interface of every store: opening, loading, and parts that answer queries.

Only the loader opens, loads and checkpoints; everybody else gets only the part it needs:

    readings    spans, streams and counts of readings          stores/readings
    spans       questions about long spans of single tags      stores/long_spans
    ledger      watermark, running totals, recount             stores/ledger
    entries     settings, actions, notes, kept answers         stores/entries
    imports     which readings an import stored, what is undone  stores/imports
    retention   what is due, roll-ups, space                   stores/retention
    collectors  who else writes to it, how far each is         stores/collectors
    tables      everything, to be copied into another store    stores/tables
    partitions  readings that workers take from a bus          stores/bus
    leader      which process does what only one may do        stores/leader

A store neither retries nor waits: it raises the right kind of `StoreError` and the
loader decides. `tests/stores/test_contract_*.py` are the contract, one file per part; list a
new store for these tests in `tests/stores/conftest.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from sensormon.model.entries import Record
from sensormon.stores.bus import Partitions
from sensormon.stores.collectors import Collectors
from sensormon.stores.entries import StoredEntries
from sensormon.stores.imports import StoredImports
from sensormon.stores.leader import Claims, Leader
from sensormon.stores.ledger import StoredLedger
from sensormon.stores.long_spans import Spans
from sensormon.stores.readings import StoredReadings
from sensormon.stores.retention import StoredRetention
from sensormon.stores.tables import StoredTables

LEAST = 250_000
"""Readings that wait to be summarised together: with fewer at a time a minute would get many rows."""


class Store(Protocol):
    """A place for the records of journals, each taken at most once.

    `load` comes from one thread, `checkpoint` and `retention.roll_up` may come from another
    meanwhile, the reads from any. The parts may be asked while it is closed; then they raise
    StoreUnavailable.
    """

    name: str

    @property
    def readings(self) -> StoredReadings: ...

    @property
    def spans(self) -> Spans: ...

    @property
    def ledger(self) -> StoredLedger: ...

    @property
    def entries(self) -> StoredEntries: ...

    @property
    def imports(self) -> StoredImports: ...

    @property
    def retention(self) -> StoredRetention: ...

    @property
    def collectors(self) -> Collectors | None:
        """None if one process at a time uses the store."""

    @property
    def tables(self) -> StoredTables: ...

    @property
    def partitions(self) -> Partitions | None:
        """None likewise."""

    def leader(self, name: str) -> Leader:
        """Who leads in what is called so."""

    def claims(self, kind: str) -> Claims:
        """Who does which of the things of this kind."""

    def open(self) -> None:
        """Connect and make the tables that are missing. Does nothing when open."""

    def close(self) -> None:
        """Release the connection. Loaded records are durable with or without this."""

    def set_aside(self) -> str:
        """Move a damaged database out of the way; returns its new path."""

    def load(self, writer: str, records: Sequence[Record], without: Collection[int] = ()) -> None:
        """Store these records, all or none, and move the watermark in the same transaction.

        Records at or below the watermark are skipped. Rows whose id is in `without`
        are left out; they are the dead letters. Raises RowsRefused if a row can never be stored.
        """

    def refused_rows(self, record: Record) -> dict[int, str]:
        """The ids of this record's rows that can never be stored, each with the reason."""

    def store_row(self, record: Record, writer: str = "") -> None:
        """Store the one reading of this record unless its id is stored already; it is of this journal.

        In the same transaction its dead letter goes, if the store keeps one.
        """

    def checkpoint(self) -> bool:
        """Make everything loaded so far independent of any write-ahead file.

        False if that has to wait until whoever reads a snapshot of `tables` has ended; nothing is done then.
        """

    def summarise(self, least: int = LEAST) -> bool:
        """Summarise a further piece of the readings stored; returns whether to go on.

        Answers about long spans become faster, never different. Does nothing while fewer than
        `least` readings wait for it. `load` may have to wait for a piece: a few tenths of a second.
        """

    def check_summary(self) -> int:
        """How many minutes of the summary do not agree with the readings, for `verify`."""

    def scrub(self) -> None:
        """Read every row once. Raises StoreCorrupt if something does not read back."""
