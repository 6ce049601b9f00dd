"""A partition in the store: what another worker needs to go on, and who may not store any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from sensormon.bus.layout import partition_of
from sensormon.bus.partition import Partition, Plant
from sensormon.bus.payload import batch_of, rows_of
from sensormon.ingest.pipeline import Pipeline
from sensormon.ingest.recovery import settings_in_force
from sensormon.model.clock import ManualClock
from sensormon.model.entries import DetectorSettings
from sensormon.model.errors import Overtaken, StoreFault
from sensormon.model.profiles import Choice, Condition, Profile, Profiles
from sensormon.model.settings import Settings
from sensormon.model.tags import TagTable
from sensormon.stores.opening import open_store
from tests.support.partitions import STREAM, TEMP, messages
from tests.support.plant import START
from tests.support.postgresql import PostgreSQL


@pytest.fixture
def plant(postgresql: PostgreSQL, tags: TagTable, clock: ManualClock) -> Iterator[Plant]:
    store = open_store(postgresql.new_database())
    store.open()
    assert store.partitions is not None
    assert store.collectors is not None
    settings = settings_in_force(None, Settings(), START)
    yield Plant(store, store.partitions, store.collectors, lambda: tags, lambda: settings, 0, clock)
    store.close()


def stored_by(partition: Partition, first: int, count: int) -> None:
    partition.take(messages(first, count))
    partition.store()


def test_a_worker_that_is_behind_stores_nothing(plant: Plant) -> None:
    first = Partition.load(plant, TEMP, STREAM)
    stored_by(first, 1, 60)
    second = Partition.load(plant, TEMP, STREAM)
    assert second.stored == 60
    stored_by(second, 61, 10)
    first.take(messages(61, 20))
    with pytest.raises(Overtaken, match="stored up to 70"):
        first.store()
    stored_by(second, 71, 5)
    frame = plant.store.readings.frame(None, 0, 1 << 52)
    assert frame["n"].tolist() == list(range(75))
    assert frame["id"].is_monotonic_increasing
    assert plant.store.ledger.accounts().stored == {"bus": 75}


def test_a_transaction_whose_end_was_not_heard_is_not_repeated(plant: Plant) -> None:
    partition = Partition.load(plant, TEMP, STREAM)
    partition.take(messages(1, 5))
    waiting = partition._waiting
    partition.store()
    partition._seen, partition._waiting = 0, waiting  # as if the connection had broken before the answer
    with pytest.raises(Overtaken):
        partition.store()
    assert plant.store.ledger.recount().rows == 5


def test_a_stream_that_was_made_again_and_counts_from_the_beginning_is_refused(plant: Plant) -> None:
    stored_by(Partition.load(plant, TEMP, STREAM), 1, 60)
    with pytest.raises(StoreFault, match="was made again"):
        Partition.load(plant, TEMP, replace(STREAM, made="2026-10-01T00:00:00Z"))
    assert plant.partitions.furthest() == 60
    further = Partition.load(plant, TEMP, replace(STREAM, made="2026-10-01T00:00:00Z", first=61))
    stored_by(further, 61, 1)


def test_other_settings_are_in_force_from_the_next_reading_on(plant: Plant) -> None:
    partition = Partition.load(plant, TEMP, STREAM)
    stored_by(partition, 1, 60)
    now = plant.settings()
    stricter = Profiles((replace(now.in_use.default, detectors=(Choice("zscore", {"threshold": 1.0}),)),))
    later = DetectorSettings.of(
        stricter, id=now.id + 1, applied=START, who="ada", base=now.base, reason="closer"
    )
    changed = replace(plant, settings=lambda: later)
    moved = Partition.load(changed, TEMP, STREAM)
    stored_by(moved, 61, 10)
    frame = plant.store.readings.frame(["temp"], 0, 1 << 52)
    assert frame["settings"].tolist() == [now.id] * 60 + [later.id] * 10
    assert frame["threshold"].iloc[-1] == 1.0
    assert frame["score"].notna()[60:].all()


def test_a_condition_on_a_tag_of_another_partition_is_reported(plant: Plant) -> None:
    assert partition_of("ph", 8) != TEMP
    now = plant.settings()
    looking = Profile("default", now.in_use.default.detectors, condition=Condition("ph", ">", 7.0))
    blind = replace(now, profiles=Profiles((looking,)))
    assert not Partition.load(plant, TEMP, STREAM).problem
    moved = Partition.load(replace(plant, settings=lambda: blind), TEMP, STREAM)
    assert moved.problem == "conditions on tags in other partitions are never met: temp looks at ph"


def test_a_worker_that_takes_over_judges_bit_for_bit_as_if_it_had_been_there(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = plant.settings()
    late = Profiles((replace(now.in_use.default, on_delay=3.0),))
    settings = replace(now, profiles=late)
    slow = replace(plant, settings=lambda: settings)
    hot = [
        replace(row, data=b'{"value": 39.5}')
        if row.sequence % 100 > 93
        else replace(row, data=b'{"value": 37, "quality": "Bad"}')
        if row.sequence % 11 == 0
        else row
        for row in messages(1, 400)
    ]
    pieces = [hot[first : first + 7] for first in range(0, 400, 7)]
    partition = Partition.load(slow, TEMP, STREAM)
    for piece in pieces:
        partition.take(piece)
        partition.store()
        partition = Partition.load(slow, TEMP, STREAM)  # another worker, after every transaction,
        monkeypatch.setattr(partition, "_remembered_at", plant.clock.now())  # which stores no memory
    ours = plant.store.readings.frame(["temp"], 0, 1 << 52)
    alone = Pipeline(plant.tags(), settings)
    batch, *_ = batch_of(rows_of(hot).rows, START)
    scores = alone.judge(batch).scores
    assert ours["is_anomaly"].tolist() == scores.is_anomaly.tolist()
    assert np.array_equal(ours["score"].to_numpy(), scores.score, equal_nan=True)
    assert 0 < ours["is_anomaly"].sum() < 100
