"""What a restart reads back from the journal is what reading it record by record gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sensormon.ingest.recovery import Recovered, recover
from sensormon.ingest.tag_memory import KEPT
from sensormon.ingest.unstored import Pending, pending_of
from sensormon.journal.archive import Archive
from sensormon.journal.journal import Journal
from sensormon.model.entries import (
    BY_CONTENT,
    ActionEntry,
    BatchEntry,
    EventAction,
    KeptAnswer,
    Record,
    UndoEntry,
)
from sensormon.model.readings import (
    Batch,
    Origin,
    Processed,
    Reason,
    Rejection,
    Scores,
    StateWord,
    Verdicts,
    is_good,
    is_learned,
)
from sensormon.stores.opening import open_store
from sensormon.stores.readings import LastArrival
from tests.support.journals import open_journal, settings_entry
from tests.support.plant import START

NAMES = ("a", "b", "käse}", 'x":5,"y')
SOURCES = ("api", "simulator", 'odd"},"settings":1,"source":"', "ä{}")
DETECTORS = ((), ("zscore",), ("zscore", "recommended"))


def batch(
    rng: np.random.Generator, first_id: int, totals: dict[str, int], rows: int, clock: int
) -> BatchEntry:
    """A batch as one may be in a journal, of any shape."""
    source = SOURCES[rng.integers(len(SOURCES))]
    detectors = DETECTORS[rng.integers(len(DETECTORS))]
    tags = tuple(rng.permutation(NAMES)[: rng.integers(1, len(NAMES) + 1)].tolist())
    origin = [Origin.LIVE, Origin.LIVE, Origin.LIVE, Origin.BACKFILL, Origin.IMPORT][rng.integers(5)]
    totals[source] = totals.get(source, 0) + rows
    nothing = np.zeros(rows)
    verdicts = Verdicts(
        ("p",),
        np.zeros(rows, np.uint8),
        detectors,
        np.full(rows, -1, np.int8),
        nothing,
        rng.integers(0, 2, rows).astype(np.uint8),
        rng.normal(size=(rows, len(detectors), 4)),
    )
    scores = Scores(
        np.sort(rng.integers(0, 10_000, rows)),
        *[nothing] * 4,
        rng.random(rows) < 0.1,
        verdicts if detectors else None,
    )
    accepted = Batch(
        source,
        clock,
        tags,
        rng.integers(0, len(tags), rows).astype(np.int32),
        clock - rng.integers(0, 10**6, rows),
        rng.normal(size=rows),
        rng.choice(np.array([0, 0, 0, 0x80000000], np.uint32), rows),
        origin,
    )
    refused = Rejection(source, clock, 0, "z", "", 'no "number"', Reason.UNKNOWN_TAG, "detail")
    answers = [
        KeptAnswer(
            (BY_CONTENT if rng.random() < 0.5 else "") + str(i), "f", 201, '{"a":[[1]],"profiles":2}', i
        )
        for i in range(first_id, first_id + rng.integers(3))
    ]
    processed = Processed(
        accepted,
        scores,
        1,
        (refused,) * int(rng.integers(2)),
        {str(Reason.DUPLICATE): 3} if rng.random() < 0.2 else {},
        (StateWord("a", first_id, f"w{first_id}"),) if rng.random() < 0.1 else (),
    )
    return BatchEntry(first_id, dict(totals), processed, tuple(answers), 7 if origin is Origin.IMPORT else 0)


def filled(folder: Path, seed: int, batches: int, rows: int) -> Journal:
    """A journal of small segments with batches of any shape and other entries."""
    rng = np.random.default_rng(seed)
    journal = open_journal(folder / "journal", segment_bytes=100_000, archive=Archive(folder / "archive"))
    first_id, totals = 1, {"earlier": 5}
    journal.append(settings_entry(1))
    for number in range(batches):
        entry = batch(rng, first_id, totals, int(rng.integers(rows)), START + number * 10**6)
        first_id += len(entry.processed.accepted)
        journal.append(entry)
        if number % 7 == 0:
            journal.append(ActionEntry(EventAction((1,), START, "who", "acknowledge")))
            journal.append(UndoEntry(import_id=number, time=START, who="who"))
    return journal


def records_of(journal: Journal) -> list[Record]:
    records: list[Record] = []
    while more := journal.read(records[-1].number if records else 0):
        records += more
    return records


def batches_of(journal: Journal) -> list[tuple[int, BatchEntry]]:
    records = records_of(journal)
    return [(record.number, record.entry) for record in records if isinstance(record.entry, BatchEntry)]


def recovered(journal: Journal, folder: Path) -> Recovered:
    store = open_store(str(folder / "database"))
    try:
        return recover(journal, store, START, folder)
    finally:
        store.close()


@pytest.mark.parametrize(("seed", "batches", "rows"), [(0, 300, 5), (1, 300, 5), (2, 60, 700)])
def test_it_is_what_record_by_record_gives(tmp_path: Path, seed: int, batches: int, rows: int) -> None:
    journal = filled(tmp_path, seed, batches, rows)
    state = recovered(journal, tmp_path)
    entries = batches_of(journal)
    answers = [answer for _, entry in entries for answer in entry.answers]
    assert len(entries) == batches
    assert state.next_id == 1 + sum(len(entry.processed.accepted) for _, entry in entries)
    assert state.received == entries[-1][1].received_totals
    assert state.pending == [pending_of(entry, number) for number, entry in entries]
    assert [*state.unkeyed] == [answer for answer in answers if answer.key.startswith(BY_CONTENT)]
    assert state.answers == [answer for answer in answers if not answer.key.startswith(BY_CONTENT)]
    for word in [word for _, entry in entries for word in entry.processed.words]:
        assert state.words.of("a")[word.code] == word.word
    assert len(state.actions) == len(state.undos) == -(-batches // 7)
    assert state.settings == settings_entry(1).settings
    assert not journal.damaged


@pytest.mark.parametrize("seed", range(12))
def test_totals_received_are_those_of_the_last_batch_whatever_it_is(tmp_path: Path, seed: int) -> None:
    journal = filled(tmp_path, seed, batches=20 + seed, rows=5)
    state = recovered(journal, tmp_path)
    assert state.received == batches_of(journal)[-1][1].received_totals


@pytest.mark.parametrize(("seed", "batches", "rows"), [(3, 300, 5), (4, 60, 700)])
def test_the_newest_readings_of_each_tag_are(tmp_path: Path, seed: int, batches: int, rows: int) -> None:
    journal = filled(tmp_path, seed, batches, rows)
    state = recovered(journal, tmp_path)
    arrivals: dict[str, LastArrival] = {}
    readings: dict[str, list[tuple[int, float, bool, bool, int]]] = {}
    for _, entry in batches_of(journal):
        accepted, scores = entry.processed.accepted, entry.processed.scores
        learned, good = is_learned(accepted.quality, scores.withheld), is_good(accepted.quality)
        for code, tag in enumerate(accepted.tags):
            chosen = np.flatnonzero(accepted.tag == code).tolist()
            if not chosen or accepted.origin is Origin.IMPORT:
                continue
            if accepted.origin is Origin.LIVE:
                newest = int(accepted.time[chosen].max())
                arrivals[tag] = LastArrival(accepted.received, newest, accepted.source)
            readings.setdefault(tag, []).extend(
                (
                    int(accepted.time[i]),
                    float(accepted.value[i]),
                    bool(learned[i]),
                    bool(good[i]),
                    int(scores.n[i]),
                )
                for i in chosen
            )
    assert state.arrivals == arrivals
    assert state.histories.keys() == readings.keys()
    for tag, rows_of_tag in readings.items():
        history = state.histories[tag]
        ends = {kind: [i for i, row in enumerate(rows_of_tag) if row[2] is kind] for kind in (False, True)}
        kept = sorted(ends[False][-KEPT:] + ends[True][-KEPT:])
        assert history.n == rows_of_tag[-1][4] + rows_of_tag[-1][2]
        columns = history.time, history.value, history.learned, history.good
        assert [*zip(*(column.tolist() for column in columns), strict=True)] == [
            rows_of_tag[i][:4] for i in kept
        ]


def test_a_record_that_cannot_be_understood_is_reported_and_not_counted(tmp_path: Path) -> None:
    journal = filled(tmp_path, 5, 40, 5)
    entry = batch(np.random.default_rng(6), 10_000, {}, 3, START)
    entry.processed.accepted.tag[1] = 99
    number = journal.append(entry)
    state = recovered(journal, tmp_path)
    assert number not in {pending.number for pending in state.pending}
    assert any(f"record {number} cannot be read" in report for report in journal.damaged)
    assert [pending.number for pending in state.pending] == [number for number, _ in batches_of(journal)]


def test_a_record_damaged_since_the_opening_is_reported_and_the_others_count(tmp_path: Path) -> None:
    journal = filled(tmp_path, 7, 200, 5)
    path = sorted(journal.folder.glob("*.seg"))[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    state = recovered(journal, tmp_path)
    assert len(journal.damaged) == 1
    assert len(state.pending) == 199
    assert state.pending == [pending_of(entry, number) for number, entry in batches_of(journal)]


def test_archived_records_count_where_the_database_is_lost(tmp_path: Path) -> None:
    journal = filled(tmp_path, 8, 300, 40)
    before = recovered(journal, tmp_path)
    journal.retire(journal.last)
    assert list((tmp_path / "archive").glob("*.seg.gz"))
    after = recovered(journal, tmp_path)
    assert after.pending == before.pending
    assert isinstance(after.pending[0], Pending)
    assert after.histories.keys() == before.histories.keys()
