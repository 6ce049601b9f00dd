"""Many readings in few points: what must not be lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensormon.analysis.downsample import (
    PARTS,
    WORST,
    Overview,
    joined,
    part_width,
    rolled,
    thinned,
    whole,
    worst,
)
from sensormon.model.clock import SECOND
from sensormon.model.entries import BatchEntry, Record
from sensormon.model.readings import Batch, Processed, Quality, Scores
from sensormon.model.timestamps import micros
from sensormon.stores.opening import open_store
from sensormon.stores.protocol import Store
from tests.support import naive
from tests.support.plant import START

steady = settings(
    deadline=None,
    derandomize=True,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
KINDS = [Quality.GOOD, Quality.GOOD, Quality.GOOD, Quality.UNCERTAIN, Quality.BAD]


def entry(
    time: np.ndarray, value: np.ndarray, quality: np.ndarray, flagged: np.ndarray, first_id: int = 1
) -> BatchEntry:
    """A processed batch of one tag with these columns."""
    rows = len(time)
    batch = Batch("test", START, ("temp",), np.zeros(rows, np.int32), time, value, quality)
    score = np.where(flagged, np.arange(rows) % 7 + 3.0, 1.0)
    nothing = np.full(rows, np.nan)
    scores = Scores(np.arange(rows), score, nothing, nothing, nothing, flagged)
    return BatchEntry(first_id, {"test": rows}, Processed(batch, scores, 1, ()))


@st.composite
def histories(draw: st.DrawFn) -> BatchEntry:
    """Up to 1,500 readings with equal values, gaps, late arrivals, flags, and some that are not good."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.integers(0, 1_500))
    steps = random.choice([1, 1, 1, 2, 500], rows) * SECOND // draw(st.sampled_from([1, 10]))
    time = START + np.cumsum(steps) if draw(st.booleans()) else START + random.permutation(rows) * SECOND
    value = np.round(random.normal(37, 1, rows), draw(st.sampled_from([0, 2])))
    value[random.random(rows) < 0.01] = 90.0
    quality = random.choice(KINDS, rows, p=[0.32, 0.32, 0.32, 0.02, 0.02]).astype(np.uint32)
    flagged = random.random(rows) < draw(st.sampled_from([0.0, 0.01, 0.3]))
    return entry(time.astype(np.int64), value, quality, flagged)


def span_of(history: BatchEntry) -> tuple[int, int]:
    time = history.processed.accepted.time
    return (int(time.min()), int(time.max()) + 1) if len(time) else (START, START + SECOND)


def rows_of(history: BatchEntry) -> list[tuple[int, float, bool]]:
    batch = history.processed.accepted
    good = (batch.quality >> 30) < 2
    return list(zip(batch.time.tolist(), batch.value.tolist(), good.tolist(), strict=True))


