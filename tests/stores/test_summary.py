"""The summary agrees with the readings, whatever was stored, came late or was deleted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.model.clock import DAY, SECOND
from sensormon.model.entries import BatchEntry, Record, UndoEntry
from sensormon.model.readings import Batch, Origin, Processed, Scores
from sensormon.stores.opening import open_store
from sensormon.stores.protocol import Store
from tests.support.plant import START

QUALITIES = np.array([0, 0, 0, 0x4000_0000, 0x8000_0000, 0x0000_0401], dtype=np.uint32)


@dataclass
class History:
    """A store, and what happens to it next."""

    store: Store
    number: int = 1
    next_id: int = 1
    imports: list[int] = field(default_factory=list)
    waiting: list[Record] = field(default_factory=list)

    def batch(self, seed: int, rows: int, origin: Origin = Origin.LIVE) -> BatchEntry:
        """Readings at random times of three days, most of them of two tags in half an hour."""
        rng = np.random.default_rng(seed)
        spread = rng.choice([1_800, 3 * 86_400], p=[0.8, 0.2]) * SECOND
        accepted = Batch(
            source=str(rng.choice(["test", "simulator"])),
            received=START,
            tags=("temp", "other"),
            tag=rng.integers(0, 2, rows).astype(np.int32),
            time=START + np.sort(rng.integers(0, spread, rows)),
            value=rng.normal(5, 2, rows).round(3),
            quality=rng.choice(QUALITIES, rows),
            origin=origin,
        )
        score, n = rng.normal(3, 1, (4, rows)), np.arange(self.next_id, self.next_id + rows)
        scores = Scores(n, *score, is_anomaly=rng.random(rows) < 0.2)
        entry = BatchEntry(self.next_id, {"test": 0}, Processed(accepted, scores, 1, ()))
        self.next_id += rows
        return entry

    def record(self, entry: BatchEntry | UndoEntry) -> Record:
        self.number += 1
        return Record(self.number, entry)

    def happen(self, what: str, seed: int, rows: int) -> None:
        if what == "live":
            self.store.load("w", [self.record(self.batch(seed, rows))])
        elif what == "refused":
            record = self.record(self.batch(seed, rows))
            assert isinstance(record.entry, BatchEntry)
            self.store.load("w", [record], without={record.entry.first_id})
            self.waiting.append(Record(record.number, _first_of(record.entry)))
        elif what == "dead letter":
            for record in self.waiting:
                self.store.store_row(record)
            self.waiting.clear()
        elif what == "import":
            entry = replace(self.batch(seed, rows, Origin.IMPORT), import_id=self.number)
            self.imports.append(self.number)
            self.store.load("w", [self.record(entry)])
        elif what == "undo" and self.imports:
            self.store.load("w", [self.record(UndoEntry(self.imports.pop(), "Ana", START))])
        elif what == "roll up":
            for due in self.store.retention.due(START + DAY, keep=20):
                self.store.retention.roll_up(due)
        elif what == "summarise":
            while self.store.summarise(least=1):
                pass


def _first_of(entry: BatchEntry) -> BatchEntry:
    processed, first = entry.processed, np.arange(1)
    alone = replace(
        processed, accepted=processed.accepted.take(first), scores=processed.scores.take(first), rejected=()
    )
    return replace(entry, processed=alone)


KINDS = ("live", "live", "refused", "dead letter", "import", "undo", "roll up", "summarise", "summarise")
EVENTS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 2**20), st.integers(1, 400)), min_size=2, max_size=12
)


@given(EVENTS)
@settings(max_examples=12)
def test_the_summary_agrees_with_the_readings_after_everything(events: list[tuple[str, int, int]]) -> None:
    with TemporaryDirectory() as folder:
        store = open_store(str(Path(folder) / "store.duckdb"))
        store.open()
        history = History(store)
        for what, seed, rows in events:
            history.happen(what, seed, rows)
            assert store.check_summary() == 0, what
        store.close()


def test_readings_are_summarised_in_pieces_once_enough_wait(store: Store) -> None:
    history = History(store)
    for seed in range(3):
        history.happen("live", seed, 400)
    assert not store.summarise(least=1_201)
    assert not store.summarise(least=1_200), "nothing is left after one piece"
    assert store.check_summary() == 0


def test_a_summary_that_differs_from_the_readings_is_noticed_and_made_again(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store.duckdb"))
    store.open()
    history = History(store)
    history.happen("live", 1, 400)
    history.happen("summarise", 0, 0)
    store.close()
    with duckdb.connect(str(tmp_path / "store.duckdb")) as connection:
        connection.execute(
            "DELETE FROM readings WHERE id % 50 = 1"
        )  # as an earlier version would, on its own
    reader = open_store(str(tmp_path / "store.duckdb"), read_only=True)
    reader.open()
    assert reader.check_summary() >= 1
    reader.close()
    store.open()
    assert store.check_summary() == 0
    assert not store.summarise(least=1)
    assert store.check_summary() == 0
    store.close()


def test_readings_with_lower_ids_than_the_summary_reaches_are_added_to_it(store: Store) -> None:
    history = History(store, next_id=1_000)
    history.happen("live", 3, 300)
    history.happen("summarise", 0, 0)
    history.next_id = 1  # of another journal, which the database did not know
    history.happen("live", 4, 50)
    assert store.check_summary() == 0
    assert store.readings.count(None, 0, START + 10 * DAY) == 350
