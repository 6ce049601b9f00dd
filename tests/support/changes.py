"""Whatever changes the readings of a store: loads, dead letters, imports, undos, roll-ups, reopening."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from sensormon.model.clock import DAY, SECOND
from sensormon.model.entries import BatchEntry, Record, UndoEntry
from sensormon.model.readings import Batch, Origin, Processed, Scores
from sensormon.stores.protocol import Store
from tests.support.plant import START

TAGS = ("a", "b", "c")
T = TypeVar("T")


class Changes:
    """Changes a store at random; times are near each other, some readings come late, half are flagged.

    The records are those of one journal.
    """

    def __init__(self, store: Store, seed: int, writer: str = "w") -> None:
        self.store = store
        self._writer = writer
        self._random = np.random.default_rng(seed)
        self.now = START
        self._number = 0
        self._next_id = 1
        self._imports: list[int] = []
        self._refused: list[Record] = []

    def step(self) -> str:
        """Change something; returns what."""
        acts = (self.load, self.load, self.load, self.bring_in, self.retry, self.undo, self.settle, self.roll)
        act = self._any((*acts, self.reopen))
        act()
        return act.__name__

    def load(self) -> None:
        """Readings of a source, of which the store refuses one at times."""
        record = self._record("test", Origin.LIVE)
        entry = record.entry
        assert isinstance(entry, BatchEntry)
        row = self._below(2 * len(entry.processed.accepted))
        if row >= len(entry.processed.accepted):
            self.store.load(self._writer, [record])
            return
        self.store.load(self._writer, [record], without={entry.first_id + row})
        rows = np.array([row])
        part = replace(
            entry.processed,
            accepted=entry.processed.accepted.take(rows),
            scores=entry.processed.scores.take(rows),
        )
        self._refused.append(
            replace(record, entry=replace(entry, first_id=entry.first_id + row, processed=part))
        )

    def skip(self, ids: int) -> None:
        """Skip this many ids, as a start without the database does."""
        self._next_id += ids

    def begin_at(self, number: int) -> None:
        """Give no id below this one."""
        self._next_id = max(self._next_id, number)

    def bring_in(self) -> None:
        """Readings of an import."""
        number = self._number + 1
        self._imports.append(number)
        self.store.load(self._writer, [self._record("import", Origin.IMPORT, number)])

    def retry(self) -> None:
        """A dead letter is stored after all, with its old id."""
        if self._refused:
            self.store.store_row(self._refused.pop(self._below(len(self._refused))))

    def undo(self) -> None:
        if self._imports:
            number = self._imports.pop(self._below(len(self._imports)))
            self._number += 1
            self.store.load(self._writer, [Record(self._number, UndoEntry(number, "Ana", self.now))])

    def settle(self) -> None:
        self.store.checkpoint()
        self.store.summarise(least=1)

    def roll(self) -> None:
        self.now += DAY
        for due in self.store.retention.due(self.now - DAY // 2, 1):
            self.store.retention.roll_up(due)

    def reopen(self) -> None:
        self.store.close()
        self.store.open()

    def _below(self, count: int) -> int:
        return int(self._random.integers(count))

    def _any(self, choices: Sequence[T]) -> T:
        return choices[self._below(len(choices))]

    def _record(self, source: str, origin: Origin, import_id: int = 0) -> Record:
        count = 1 + self._below(12)
        pace = self._any((1, 4, 400))
        late = self._any((0, 0, 300, 90_000))
        moments = [self.now + (place * pace - late) * SECOND for place in range(count)]
        self.now += count * pace * SECOND
        flagged = self._random.random(count) < 0.5
        scores = [self._any((3.5, 6.0, 20.0)) if flag else 0.5 for flag in flagged.tolist()]
        batch = Batch(
            source=source,
            received=self.now,
            tags=TAGS,
            tag=np.array([self._below(len(TAGS)) for _ in range(count)], dtype=np.int32),
            time=np.array(moments, dtype=np.int64),
            value=np.array([float(place) for place in range(count)]),
            quality=np.zeros(count, dtype=np.uint32),
            origin=origin,
        )
        blank = np.full(count, np.nan)
        learned = np.arange(count, dtype=np.int64) + self._next_id
        done = Processed(
            accepted=batch,
            scores=Scores(learned, np.array(scores), blank, blank, blank, flagged),
            settings=self._any((1, 2)),
            rejected=(),
        )
        self._number += 1
        entry = BatchEntry(self._next_id, {source: 0}, done, (), import_id)
        self._next_id += count
        return Record(self._number, entry)
