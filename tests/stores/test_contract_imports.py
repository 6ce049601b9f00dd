"""The contract of every store: which readings an import stored, and its undo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sensormon.model.clock import DAY, MINUTE, SECOND
from sensormon.model.entries import (
    ActionEntry,
    BatchEntry,
    EventAction,
    KeptAnswer,
    Record,
    UndoEntry,
)
from sensormon.model.errors import StoreUnavailable
from sensormon.model.imports import ImportTotals, Undone
from sensormon.model.readings import Origin, Processed, Reason
from sensormon.stores.imports import RELIES
from sensormon.stores.protocol import Store
from tests.support.plant import START

FAR = START + 10**6 * SECOND
Makes = Callable[..., Processed]


def imported(number: int, first_id: int, batch: Processed, import_id: int, key: str = "") -> Record:
    """A record of this import; `key` is that of its piece."""
    accepted = replace(batch.accepted, source="import", origin=Origin.IMPORT)
    kept = (KeptAnswer(key, "", 201, str(import_id), START),) if key else ()
    entry = BatchEntry(first_id, {"import": 0}, replace(batch, accepted=accepted), kept, import_id)
    return Record(number, entry)


def live(number: int, first_id: int, batch: Processed) -> Record:
    return Record(number, BatchEntry(first_id, {"test": 0}, batch))


def undone(number: int, import_id: int) -> Record:
    return Record(number, UndoEntry(import_id, "Ana", START))


@pytest.fixture
def mixed(processed: Makes) -> list[Record]:
    """Import 1 has the ids 1 to 3 and 6 to 8, a live source 4 and 5, import 2 has 9 to 11."""
    return [
        imported(1, 1, processed(3), 1, "import:a:0"),
        live(2, 4, processed(2)),
        imported(3, 6, processed(3), 1, "import:a:1"),
        imported(4, 9, processed(3), 2, "import:b:0"),
    ]


def ids(store: Store) -> list[int]:
    return [int(number) for number in store.readings.frame(None, 0, FAR)["id"]]


def test_the_ids_of_an_import_are_known_exactly(store: Store, mixed: list[Record]) -> None:
    store.load("w", mixed)
    assert store.imports.ranges(1) == [(1, 3), (6, 8)]
    assert store.imports.ranges(2) == [(9, 11)]
    assert store.imports.ranges(3) == []
    assert store.imports.left(1) == 6


def test_the_counts_of_an_import_are_the_sum_of_its_records(store: Store, processed: Makes) -> None:
    batch = replace(processed(3), unlisted={str(Reason.DUPLICATE): 4, str(Reason.OUT_OF_RANGE): 2})
    plain = processed(2)
    store.load("w", [imported(1, 1, batch, 7), imported(2, 4, plain, 7)])
    times = np.concatenate([batch.accepted.time, plain.accepted.time])
    flagged = int(batch.scores.is_anomaly.sum() + plain.scores.is_anomaly.sum())
    (totals,) = store.imports.totals()
    refused = len(batch.rejected) + len(plain.rejected) + 2
    assert totals == ImportTotals(7, 5, 4, refused, flagged, int(times.min()), int(times.max()), 2)


def test_an_undo_removes_exactly_the_readings_of_its_import(store: Store, mixed: list[Record]) -> None:
    store.load("w", mixed)
    store.load("w", [undone(5, 1)])
    assert ids(store) == [4, 5, 9, 10, 11]
    assert store.imports.left(1) == 0
    assert store.imports.undone() == [Undone(1, "Ana", START, 6)]
    assert store.imports.undone_among([1, 4, 8, 9]) == {1, 8}
    accounts = store.ledger.accounts()
    assert accounts.positions == {"w": 5}
    assert accounts.stored == {"test": 2, "import": 9}
    assert accounts.undone == {"import": 6}
    assert store.ledger.next_id() == 12, "an id is never used twice"


def test_one_load_of_everything_comes_to_the_same(store: Store, mixed: list[Record]) -> None:
    store.load("w", [*mixed, undone(5, 1)])
    assert ids(store) == [4, 5, 9, 10, 11]
    assert store.ledger.accounts().undone == {"import": 6}
    store.load("w", [*mixed, undone(5, 1)])
    store.load("w", [undone(6, 1)])
    assert store.ledger.accounts().undone == {"import": 6}, "a second undo changes nothing"


def test_an_undo_takes_the_keys_of_its_pieces_and_those_that_rely_on_them(
    store: Store, mixed: list[Record], processed: Makes
) -> None:
    relying = imported(5, 12, processed(1), 3, "import:c:0")
    assert isinstance(relying.entry, BatchEntry)
    kept = replace(relying.entry.answers[0], fingerprint=RELIES)
    case = replace(relying.entry, first_id=13, answers=(replace(kept, key="import:case:x:head", body="1"),))
    relying = replace(relying, entry=replace(relying.entry, answers=(kept,)))
    store.load("w", [*mixed, relying, Record(6, case)])
    store.load("w", [undone(7, 1)])
    assert store.entries.known_keys("import:") == {"import:b:0", "import:case:x:head"}


def test_an_undo_takes_what_people_did_on_its_events(store: Store, mixed: list[Record]) -> None:
    act = EventAction(readings=(2, 4), time=START, who="Ana", action="acknowledge")
    store.load("w", [*mixed, Record(5, ActionEntry(act)), undone(6, 1)])
    assert store.entries.event_actions(0, 99)["reading"].tolist() == [4]


def test_dead_letters_of_an_undone_import_count_as_rejected(store: Store, mixed: list[Record]) -> None:
    store.load("w", mixed, without={2, 4, 7})
    store.load("w", [undone(5, 1)], without={2, 4, 7})
    accounts = store.ledger.accounts()
    assert accounts.undone == {"import": 4}
    assert accounts.rejected[("import", "import_undone")] == 2
    recount = store.ledger.recount()
    assert recount.rejected["import"] == sum(
        count for (source, _), count in accounts.rejected.items() if source == "import"
    )


def test_readings_that_were_rolled_up_are_counted(store: Store, mixed: list[Record]) -> None:
    store.load("w", mixed)
    assert store.imports.rolled_up(1, ()) == 0
    for due in store.retention.due(FAR, 1):
        store.retention.roll_up(due)
    assert store.imports.rolled_up(1, ()) == 6
    assert store.imports.rolled_up(1, {2}) == 5, "a dead letter was never stored"


def test_a_stream_that_meets_an_undo_says_so(store: Store, mixed: list[Record]) -> None:
    store.load("w", mixed)
    pieces = store.readings.stream(None, 0, FAR)
    store.load("w", [undone(5, 1)])
    with pytest.raises(StoreUnavailable, match="an import was undone"):
        list(pieces)


def test_known_readings_have_the_same_tag_time_and_value(store: Store, mixed: list[Record]) -> None:
    entry = mixed[0].entry
    assert isinstance(entry, BatchEntry)
    batch = entry.processed.accepted
    assert not store.imports.known(batch).any()
    store.load("w", mixed)
    assert store.imports.known(batch).all()
    later, other = replace(batch, time=batch.time + 1), replace(batch, value=batch.value + 0.25)
    assert not store.imports.known(later).any()
    assert not store.imports.known(other).any()
    named = replace(batch, tags=tuple(f"{name}_b" for name in batch.tags))
    assert not store.imports.known(named).any()
    assert store.imports.known(batch.take(np.zeros(0, dtype=np.int64))).tolist() == []
    store.load("w", [undone(5, 1)])
    assert not store.imports.known(batch).any()


def test_every_day_of_an_undone_import_goes(store: Store, processed: Makes) -> None:
    batch = processed(3)
    accepted = replace(batch.accepted, time=START - np.array([2 * DAY, DAY, MINUTE]))
    store.load("w", [imported(1, 1, replace(batch, accepted=accepted), 1), undone(2, 1)])
    assert ids(store) == []
    assert store.readings.tags() == []


def test_a_bad_reading_without_a_value_is_known_by_its_tag_and_time(store: Store, processed: Makes) -> None:
    batch = processed(3)
    accepted = replace(batch.accepted, quality=np.array([0, 0x80000000, 0x40000000], dtype=np.uint32))
    store.load("w", [imported(1, 1, replace(batch, accepted=accepted), 1)])
    without = replace(accepted, value=np.full(3, np.nan))
    assert store.imports.known(without).tolist() == [False, True, True], "it has the last usable value"
    assert not store.imports.known(replace(without, time=without.time + 1)).any()
