"""The contract of every store: flagged readings are found exactly, whatever happens to the readings."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sensormon.model.clock import DAY, SECOND
from sensormon.stores.protocol import Store
from sensormon.stores.readings import FLAG
from tests.support.changes import Changes
from tests.support.plant import START

FAR = START + 1000 * DAY
EVERY = 10**9


@pytest.mark.parametrize("seed", range(2))
def test_flagged_readings_are_those_of_all_readings(
    store: Store, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensormon.stores.duckdb_summary.PIECE", 40)
    if seed:  # the newest few are then looked for by time first
        monkeypatch.setattr("sensormon.stores.duckdb_readings._FEW_FLAGS", 3)
    changes = Changes(store, seed)
    for _ in range(25):
        act = changes.step()
        for tags, since in ((None, 0), (["b"], 0), (["a", "c"], changes.now - 600 * SECOND)):
            rows = store.readings.frame(tags, since, FAR)
            flagged = rows[rows["is_anomaly"]]
            by_time = flagged.sort_values(["time", "id"], ascending=False)["id"].tolist()
            assert store.readings.anomalies(tags, since, FAR, 0.0, EVERY)["id"].tolist() == by_time, act
            assert store.readings.anomalies(tags, since, FAR, 0.0, 5)["id"].tolist() == by_time[:5], act
            high = flagged[flagged["score"] >= 6]["id"].tolist()
            assert sorted(store.readings.anomalies(tags, since, FAR, 6.0, EVERY)["id"]) == high, act
            pieces = pa.concat_tables(store.readings.stream(tags, since, FAR, anomalies=True))
            assert pieces["id"].to_pylist() == flagged["id"].tolist(), act
            newest = pa.concat_tables(store.readings.stream(tags, since, FAR, anomalies=True, limit=3))
            assert newest["id"].to_pylist() == flagged["id"].tolist()[-3:], act
            assert store.readings.count(tags, since, FAR, anomalies=True) == len(flagged), act


@pytest.mark.parametrize("seed", range(4))
def test_flags_read_bit_by_bit_are_those_read_at_once(
    store: Store, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensormon.stores.duckdb_summary.PIECE", 40)
    changes, held, before = Changes(store, seed), set[tuple[object, ...]](), store.readings.flags_until()
    for _ in range(40):
        act = changes.step()
        now = store.readings.flags_until()
        if now.rewritten == before.rewritten:
            held |= flags(store, before.last, now.last)
        else:
            held = flags(store, -1, now.last)
        assert held == flags(store, -1, EVERY), act
        before = now
    table = store.readings.flags(None, 0, FAR, above=-1, upto=EVERY, limit=3)
    newest = store.readings.anomalies(None, 0, FAR, 0.0, 3)
    assert table.column_names == list(FLAG)
    assert set(newest["id"]) <= set(table["id"].to_pylist())


def flags(store: Store, above: int, upto: int) -> set[tuple[object, ...]]:
    """Flags as rows, without the columns that may be no number."""
    table = store.readings.flags(None, 0, FAR, above=above, upto=upto, limit=EVERY)
    return set(zip(*(table[name].to_pylist() for name in ("id", "tag", "time", "n", "score")), strict=True))
