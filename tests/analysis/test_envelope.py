"""The golden envelope: step by step as a slow reference has it, and where a frame leaves it."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.analysis.envelope import (
    MEDIAN,
    STEPS,
    Spread,
    aligned,
    envelope,
    leaving,
    read_envelope,
    read_spread,
)
from sensormon.model.errors import UsageError
from sensormon.model.readings import Floats

cells = st.one_of(st.floats(-50, 50), st.just(math.nan))
frames_of_three_steps = st.lists(st.lists(cells, min_size=3, max_size=3), min_size=3, max_size=7)


def rows(table: list[list[float]]) -> list[Floats]:
    return [np.array(row) for row in table]


@given(frames_of_three_steps)
def test_mean_and_deviation_of_each_step_are_those_of_its_frames(table: list[list[float]]) -> None:
    golden = envelope(rows(table), Spread(k=2.0))
    for step in range(3):
        known = [row[step] for row in table if not math.isnan(row[step])]
        assert golden.frames[step] == len(known)
        if len(known) < 3:
            assert math.isnan(golden.centre[step])
            continue
        reach = 2.0 * statistics.stdev(known)
        assert golden.centre[step] == pytest.approx(statistics.mean(known), abs=1e-9)
        assert golden.upper[step] == pytest.approx(statistics.mean(known) + reach, abs=1e-6)
        assert golden.lower[step] == pytest.approx(statistics.mean(known) - reach, abs=1e-6)


@given(frames_of_three_steps)
def test_median_lies_between_the_percentiles(table: list[list[float]]) -> None:
    golden = envelope(rows(table), Spread(MEDIAN, low=0.0, high=100.0))
    for row in rows(table):
        known = np.isfinite(row) & np.isfinite(golden.centre)
        assert (row[known] >= golden.lower[known] - 1e-9).all()
        assert (row[known] <= golden.upper[known] + 1e-9).all()
        assert leaving(row, golden, 1e-9).first is None, "none of the chosen lies outside of all of them"


def test_fewer_than_three_frames_are_refused() -> None:
    with pytest.raises(UsageError, match="2 chosen, an envelope needs at least 3 frames"):
        envelope(rows([[1.0], [2.0]]), Spread())


@pytest.mark.parametrize(
    "spread",
    [Spread("mode"), Spread(k=0.0), Spread(k=math.nan), Spread(MEDIAN, low=60.0), Spread(high=101.0)],
)
def test_a_spread_that_makes_no_sense_is_refused(spread: Spread) -> None:
    with pytest.raises(UsageError):
        envelope(rows([[1.0], [2.0], [3.0]]), spread)


def test_a_frame_is_aligned_at_its_start_and_ends_with_it() -> None:
    time = np.arange(0, 4_000, 10)
    row = aligned(time, time / 10.0, (1_000, 2_200), 20.0)
    assert row[:3].tolist() == [100.5, 102.5, 104.5]
    assert np.isfinite(row[:60]).all()
    assert np.isnan(row[60:]).all()
    share = aligned(time, time / 10.0, (1_000, 2_200), 1_200 / STEPS)
    assert np.isfinite(share).all()


def test_holes_are_bridged_only_while_they_are_short() -> None:
    time = np.array([0, 1, 2, 3, 6, 7, 8, 9, 20, 21])
    row = aligned(time, time.astype(np.float64), (0, STEPS), 1.0)
    assert row[:10].tolist() == list(range(10))
    assert np.isnan(row[10:20]).all()
    assert row[20:22].tolist() == [20, 21]


def test_it_is_said_when_a_frame_left_and_on_which_side_it_is_now() -> None:
    golden = envelope(rows([[0.0] * 6, [1.0] * 6, [2.0] * 6]), Spread(MEDIAN, low=0.0, high=100.0))
    row = np.array([1.0, 5.0, 1.0, -1.0, -2.0, np.nan])
    went = leaving(row, golden)
    assert (went.share, went.first, went.side, went.since, went.now) == (3 / 5, 1, "above", 3, "below")
    assert leaving(np.array([1.0, 5.0, 1.0, 1.0, 1.0, 1.0]), golden).since is None
    assert math.isnan(leaving(np.full(6, np.nan), golden).share)
    assert leaving(np.full(6, 2.05), golden, least=0.1).first is None, "within the tag's resolution"


def test_an_envelope_survives_as_a_document() -> None:
    table = np.random.default_rng(3).normal(80, 2, (4, STEPS))
    table[:2, -1] = np.nan
    golden = envelope(list(table), Spread())
    again = read_envelope(golden.as_document())
    assert np.allclose(again.lower, golden.lower, rtol=1e-5, equal_nan=True)
    assert np.isnan(again.centre[-1])
    assert read_spread(Spread(MEDIAN, low=10.0).as_document()) == Spread(MEDIAN, low=10.0)
    with pytest.raises(ValueError, match="another length"):
        read_envelope({**golden.as_document(), "frames": [1]})
