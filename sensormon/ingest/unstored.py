"""What is in the journal but not in the store yet: batches, actions on events, notes, documents, undos.

Is: the journal's side of the ledger, in memory, settled as the loader proceeds. Is not: the
records themselves, which the journal holds.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sensormon.journal.depth import JournalDepth
from sensormon.journal.journal import Journal
from sensormon.model.clock import Clock
from sensormon.model.entries import Annotation, BatchEntry, DocumentsEntry, EventAction, Record, UndoEntry
from sensormon.model.imports import ImportTotals, part_of


class Pending(NamedTuple):
    """A batch that is in the journal but not in the store yet, as the ledger counts it."""

    number: int
    source: str
    readings: int
    received: int
    imported: ImportTotals | None = None  # what it adds to an import


def pending_of(entry: BatchEntry, number: int) -> Pending:
    """The batch of this record."""
    batch, part = entry.processed.accepted, part_of(entry, number)
    return Pending(
        number, batch.source, entry.processed.received, batch.received, part.totals if part else None
    )


@dataclass(frozen=True)
class Backlog:
    """Batches and readings that wait for the store; `oldest` is when the first came in (µs UTC)."""

    batches: int
    readings: int
    oldest: int | None


class Unstored:
    """Thread-safe. The constructor takes the state after recovery: totals received, and what waits."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        received: Mapping[str, int],
        pending: Sequence[Pending] = (),
        actions: Sequence[tuple[int, EventAction]] = (),
        annotations: Sequence[tuple[int, Annotation]] = (),
        documents: Sequence[tuple[int, DocumentsEntry]] = (),
        undos: Sequence[tuple[int, UndoEntry]] = (),
    ) -> None:
        self.lock = threading.RLock()
        """Held from before a record is appended to the journal until it is noted here.

        Otherwise the store could have a record that `account` does not know of.
        """
        self.depth = JournalDepth()
        self._journal = journal
        self._clock = clock
        self._received = dict(received)
        self._pending = deque(pending)
        self._readings = sum(batch.readings for batch in pending)
        self._backlog = Backlog(len(self._pending), self._readings, self._oldest)
        self._settled = 0
        self._actions = deque(actions)
        self._annotations = deque(annotations)
        self._documents = deque(documents)
        self._undos = deque(undos)

    @property
    def received(self) -> dict[str, int]:
        """How many readings have come in, by source."""
        return dict(self._received)

    @property
    def readings(self) -> int:
        """How many readings wait for the store."""
        return self._readings

    def backlog(self) -> Backlog:
        """Everything that waits for the store, as it was last noted; waits for nobody, and nobody for it."""
        return self._backlog

    def add(self, batch: Pending, received: Mapping[str, int], now: int) -> None:
        """Note that this batch was journaled at `now` (µs UTC), with the totals received by source."""
        with self.lock:
            self._received = dict(received)
            self._pending.append(batch)
            self._readings += batch.readings
            self._note(now)

    def add_action(self, number: int, action: EventAction) -> None:
        """Note that an action on events was journaled in this record."""
        with self.lock:
            self._actions.append((number, action))

    def add_annotation(self, number: int, annotation: Annotation) -> None:
        """Note that an annotation or its removal was journaled in this record."""
        with self.lock:
            self._annotations.append((number, annotation))

    def add_documents(self, number: int, entry: DocumentsEntry) -> None:
        """Note that these documents and audit records were journaled in this record."""
        with self.lock:
            self._documents.append((number, entry))

    def add_undo(self, number: int, entry: UndoEntry) -> None:
        """Note that the undoing of an import was journaled in this record."""
        with self.lock:
            self._undos.append((number, entry))

    def undos(self) -> list[UndoEntry]:
        """The imports that are undone and of which the store may still have readings, oldest first."""
        with self.lock:
            return [entry for _, entry in self._undos]

    def imported(self) -> list[ImportTotals]:
        """What the batches that wait add to imports, oldest first."""
        with self.lock:
            return [batch.imported for batch in self._pending if batch.imported is not None]

    def actions(self) -> list[tuple[int, EventAction]]:
        """People's actions on events, by record number, oldest first."""
        with self.lock:
            return list(self._actions)

    def annotations(self) -> list[Annotation]:
        """Notes and removals of notes, oldest first."""
        with self.lock:
            return [annotation for _, annotation in self._annotations]

    def documents(self) -> list[DocumentsEntry]:
        """Documents and audit records, oldest first."""
        with self.lock:
            return [entry for _, entry in self._documents]

    def settle(self, position: int) -> None:
        """Note that the store has everything up to this record number, and nothing beyond.

        If that is less than it had before (the database was lost), what it must load again
        from archive and journal is pending again. Raises JournalError if these
        records cannot be read.
        """
        again: list[Pending] = []
        undos: list[tuple[int, UndoEntry]] = []
        if position < self._settled:
            for record in _records(self._journal, position, self._settled):
                if isinstance(record.entry, BatchEntry):
                    again.append(pending_of(record.entry, record.number))
                elif isinstance(record.entry, UndoEntry):
                    undos.append((record.number, record.entry))
        with self.lock:
            self._pending.extendleft(reversed(again))
            self._undos.extendleft(reversed(undos))
            self._readings += sum(batch.readings for batch in again)
            self._settled = min(self._settled, position)
            while self._pending and self._pending[0].number <= position:
                batch = self._pending.popleft()
                self._settled = batch.number
                self._readings -= batch.readings
            while self._actions and self._actions[0][0] <= position:
                self._actions.popleft()
            while self._annotations and self._annotations[0][0] <= position:
                self._annotations.popleft()
            while self._documents and self._documents[0][0] <= position:
                self._documents.popleft()
            while self._undos and self._undos[0][0] <= position:
                self._undos.popleft()
            self._note(self._clock.now())

    def waits(self, number: int) -> bool:
        """Whether something up to this record number was not noted as stored yet."""
        with self.lock:
            first = [self._pending[0].number] if self._pending else []
            first += [queue[0][0] for queue in (self._documents, self._undos) if queue]
            return min(first, default=number + 1) <= number

    def account(self, position: int) -> tuple[dict[str, int], dict[str, int]] | None:
        """Readings received and readings journaled beyond this record number, by source.

        Both are read at the same moment. None if records beyond `position` have been settled already,
        so that the caller must look at the store again.
        """
        with self.lock:
            if self._settled > position:
                return None
            received, pending = dict(self._received), list(self._pending)
        waiting: dict[str, int] = {}  # added up after the lock, which readings on their way in need
        for batch in pending:
            if batch.number > position:
                waiting[batch.source] = waiting.get(batch.source, 0) + batch.readings
        return received, waiting

    def _note(self, now: int) -> None:
        self._backlog = Backlog(len(self._pending), self._readings, self._oldest)
        self.depth.add(now, self._readings, self._oldest)

    @property
    def _oldest(self) -> int | None:
        return self._pending[0].received if self._pending else None


def _records(journal: Journal, after: int, upto: int) -> Iterator[Record]:
    """The records that journal and archive hold with after < number <= upto.

    Raises JournalError if they cannot be read.
    """
    while records := [record for record in journal.read(after) if record.number <= upto]:
        after = records[-1].number
        yield from records
