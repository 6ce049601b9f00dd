"""The flagged readings that are held are those of the store, however many journals it takes side by side."""

from __future__ import annotations

import numpy as np
import pytest

from sensormon.events.flags import HeldFlags
from sensormon.model.clock import DAY
from sensormon.stores.opening import open_store
from tests.support.changes import Changes
from tests.support.plant import START
from tests.support.postgresql import PostgreSQL

FAR = START + 1000 * DAY
EVERY = 10**9
APART = 10_000


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("most", [15, 100_000])
def test_flags_held_are_those_stored_by_several_collectors(
    postgresql: PostgreSQL, seed: int, most: int
) -> None:
    random, store = np.random.default_rng(seed), open_store(postgresql.new_database())
    store.open()
    held = HeldFlags(store.readings, most)
    journals = [Changes(store, 100 * seed + number, f"w{number}") for number in range(3)]
    slice_of_time = 0
    for _ in range(40):
        slice_of_time += int(random.random() < 0.4)
        number = int(random.integers(len(journals)))
        journals[number].begin_at((3 * slice_of_time + number) * APART)
        act = random.choice(["load", "load", "load", "retry", "roll"])
        getattr(journals[number], act)()
        stored = store.readings.flags(None, 0, FAR, above=-1, upto=EVERY, limit=EVERY)
        newest = held.newest(None, 0, FAR, EVERY)
        assert (
            newest["id"].to_pylist()
            == stored.sort_by([("time", "ascending"), ("id", "ascending")])["id"].to_pylist()
        ), act
    store.close()
