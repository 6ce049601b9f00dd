"""The contract of every store: queries over long spans of single tags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sensormon.model.clock import SECOND
from sensormon.model.entries import BatchEntry, Record
from sensormon.model.readings import Processed
from sensormon.stores.long_spans import SHARES
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
    time, values = spans.values("temp", since, until)
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
    assert outside == (int((value < low).sum()), int((value > high).sum()))
    means = spans.means("temp", since, until, 7 * SECOND)
    place = (scored.accepted.time[inside] - since) // (7 * SECOND)
    for cell in (0, 85, 257):
        assert means[cell] == pytest.approx(value[place == cell].mean())
    assert len(means) == 258


def test_simulated_readings_of_each_tag_reach_from_first_to_last(
    store: Store, processed: Callable[..., Processed]
) -> None:
    assert store.spans.simulated() == {}
    scored = processed(50)
    made = replace(scored, accepted=replace(scored.accepted, source="simulator", tags=("twin",)))
    store.load("w", [Record(1, BatchEntry(1, {}, scored)), Record(2, BatchEntry(51, {}, made))])
    assert store.spans.simulated() == {"twin": (START, START + 49 * SECOND)}


def test_sample_takes_the_same_stretches_of_every_tag(
    store: Store, processed: Callable[..., Processed]
) -> None:
    scored, other = processed(6_000), processed(1)
    other = replace(scored, accepted=replace(scored.accepted, tags=("twin",)))
    store.load("w", [Record(1, BatchEntry(1, {}, scored)), Record(2, BatchEntry(6_001, {}, other))])
    taken = [store.spans.values(tag, START, FAR, stretch=60 * SECOND, one_in=4) for tag in ("temp", "twin")]
    assert taken[0][0].tolist() == taken[1][0].tolist()
    assert 500 < len(taken[0][0]) < 3_000
    whole = [np.sum(taken[0][0] // (60 * SECOND) == cell) for cell in set(taken[0][0] // (60 * SECOND))]
    assert set(whole[1:-1]) == {60}


def test_an_empty_store_answers_about_every_span(store: Store) -> None:
    assert store.spans.extent() is None
    assert store.spans.overview("temp", 0, FAR).readings == 0
    assert store.spans.distribution("temp", 0, FAR, bins=5).readings == 0
    assert store.spans.count("temp", 0, FAR) == len(store.spans.values("temp", 0, FAR)[0]) == 0
    assert store.spans.outside("temp", 0, FAR, 0.0, 1.0) == (0, 0)
