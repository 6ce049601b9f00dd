"""Old readings become minutes: the numbers, what stays, and that nothing is lost or duplicated."""

from __future__ import annotations

import tempfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as options
from hypothesis import strategies as st

from sensormon.model.clock import DAY, SECOND
from sensormon.model.errors import StoreError
from sensormon.model.readings import Origin
from sensormon.stores.opening import open_store
from sensormon.stores.protocol import Store
from tests.support.naive import minutes
from tests.support.rollups import FAR, FIRST, Loading, Row, check_ledger, roll


def test_day_becomes_minutes_and_flagged_readings_stay(store: Store) -> None:
    loading = Loading(store)
    rng = np.random.default_rng(1)
    rows = [("a", FIRST + i * SECOND, float(v), 0, i % 50 == 7) for i, v in enumerate(rng.normal(7, 1, 600))]
    loading.load(rows)
    loading.load([("a", FIRST + DAY + i * SECOND, 1.0, 0, False) for i in range(30)])
    (due, _) = store.retention.due(FAR, 1)
    assert (due.tag, due.day, due.readings, due.minutes) == ("a", FIRST, 588, 10)
    assert roll(store, FIRST + DAY) == 588
    raw = store.readings.frame(["a"], 0, FAR)
    assert raw["id"].tolist() == [i + 1 for i in range(600) if i % 50 == 7] + list(range(601, 631))
    summary = store.readings.summary(FIRST, FIRST + DAY).iloc[0]
    assert (summary["readings"], summary["flagged"]) == (600, 12), "those rolled up count too"
    frame = store.retention.rollups(["a"], 0, FAR)
    assert len(frame) == 10
    for place, row in enumerate(frame.itertuples()):
        values = [value for _, _, value, *_ in rows[60 * place : 60 * place + 60]]
        assert row.time.value == (FIRST + place * 60 * SECOND) * 1000
        assert (row.min, row.max, row.count) == (min(values), max(values), 60)
        assert row.mean == pytest.approx(np.mean(values), rel=1e-12)
    assert store.retention.rollups(["b"], 0, FAR).empty
    assert len(store.retention.rollups(None, FIRST + 60 * SECOND, FIRST + 180 * SECOND)) == 2
    assert store.retention.rolled_until("a") == FIRST + DAY
    assert store.retention.rolled_until("b") is None
    assert store.retention.rolled_ends(["a", "b", "nobody"]) == {"a": FIRST + DAY}
    assert store.retention.rolled_ends([]) == {}
    check_ledger(store, loading)
    assert store.retention.due(FIRST + DAY, 1) == []


def test_stream_fails_if_its_day_is_rolled_up(store: Store) -> None:
    loading = Loading(store)
    loading.load([("a", FIRST + i * SECOND, 7.0, 0, False) for i in range(900)])
    loading.load([("a", FIRST + DAY + i * SECOND, 7.0, 0, False) for i in range(900)])
    first, second = store.readings.stream(None, FIRST, FAR), store.readings.stream(None, FIRST + DAY, FAR)
    assert roll(store, FIRST + DAY) == 900
    assert sum(piece.num_rows for piece in second) == 900, "of this day nothing was deleted"
    with pytest.raises(StoreError, match="rolled up to minutes"):
        list(first)
    assert sum(piece.num_rows for piece in store.readings.stream(None, 0, FAR)) == 900


def test_stream_of_the_newest_fails_only_if_one_of_its_own_days_is_rolled_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stream in ("duckdb_stream", "postgresql_stream"):
        monkeypatch.setattr(f"sensormon.stores.{stream}.PIECE", 100)
    loading = Loading(store)
    for day in range(3):
        loading.load([("a", FIRST + day * DAY + i * SECOND, 7.0, 0, False) for i in range(900)])
    newest, reaching = (store.readings.stream(None, 0, FAR, limit=limit) for limit in (1_800, 1_801))
    assert roll(store, FIRST + DAY) == 900
    assert sum(piece.num_rows for piece in newest) == 1_800
    with pytest.raises(StoreError, match="rolled up to minutes"):
        list(reaching)


def test_roll_up_is_idempotent_and_merges_late_readings(store: Store) -> None:
    loading = Loading(store)
    loading.load([("a", FIRST + i * SECOND, float(i), 0, i in (3, 4)) for i in range(60)])
    loading.load([("a", FIRST + 5 * DAY, 0.0, 0, False)])
    (due, *_) = store.retention.due(FIRST + DAY, 1)
    assert store.retention.roll_up(due) == 58
    assert store.retention.roll_up(due) == 0
    loading.load([("a", FIRST + 30 * SECOND, 100.0, 0, False), ("a", FIRST + 31 * SECOND, -5.0, 0, True)])
    loading.load([("a", FIRST + 5 * DAY + SECOND, 0.0, 0, False)])
    assert roll(store, FIRST + DAY) == 1
    (row,) = store.retention.rollups(None, 0, FIRST + DAY).itertuples()
    assert (row.min, row.max, row.count) == (-5.0, 100.0, 62)
    assert row.mean == pytest.approx((sum(range(60)) + 95.0) / 62, rel=1e-12)
    assert store.readings.anomalies(None, 0, FAR, 0.0, 10)["id"].tolist() == [63, 5, 4]
    check_ledger(store, loading)


