"""The contract of every store: queries over long spans of single tags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from sensormon.analysis.downsample import thinned, whole
from sensormon.model.clock import SECOND
from sensormon.model.entries import BatchEntry, Record
from sensormon.model.readings import Processed
from sensormon.stores.long_spans import SHARES, Outside
from sensormon.stores.protocol import Store
from tests.support.plant import START

FAR = START + 10**6 * SECOND


def test_spans_match_the_readings(store: Store, processed: Callable[..., Processed]) -> None:
    scored = processed(2_000)
    scored.accepted.quality[[5, 700]] = 0x8000_0000
    scored.accepted.quality[[9]] = 0x4000_0000
    store.load("w", [Record(1, BatchEntry(1, {"test": 2_000}, scored))])
    good = np.flatnonzero(scored.accepted.quality == 0)
    since, until = START + 100 * SECOND, START + 1_900 * SECOND
    inside = good[(good >= 100) & (good < 1_900)]
    value, spans = scored.accepted.value[inside], store.spans
    assert spans.extent() == spans.extent(["nobody", "temp"]) == (START, START + 1_999 * SECOND)
    assert spans.extent(["nobody"]) is spans.extent([]) is None
    assert spans.count("temp", since, until) == len(inside)
    time, values = spans.values("temp", [(since, until)])
    assert time.tolist() == scored.accepted.time[inside].tolist()
    assert values.tolist() == value.tolist()
    spread = spans.distribution("temp", since, until, bins=7)
    assert spread.readings == len(inside)
    assert spread.mean == pytest.approx(value.mean())
    assert spread.sd == pytest.approx(value.std(ddof=1))
    assert spread.quantiles == pytest.approx(np.quantile(value, SHARES))
    assert spread.counts.sum() == len(inside)
    expected = np.minimum(np.floor((value - value.min()) * (7 / np.ptp(value))), 6).astype(int)
    assert spread.counts.tolist() == np.bincount(expected, minlength=7).tolist()
    low, high = np.quantile(value, [0.1, 0.8])
    outside = spans.outside("temp", since, until, low, high)
    rows = len(value)
    assert outside == Outside(int((value < low).sum()), int((value > high).sum()), rows, rows)
    means = spans.means("temp", since, until, 7 * SECOND)
    place = (scored.accepted.time[inside] - since) // (7 * SECOND)
    for cell in (0, 85, 257):
        assert means[cell] == pytest.approx(value[place == cell].mean())
    assert len(means) == 258
    for cell, start in ((7 * SECOND, since), (60 * SECOND, START // (60 * SECOND) * 60 * SECOND)):
        cells = spans.cells("temp", start, until, cell)
        every = scored.accepted.time < until
        at = ((scored.accepted.time - start) // cell)[every & (scored.accepted.time >= start)]
        assert cells.readings.tolist() == np.bincount(at, minlength=len(cells.mean)).tolist()
        assert (cells.readings - cells.good).sum() == (3 if start < since else 1)
        assert cells.mean == pytest.approx(spans.means("temp", start, until, cell), nan_ok=True)


def test_simulated_readings_of_each_tag_reach_from_first_to_last(
    store: Store, processed: Callable[..., Processed]
) -> None:
    assert store.spans.simulated() == {}
    scored = processed(50)
    made = replace(scored, accepted=replace(scored.accepted, source="simulator", tags=("twin",)))
    store.load("w", [Record(1, BatchEntry(1, {}, scored)), Record(2, BatchEntry(51, {}, made))])
    assert store.spans.simulated() == {"twin": (START, START + 49 * SECOND)}


def test_a_sample_is_spread_evenly_over_the_readings(
    store: Store, processed: Callable[..., Processed]
) -> None:
    scored = processed(6_000)
    scored.accepted.time[3_000:] += 400_000 * SECOND
    store.load("w", [Record(1, BatchEntry(1, {}, scored))])
    assert store.spans.stretches("temp", START, FAR, 6_000) == [(START, FAR)]
    stretches = store.spans.stretches("temp", START, FAR, 1_000)
    assert all(a < b <= c for (a, b), (c, _) in pairwise(stretches))
    time, value = store.spans.values("temp", stretches)
    assert 800 < len(time) < 1_200
    assert (np.diff(time) > 0).all()
    early = int((time < START + 3_000 * SECOND).sum())
    assert 0.4 < early / len(time) < 0.6, "both halves of the readings, not of the span"
    of_time = dict(zip(scored.accepted.time.tolist(), scored.accepted.value.tolist(), strict=True))
    assert [of_time[moment] for moment in time.tolist()] == value.tolist()


def test_an_empty_store_answers_about_every_span(store: Store) -> None:
    assert store.spans.extent() is None
    assert store.spans.overview("temp", 0, FAR).readings == 0
    assert store.spans.distribution("temp", 0, FAR, bins=5).readings == 0
    assert store.spans.count("temp", 0, FAR) == len(store.spans.values("temp", [(0, FAR)])[0]) == 0
    assert store.spans.outside("temp", 0, FAR, 0.0, 1.0) == Outside(0, 0, 0, 0)
    assert store.spans.stretches("temp", 0, FAR, 10) == [(0, FAR)]


@pytest.mark.parametrize("width", [1, 7 * SECOND, 300 * SECOND])
def test_changes_are_those_of_the_readings(
    store: Store, processed: Callable[..., Processed], width: int
) -> None:
    scored, rng = processed(2_000), np.random.default_rng(3)
    scored.accepted.value[:] = rng.integers(0, 2, 2_000)
    scored.accepted.value[500:900] = 2.0
    scored.accepted.quality[600:700] = 0x8000_0000
    scored.accepted.quality[700:800] = 0x4000_0000
    store.load("w", [Record(1, BatchEntry(1, {"test": 2_000}, scored))])
    since, until = START + 100 * SECOND, START + 1_900 * SECOND
    rows, before, by_part = [], None, {}
    for i in range(100, 1_900):
        kind = int(scored.accepted.quality[i]) >> 30
        state = (float(scored.accepted.value[i]), kind)
        if state != before:
            rows.append((int(scored.accepted.time[i]), *state))
        before = state
    for row in rows:
        by_part.setdefault(row[0] // width, []).append(row)
    kept = [row for part in by_part.values() for row in (part[:1] if len(part) == 1 else [part[0], part[-1]])]
    columns = store.spans.changes("temp", since, until, width)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == kept
    below = store.spans.changes("temp", since, until, 1, below_id=1_001)
    assert below[0].max() < START + 1_000 * SECOND
    assert [len(column) for column in store.spans.changes("nobody", since, until, width)] == [0, 0, 0]


def test_many_tags_are_seen_as_each_of_them(store: Store, processed: Callable[..., Processed]) -> None:
    names, number = [f"tag{place}" for place in range(9)], 1
    for place, name in enumerate(names):
        rows, step = ((600, 61), (40, 61), (40, 7))[place % 3]
        scored = processed(rows)
        at = np.arange(rows)
        value = scored.accepted.value + 1e-6 * at  # of equal values either may be drawn
        own = replace(scored.accepted, tags=(name,), time=START + step * SECOND * at, value=value)
        own.quality[place::37] = (0x8000_0000, 0x4000_0000)[place % 2]
        store.load("w", [Record(place + 1, BatchEntry(number, {}, replace(scored, accepted=own)))])
        number += rows
    while store.summarise(least=1):
        pass
    seen = store.spans.overviews([*names, "nobody"], START, FAR, parts=100)
    assert seen.keys() == {*names, "nobody"}
    assert (seen["tag0"].readings, seen["tag1"].readings, seen["nobody"].readings) == (600, 40, 0)
    for name, overview in seen.items():
        readings = store.readings.frame([name], START, FAR)
        slow = whole(readings, START, FAR)
        slow = thinned(slow, overview.width) if overview.width else slow
        alone = store.spans.overview(name, START, FAR, parts=100)
        for same in (alone, slow):
            assert overview.marks["id"].tolist() == same.marks["id"].tolist()
            for field in ("width", "readings", "flagged", "marked"):
                assert getattr(overview, field) == getattr(same, field)
            for field in ("time", "value", "first", "last", "count", "drawn"):
                assert getattr(overview, field).tolist() == getattr(same, field).tolist()
    assert store.spans.extents([*names, "nobody"]) == {name: store.spans.extent([name]) for name in names}
    stretches = [(START, START + 900 * SECOND), (START + 1_000 * SECOND, START + 2_000 * SECOND)]
    several = store.spans.values_of([*names, "nobody"], stretches)
    for name, columns in several.items():
        alone_columns = store.spans.values(name, stretches)
        assert [column.tolist() for column in columns] == [column.tolist() for column in alone_columns]
    minute = START // (60 * SECOND) * 60 * SECOND
    for since, cell in ((START, 7 * SECOND), (minute, 60 * SECOND)):
        until = since + 3_601 * SECOND
        means = store.spans.means_of([*names, "nobody"], since, until, cell)
        assert means.keys() == several.keys()
        for name, cells in means.items():
            assert cells == pytest.approx(store.spans.means(name, since, until, cell), nan_ok=True)
    assert store.spans.means_of([], START, FAR, SECOND) == store.spans.values_of([], stretches) == {}
