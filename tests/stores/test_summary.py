"""The summary agrees with the readings, whatever was stored, came late or was deleted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensormon.analysis.downsample import Overview, part_width, thinned, whole
from sensormon.model.clock import DAY, MINUTE, SECOND
from sensormon.model.entries import BatchEntry, Record, UndoEntry
from sensormon.model.readings import Batch, Origin, Processed, Scores
from sensormon.model.timestamps import micros
from sensormon.stores.duckdb_summary import EVER
from sensormon.stores.long_spans import SHARES, Outside
from sensormon.stores.opening import open_store
from sensormon.stores.protocol import Store
from tests.support.plant import START
from tests.support.stored import TAGS, fill_folder

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
Events = list[tuple[str, int, int]]
EVENTS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 2**20), st.integers(1, 400)), min_size=2, max_size=12
)


@pytest.mark.long
@given(EVENTS)
@settings(max_examples=40)
def test_the_summary_agrees_with_the_readings_after_everything(events: Events) -> None:
    agrees(events)


def agrees(events: Events) -> None:
    with TemporaryDirectory() as folder:
        store = open_store(str(Path(folder) / "store.duckdb"))
        store.open()
        history = History(store)
        for what, seed, rows in events:
            history.happen(what, seed, rows)
            assert store.check_summary() == 0, what
        store.close()


SEQUENCE = ("live", "refused", "import", "summarise", "dead letter", "undo", "roll up", "live", "import")
ALL_KINDS = [(what, seed, 300) for seed, what in enumerate([*SEQUENCE, "summarise", "live", "undo"])]


def test_late_deleted_and_dead_readings_leave_the_summary_right() -> None:
    agrees(ALL_KINDS)
    same_answers(ALL_KINDS, [DAY // 100, 2 * DAY + 17], 40)


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


WAYS = st.lists(st.integers(0, 3 * DAY), min_size=2, max_size=2, unique=True).map(sorted)


@pytest.mark.long
@given(EVENTS, WAYS, st.sampled_from([500, 40, 3]))
@settings(max_examples=40)
def test_answers_from_the_summary_are_those_of_the_readings(
    events: Events, span: list[int], parts: int
) -> None:
    same_answers(events, span, parts)


def same_answers(events: Events, span: list[int], parts: int) -> None:
    since, until = START + span[0], START + span[1] + 1
    with TemporaryDirectory() as folder:
        store = open_store(str(Path(folder) / "store.duckdb"))
        store.open()
        history = History(store)
        for what, seed, rows in events:
            history.happen(what, seed, rows)
        history.happen("live", 99, 50)  # is not summarised yet
        frame = store.readings.frame(None, since, until)
        rollups = store.retention.rollups(None, since, until)
        assert store.readings.count(None, since, until) == len(frame)
        assert store.readings.count(["temp"], since, until, anomalies=True) == int(
            (frame["is_anomaly"] & (frame["tag"] == "temp")).sum()
        )
        everything = store.readings.frame(None, *EVER)
        assert set(store.readings.tags()) >= set(everything["tag"])
        assert_summary(store, frame, rollups, since, until)
        for tag in ("temp", "other"):
            mine = frame[frame["tag"] == tag]
            assert_measures(store, tag, mine, since, until)
            assert_overview(store, tag, mine, since, until, parts)
        store.close()


def assert_summary(store: Store, frame: pd.DataFrame, rollups: pd.DataFrame, since: int, until: int) -> None:
    width = 7 * MINUTE
    start = since // MINUTE * MINUTE
    active = store.readings.activity(start, until, width)
    every = store.readings.frame(None, start, until)
    part = (micros(every["time"]) - start) // width
    expected = every.assign(part=part, doubtful=kinds(every) > 0).groupby(["tag", "part"])
    assert active["readings"].tolist() == expected["id"].count().tolist()
    assert active["flagged"].tolist() == expected["is_anomaly"].sum().tolist()
    assert active["doubtful"].tolist() == expected["doubtful"].sum().tolist()
    first = store.readings.first_time(since, until)
    assert first == (micros(frame["time"]).min() if len(frame) else None)
    summary = store.readings.summary(since, until).set_index("tag")
    for tag in ("temp", "other"):
        mine, rolled = frame[frame["tag"] == tag], rollups[rollups["tag"] == tag]
        count = len(mine) + int((rolled["count"] - rolled["kept"]).sum())
        if not count:
            assert tag not in summary.index
            continue
        assert summary.loc[tag, "readings"] == count
        assert summary.loc[tag, "flagged"] == mine["is_anomaly"].sum()
        assert summary.loc[tag, "learned"] == (mine["n"].max() if len(mine) else 0)


def assert_measures(store: Store, tag: str, mine: pd.DataFrame, since: int, until: int) -> None:
    value = mine["value"].to_numpy()[kinds(mine) == 0]
    assert store.spans.count(tag, since, until) == len(value)
    spread = store.spans.distribution(tag, since, until, bins=9)
    assert (spread.readings, spread.used) == (len(value), len(value))
    outside = store.spans.outside(tag, since, until, 3.0, 8.0)
    assert outside == Outside(int((value < 3).sum()), int((value > 8).sum()), len(value), len(value))
    if len(value):
        assert spread.quantiles == pytest.approx(np.quantile(value, SHARES))
        assert spread.mean == pytest.approx(value.mean())
        assert spread.counts.sum() == len(value)
    if len(value) > 1:
        assert spread.sd == pytest.approx(value.std(ddof=1))
    start = since // MINUTE * MINUTE
    means = store.spans.means(tag, start, until, 30 * MINUTE)
    first = store.readings.frame([tag], start, until)
    good = first[kinds(first) == 0]
    expected = good["value"].groupby((micros(good["time"]) - start) // (30 * MINUTE)).mean()
    assert means[expected.index.to_numpy()] == pytest.approx(expected.to_numpy())
    assert np.isfinite(means).sum() == len(expected)


def assert_overview(store: Store, tag: str, mine: pd.DataFrame, since: int, until: int, parts: int) -> None:
    seen = store.spans.overview(tag, since, until, parts=parts)
    slow = whole(mine, since, until)
    if seen.width:
        slow = thinned(slow, seen.width)
    assert seen.width == (part_width(since, until, parts) if len(mine) > 4 * parts else 0)
    for name in ("readings", "flagged", "marked"):
        assert getattr(seen, name) == getattr(slow, name)
    for name in ("first", "last", "count", "drawn"):
        assert getattr(seen, name).tolist() == getattr(slow, name).tolist()
    assert sorted(seen.marks["id"]) == sorted(slow.marks["id"])
    # Of readings at one time, and of equal values, either may be drawn: the extremes are the same.
    assert extent(seen) == extent(slow)


def kinds(frame: pd.DataFrame) -> NDArray[np.int64]:
    """0 good, 1 uncertain, 2 or 3 bad."""
    return frame["quality"].to_numpy(dtype=np.int64) >> 30


def extent(overview: Overview) -> list[tuple[int, float, float, int, int]]:
    """Of each part its number, lowest and highest value, and first and last time."""
    width = overview.width or 1
    points = pd.DataFrame({"part": overview.time // width, "time": overview.time, "value": overview.value})
    parts = points.groupby("part").agg({"value": ["min", "max"], "time": ["min", "max"]})
    return list(parts.itertuples(name=None))


def test_long_histories_are_measured_from_an_even_sample(tmp_path: Path) -> None:
    folder = fill_folder(tmp_path / "data", 450_000)
    store = open_store(str(folder / "sensormon.duckdb"))
    store.open()
    tag, span = TAGS[1], (0, 2 * START)
    _, value = store.spans.values(tag, [span])
    before = store.spans.distribution(tag, *span, bins=20)
    while store.summarise(least=1):
        pass
    assert store.check_summary() == 0
    spread = store.spans.distribution(tag, *span, bins=20)
    assert spread.readings == before.readings == 150_000
    assert before.used == 2_500
    assert 2_500 <= spread.used <= 2_510, "a minute between two pieces counts twice"
    assert spread.mean == pytest.approx(value.mean())
    assert spread.sd == pytest.approx(value.std(ddof=1))
    assert (spread.quantiles[0], spread.quantiles[-1]) == (value.min(), value.max())
    assert spread.quantiles == pytest.approx(np.quantile(value, SHARES), abs=0.03)
    assert spread.counts.sum() == 150_000
    often = store.spans.outside(tag, *span, 7.2, 7.9)
    assert often.used < often.readings == 150_000
    assert often.below == pytest.approx((value < 7.2).sum(), rel=0.1)
    never = store.spans.outside(tag, *span, 6.9, 8.1)
    assert never == Outside(0, 0, 150_000, 150_000)
    few = float(np.sort(value)[-20])
    rarely = store.spans.outside(tag, *span, 6.9, few)
    assert rarely == Outside(0, int((value > few).sum()), 150_000, 150_000), "few minutes are read"
    store.close()
