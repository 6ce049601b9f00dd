"""The readings of a stopped monitor: those in the store, then those that only the journal has yet.

Readings of an import that the journal undoes are left out.

A monitor stops within seconds and leaves the rest of the journal to its next start, so what a
person takes out meanwhile must come from both. Changes nothing. What it is not: a reader of a
running monitor; see `ReadingStreams`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model.entries import BatchEntry, Record
from sensormon.model.state_words import StateWords
from sensormon.model.tags import TagTable
from sensormon.monitor.offline import StoppedMonitor
from sensormon.stores.columns import READINGS, reading_columns
from sensormon.stores.ledger import Accounts
from sensormon.stores.protocol import Store

_ROWS = 50_000
"""About this many readings of the journal are in memory at a time."""


class OfflineReadings:
    """Of a stopped monitor and its open store; `store` is None if there is no database.

    Every method raises StoreError and JournalError.
    """

    def __init__(self, stopped: StoppedMonitor, store: Store | None) -> None:
        self._stopped = stopped
        self._store = store
        accounts = store.ledger.accounts() if store else Accounts()
        self._position = accounts.positions.get(stopped.writer, 0)
        self._kept = sum(accounts.kept.values())
        self._dead = stopped.dead_letters.ids()
        self._undone = stopped.undone(self._position)
        spans = (store.imports.ranges(number) for number in self._undone) if store else ()
        self._gone = [span for ranges in spans for span in ranges]

    def tags(self) -> list[str]:
        """The tags that have readings, in order of their names."""
        names = set(self._store.readings.tags()) if self._store else set()
        for table in self._journaled():
            names |= set(pc.unique(table.column("tag")).to_pylist())
        return sorted(names)

    def state_words(self, table: TagTable, tags: Sequence[str] | None) -> dict[str, dict[float, str]]:
        """The words by code of each tag of states, or of these `tags`; `table` says what they are now."""
        words = StateWords(self._store.entries.state_words() if self._store else ())
        for record in self._stopped.records(self._position):
            if isinstance(record.entry, BatchEntry):
                words.take(record.entry.processed.words)
        by_tag = words.by_tag(table)
        return {name: by_tag[name] for name in tags or by_tag if name in by_tag}

    def count(self, tags: Sequence[str] | None, since: int, until: int, *, anomalies: bool) -> int:
        """How many readings `stream` yields."""
        if self._gone:
            return sum(piece.num_rows for piece in self.stream(tags, since, until, anomalies=anomalies))
        whole: int = self._store.readings.count(tags, since, until, anomalies=anomalies) if self._store else 0
        for table in self._journaled():
            whole += _selected(table, tags, since, until, anomalies).num_rows
        return whole

    def stream(
        self, tags: Sequence[str] | None, since: int, until: int, *, anomalies: bool
    ) -> Iterator[pa.Table]:
        """Readings with since <= time < until, or only those flagged, in order of arrival, in pieces.

        Readings among the dead letters are left out, as they are while the monitor runs.
        """
        schema = READINGS
        if self._store is not None:
            for piece in self._store.readings.stream(tags, since, until, anomalies=anomalies):
                schema = piece.schema
                yield _without(piece, self._gone)
        for table in self._journaled():
            yield _selected(table, tags, since, until, anomalies).cast(schema)

    def missing(self) -> list[str]:
        """What cannot be read of the journal beyond the store, one sentence each; usually empty."""
        beyond = [segment for segment in self._stopped.segments if segment.last > self._position]
        known = {number for segment in beyond for number in segment.numbers if number > self._position}
        read = {record.number for record in self._stopped.records(self._position)}
        sentences = [f"{segment.path.name}: {segment.damage}" for segment in beyond if segment.damage]
        if unreadable := len(known - read):
            sentences.append(f"{unreadable:,} records of the journal cannot be read")
        return sentences + self._stopped.archive.damaged

    def refused(self) -> list[str]:
        """Which readings the store refused, and where they are; none of them is in a stream."""
        stopped, words = self._stopped, "readings that the database refused are not in it:"
        kept = f"{self._kept:,} bus {words} see the table documents of {stopped.store_place}"
        own = f"{len(self._dead):,} {words} see {stopped.dead_letters.path}"
        return [*([own] if self._dead else []), *([kept] if self._kept else [])]

    def _journaled(self) -> Iterator[pa.Table]:
        """The readings beyond the store, in tables of about `_ROWS` rows."""
        records: list[Record] = []
        rows = 0
        for record in self._stopped.records(self._position):
            entry = record.entry
            if not isinstance(entry, BatchEntry) or entry.import_id in self._undone:
                continue
            if len(entry.processed.accepted):
                records.append(record)
                rows += len(entry.processed.accepted)
            if rows >= _ROWS:
                yield reading_columns(records, self._dead).cast(READINGS)
                records, rows = [], 0
        if records:
            yield reading_columns(records, self._dead).cast(READINGS)


def _without(table: pa.Table, ranges: Sequence[tuple[int, int]]) -> pa.Table:
    """The readings whose ids are in none of these ranges."""
    for first, last in ranges:
        ids = table.column("id")
        table = table.filter(pc.or_(pc.less(ids, first), pc.greater(ids, last)))
    return table


def _selected(
    table: pa.Table, tags: Sequence[str] | None, since: int, until: int, anomalies: bool
) -> pa.Table:
    times = table.column("time").cast(pa.int64())
    keep = pc.and_(pc.greater_equal(times, since), pc.less(times, until))
    if tags is not None:
        keep = pc.and_(keep, pc.is_in(table.column("tag"), pa.array(list(tags), pa.string())))
    if anomalies:
        keep = pc.and_(keep, table.column("is_anomaly"))
    return table.filter(keep)