def keeps_what_it_must(overview: Overview, history: BatchEntry) -> None:
    batch, scores = history.processed.accepted, history.processed.scores
    points = list(zip(overview.time.tolist(), overview.value.tolist(), strict=True))
    assert sorted(overview.time.tolist()) == overview.time.tolist()
    assert set(points) <= {(time, value) for time, value, good in rows_of(history) if good}
    for part, expected in naive.parts(rows_of(history), overview.width or 1).items():
        mine = [point for point in points if point[0] // (overview.width or 1) == part]
        assert mine[0][0] == expected.first[0]
        assert mine[-1][0] == expected.last[0]
        assert min(value for _, value in mine) == expected.low
        assert max(value for _, value in mine) == expected.high
    marked = scores.is_anomaly | (batch.quality != 0)
    assert overview.readings == overview.count.sum() == len(batch)
    assert overview.drawn.sum() == sum(good for _, _, good in rows_of(history))
    assert (overview.flagged, overview.marked) == (int(scores.is_anomaly.sum()), int(marked.sum()))
    assert sorted(micros(overview.marks["time"]).tolist()) == sorted(batch.time[marked].tolist())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = open_store(str(tmp_path / "store.duckdb"))
    opened.open()
    return opened


@steady
@given(history=histories(), parts=st.sampled_from([1, 7, 40, 500]))
def test_extremes_of_every_part_and_flagged_readings_are_kept(
    history: BatchEntry, parts: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = open_store(str(tmp_path_factory.mktemp("overview") / "store.duckdb"))
    store.open()
    store.load("w", [Record(1, history)])
    since, until = span_of(history)
    overview = store.spans.overview("temp", since, until, parts=parts)
    assert (overview.width == 0) == (len(history.processed.accepted) <= 4 * parts)
    keeps_what_it_must(overview, history)
    frame = store.readings.frame(["temp"], since, until)
    store.close()
    in_memory = whole(frame, since, until)
    keeps_what_it_must(in_memory, history)
    keeps_what_it_must(thinned(in_memory, part_width(since, until, parts)), history)


@steady
@given(history=histories(), cut=st.integers(0, 1_500), parts=st.sampled_from([1, 40, 500]))
def test_stored_and_pending_readings_form_one_overview(
    history: BatchEntry, cut: int, parts: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = open_store(str(tmp_path_factory.mktemp("overview") / "store.duckdb"))
    store.open()
    store.load("w", [Record(1, history)])
    since, until = span_of(history)
    older = store.spans.overview("temp", since, until, parts=parts, below_id=cut)
    frame = store.readings.frame(["temp"], since, until)
    store.close()
    both = joined(older, whole(frame[frame["id"] >= cut], since, until), parts)
    keeps_what_it_must(both, history)
    assert len(both.time) <= 4 * max(len(both.first), parts) + both.marked


def regular(rows: int, missing: tuple[int, int] = (0, 0), quality: int = 0) -> BatchEntry:
    keep = (np.arange(rows) < missing[0]) | (np.arange(rows) >= missing[1])
    time = START + np.flatnonzero(keep) * SECOND
    kinds = np.full(len(time), quality, np.uint32)
    return entry(time, np.full(len(time), 37.0), kinds, np.zeros(len(time), bool))


def test_overview_and_full_history_find_the_same_gap(store: Store) -> None:
    store.load("w", [Record(1, regular(40_000, (10_000, 14_000)))])
    since, until = START, START + 40_000 * SECOND
    overview = store.spans.overview("temp", since, until)
    assert overview.width > 0
    assert overview.interval == SECOND
    expected = [(START + 9_999 * SECOND, START + 14_000 * SECOND)]
    assert overview.gaps() == overview.breaks() == expected
    frame = store.readings.frame(["temp"], since, until)
    assert whole(frame, since, until).gaps() == expected
    later = store.spans.overview("temp", START + 39_000 * SECOND, START + 90_000 * SECOND)
    assert later.gaps() == [(START + 39_999 * SECOND, START + 90_000 * SECOND)]
    assert later.breaks() == []
    assert store.spans.overview("ph", since, until).gaps() == [(since, until)]


def test_slower_history_beside_fast_history_is_no_gap(store: Store) -> None:
    minutes = START + np.arange(3_000) * 60 * SECOND
    seconds = minutes[-1] + (1 + np.arange(20_000)) * SECOND
    time = np.concatenate((minutes, seconds))
    history = entry(time, np.full(len(time), 37.0), np.zeros(len(time), np.uint32), np.zeros(len(time), bool))
    store.load("w", [Record(1, history)])
    assert store.spans.overview("temp", START, int(time[-1]) + 1).breaks() == []


def test_bad_readings_break_the_line_without_a_gap(store: Store) -> None:
    history = regular(9_000)
    history.processed.accepted.quality[3_000:6_000] = Quality.BAD
    store.load("w", [Record(1, history)])
    overview = store.spans.overview("temp", START, START + 9_000 * SECOND, parts=90)
    assert overview.gaps() == []
    ((left, right),) = overview.breaks()
    assert (left, right) == (START + 2_999 * SECOND, START + 6_000 * SECOND)


def test_too_many_flags_keep_the_worst_of_every_part(store: Store) -> None:
    rows = 12_000
    flagged = np.ones(rows, bool)
    time = START + np.arange(rows) * SECOND
    history = entry(time, np.full(rows, 37.0), np.zeros(rows, np.uint32), flagged)
    store.load("w", [Record(1, history)])
    overview = store.spans.overview("temp", START, START + rows * SECOND)
    assert overview.flagged == rows
    assert len(overview.marks) <= WORST * (PARTS + 1)
    part = micros(overview.marks["time"]) // overview.width
    assert set(part) == set(time // overview.width)
    every = pd.DataFrame({"part": time // overview.width, "score": history.processed.scores.score})
    highest = every.sort_values("score").groupby("part")["score"].max()
    mine = overview.marks.assign(part=part).groupby("part")["score"].max()
    assert mine.equals(highest.astype(float))
    frame = store.readings.frame(["temp"], START, START + rows * SECOND)
    again = worst(frame, overview.width)
    assert (
        again.assign(part=micros(again["time"]) // overview.width).groupby("part")["score"].max().equals(mine)
    )


def test_panning_by_whole_parts_keeps_the_remaining_points(store: Store) -> None:
    random = np.random.default_rng(1)
    time = START + np.arange(30_000) * SECOND
    history = entry(time, random.normal(37, 1, 30_000), np.zeros(30_000, np.uint32), np.zeros(30_000, bool))
    store.load("w", [Record(1, history)])
    width = part_width(0, 20_000 * SECOND)
    views = [store.spans.overview("temp", START + at, START + at + 20_000 * SECOND) for at in (0, 50 * width)]
    middle = (START + 60 * width, START + 400 * width)
    kept = [set(v.time[(v.time >= middle[0]) & (v.time < middle[1])].tolist()) for v in views]
    assert kept[0] == kept[1]
    assert len(kept[0]) > 1_000


def test_rolled_up_history_keeps_the_extremes_of_every_minute(store: Store) -> None:
    random = np.random.default_rng(2)
    day = 86_400 * SECOND
    time = START // day * day + np.arange(7_200) * SECOND
    value = np.round(random.normal(37, 1, 7_200), 3)
    flagged = value > 39.5
    history = entry(time, value, np.zeros(7_200, np.uint32), flagged)
    store.load("w", [Record(1, history)])
    since, until = int(time[0]), int(time[-1]) + 1
    (due,) = store.retention.due(until + day, 1)
    store.retention.roll_up(due)
    left = store.spans.overview("temp", since, until)
    assert left.readings == flagged.sum() + 1, "the newest stays for a restart"
    overview = joined(
        left, rolled(store.retention.rollups(["temp"], since, until), left.marks.iloc[:0], since, until)
    )
    assert overview.readings == overview.count.sum() == 7_200
    assert overview.gaps() == []
    assert overview.minutes
    points = pd.Series(overview.value).groupby(overview.time // (60 * SECOND))
    expected = pd.Series(value).groupby(time // (60 * SECOND))
    assert points.min().tolist() == expected.min().tolist()
    assert points.max().tolist() == expected.max().tolist()
    coarse = thinned(overview, 600 * SECOND)
    assert coarse.readings == 7_200
    assert coarse.value.max() == value.max()
    assert store.spans.extent() == store.spans.extent(["temp", "other"]) == (since, int(time[-1]))
    assert store.spans.extent(["other"]) is None