def test_qualities_stay_separate_and_sources_merge(store: Store) -> None:
    loading = Loading(store)
    loading.load(
        [("a", FIRST, 1.0, 0, False), ("a", FIRST + 1, 50.0, 1, False), ("a", FIRST + 2, 99.0, 2, False)]
    )
    loading.load([("a", FIRST + 3, 3.0, 0, False)], "other")
    loading.load([("a", FIRST + 9 * DAY + i, 0.0, quality, False) for i, quality in enumerate((0, 1))])
    assert roll(store, FIRST + DAY) == 4
    frame = store.retention.rollups(None, 0, FAR)
    assert frame[["quality", "min", "mean", "max", "count"]].to_numpy().tolist() == [
        [0, 1.0, 2.0, 3.0, 2],
        [1, 50.0, 50.0, 50.0, 1],
        [2, 99.0, 99.0, 99.0, 1],
    ]
    assert store.ledger.recount().rolled_up == {"test": 3, "other": 1}
    check_ledger(store, loading)


def test_readings_needed_by_a_restart_are_not_rolled_up(store: Store) -> None:
    loading = Loading(store)
    loading.load([("slow", FIRST + i * 60 * SECOND, float(i), int(i % 4 == 0), False) for i in range(100)])
    loading.load([("fast", FIRST + 3 * DAY + i * SECOND, float(i), 0, False) for i in range(500)])
    before = {history.tag: history for history in store.readings.histories(10)}
    assert roll(store, FIRST + 9 * DAY, keep=10) == 100 - 20 + 490
    after = {history.tag: history for history in store.readings.histories(10)}
    for tag, history in before.items():
        assert history.n == after[tag].n
        for name in ("time", "value", "learned"):
            assert getattr(history, name).tolist() == getattr(after[tag], name).tolist()
    assert store.readings.lead("fast", loading.next_id, 5)["value"].tolist() == [
        495.0,
        496.0,
        497.0,
        498.0,
        499.0,
    ]
    check_ledger(store, loading)


def test_fully_rolled_up_tag_still_exists(store: Store) -> None:
    loading = Loading(store)
    loading.load([("b", FIRST + i * SECOND, 1.0, 0, False) for i in range(5)], origin=Origin.IMPORT)
    loading.load([("a", FIRST, 1.0, 0, False)])
    assert roll(store) == 5
    assert set(store.readings.frame(None, 0, FAR)["tag"]) == {"a"}
    assert store.readings.tags() == ["a", "b"]


def test_arrivals_and_space_are_measured(store: Store) -> None:
    loading = Loading(store)
    assert store.retention.arrivals(0).count == 0
    loading.load([("a", FIRST + i * SECOND, float(i), 0, i == 9) for i in range(120)])
    loading.load([("b", FIRST + 500 * SECOND, 1.0, 0, False)])
    arrivals = store.retention.arrivals(FIRST + 100 * SECOND)
    assert (arrivals.count, arrivals.first, arrivals.last, arrivals.flagged) == (
        121,
        FIRST + 119 * SECOND,
        FIRST + 500 * SECOND,
        1,
    )
    store.checkpoint()
    space = store.retention.space()
    assert space.readings == 121
    assert space.rollups == 0
    assert space.file > 0
    assert 0 <= space.free <= space.file


rows_of_a_day = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.integers(0, 2 * 86_400 - 1).map(lambda second: FIRST + second // 997 * 997 * SECOND + second % 7),
        st.floats(-1e9, 1e9),
        st.sampled_from([0, 0, 0, 1, 2]),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


@options(max_examples=12, deadline=None)
@given(st.lists(rows_of_a_day, min_size=1, max_size=3))
def test_minutes_match_the_slow_reference(batches: list[list[Row]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"{folder}/store.duckdb")
        store.open()
        loading = Loading(store)
        for rows in batches:
            loading.load(rows)
            # The newest of each tag and quality always stay: these, so that the others may go.
            loading.load([(tag, FAR, 0.0, quality, False) for tag in ("a", "b") for quality in (0, 1)])
            roll(store, FIRST + 2 * DAY)
            check_ledger(store, loading)
        every = [row for rows in batches for row in rows]
        expected = minutes([(tag, time, value, quality) for tag, time, value, quality, _ in every])
        stored = {
            (row.tag, row.time.value // 1000, row.quality): (row.min, row.mean, row.max, row.count)
            for row in store.retention.rollups(None, 0, FAR).itertuples()
        }
        assert stored.keys() == expected.keys()
        for key, (low, mean, high, count) in expected.items():
            assert (stored[key][0], stored[key][2], stored[key][3]) == (low, high, count)
            assert stored[key][1] == pytest.approx(mean, rel=1e-9, abs=1e-6)
            assert low <= stored[key][1] <= high
        raw = store.readings.frame(None, 0, FAR)
        assert sorted(raw["value"]) == sorted(value for *_, value, _, flagged in every if flagged)
        store.close()
