"""Long histories in order of time: stored and pending readings become one stream."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.readings import Origin
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.stores.streams import merged_by_time
from tests.support.plant import START, batch_of

FAR = START + 10**6 * SECOND
Times = list[int]


def table(times: Times, first: int) -> pa.Table:
    return pa.table(
        {
            "id": pa.array(range(first, first + len(times)), pa.int64()),
            "time": pa.array([START + t for t in times], pa.timestamp("us", "UTC")),
        }
    )


@given(
    st.lists(st.lists(st.integers(0, 50), max_size=6), max_size=5), st.lists(st.integers(0, 60), max_size=20)
)
def test_stored_and_pending_readings_merge_by_time(pieces: list[Times], newest: Times) -> None:
    stored, tables, first = sorted(t for piece in pieces for t in piece), [], 1
    for piece in pieces:
        tables.append(table(stored[first - 1 : first - 1 + len(piece)], first))
        first += len(piece)
    merged = pa.concat_tables(merged_by_time(iter(tables), table(newest, first)))
    times = merged["time"].cast(pa.int64()).to_pylist()
    assert times == sorted(START + t for t in [*stored, *newest])
    assert sorted(merged["id"].to_pylist()) == list(range(1, first + len(newest)))


def test_imported_past_precedes_live_readings(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    live = batch_of(*[("fermenter_ph", 7.0 + i / 1000) for i in range(50)], at=START)
    past = batch_of(*[("fermenter_ph", 6.0 + i / 1000) for i in range(50)], at=START - 1_000 * SECOND)
    monitor.submit(live)
    monitor.drain()
    monitor.submit(replace(past, origin=Origin.IMPORT))
    merged = pa.concat_tables(monitor.streams.by_time(None, 0, FAR)).to_pandas()
    assert merged["time"].is_monotonic_increasing
    assert merged["value"].tolist() == [*past.value.tolist(), *live.value.tolist()]
    by_arrival = pa.concat_tables(monitor.streams.by_arrival(None, 0, FAR)).to_pandas()
    pd.testing.assert_frame_equal(by_arrival.sort_values(["time", "id"], ignore_index=True), merged)
    monitor.stop()
