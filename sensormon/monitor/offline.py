"""A data folder without a running monitor, or a copy of one: read, never changed.

The basis of the command line's `ledger`, `export` and `verify`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from sensormon.ingest.dead_letters import DeadLetters
from sensormon.journal import segments
from sensormon.journal.archive import Archive
from sensormon.journal.codec import decode
from sensormon.model.entries import BatchEntry, Record, UndoEntry
from sensormon.model.errors import JournalDamaged, UsageError
from sensormon.model.ledger import Ledger, add_up, balance
from sensormon.model.settings import store_place
from sensormon.monitor.data_folder import holder_of
from sensormon.stores.ledger import Accounts
from sensormon.stores.opening import opened_to_read
from sensormon.stores.protocol import Store


class StoppedMonitor:
    """The parts of a data folder. Raises UsageError if there is none, or its monitor runs."""

    def __init__(self, folder: Path, store_url: str) -> None:
        if not folder.is_dir():
            raise UsageError("there is no such data folder", where=str(folder), hint="Give its path")
        holder = holder_of(folder)
        if holder is not None:
            raise UsageError(
                f"its monitor is running (process {holder})",
                where=str(folder),
                hint="Stop it first, or use the dashboard",
            )
        self.folder = folder
        self.segments = segments.scan_folder(folder / "journal") if (folder / "journal").is_dir() else []
        self.archive = Archive(folder / "archive")
        self.dead_letters = DeadLetters(folder)
        self.store_url = store_url
        self.store_place = store_place(store_url)

    def store(self) -> AbstractContextManager[Store | None]:
        """The store, open for reading; None if there is no database (yet). See `opened_to_read`."""
        return opened_to_read(self.store_url)

    @property
    def writer(self) -> str:
        """The id of the journal's writer; empty if there is neither a journal nor an archive."""
        retired = None if self.segments else self.archive.newest()
        kept = self.segments or ([retired] if retired else [])
        return next((segment.writer for segment in reversed(kept) if segment.writer), "")

    def records(self, after: int = 0) -> Iterator[Record]:
        """The readable records of archive and journal above this number."""
        first = self.segments[0].first if self.segments else _NO_END
        for number, payload in self.archive.payloads(self.writer, after, first):
            yield from _understood(number, payload)
        for segment in self.segments:
            start = bisect_right(segment.numbers, after)
            for number, payload in segments.read_payloads(segment, start, len(segment.numbers)):
                yield from _understood(number, payload)

    def undone(self, after: int) -> frozenset[int]:
        """The imports that records above this number undo."""
        entries = (record.entry for record in self.records(after))
        return frozenset(entry.import_id for entry in entries if isinstance(entry, UndoEntry))

    def ledger(self, store: Store | None) -> Ledger:
        """Where every reading is."""
        accounts = store.ledger.accounts() if store else Accounts()
        position = accounts.positions.get(self.writer, 0)
        received = dict(accounts.received.get(self.writer, {}))
        pending: dict[str, int] = {}
        for record in self.records():
            if isinstance(record.entry, BatchEntry):
                received.update(record.entry.received_totals)
                if record.number > position:
                    processed = record.entry.processed
                    pending = add_up(pending, {processed.accepted.source: processed.received})
        return balance(
            received=add_up(received, accounts.received_elsewhere(self.writer)),
            stored=accounts.stored,
            rejected=accounts.rejected,
            dead_lettered=add_up(self.dead_letters.counts(), accounts.dead_elsewhere(self.writer)),
            pending=pending,
            undone=accounts.undone,
        )


_NO_END = 1 << 63


def _understood(number: int, payload: bytes | None) -> Iterator[Record]:
    """The record, or nothing if damaged; `verify` reports its number as missing."""
    if payload is not None:
        with suppress(JournalDamaged):
            yield Record(number, decode(payload))
