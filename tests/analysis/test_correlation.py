"""Correlation of two tags and control limits, checked against slow, obvious references."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.analysis.control_chart import MINIMUM as NEIGHBOURS
from sensormon.analysis.control_chart import control_limits
from sensormon.analysis.correlation import MINIMUM, best_shift, pairs, pearson, relate, spearman
from sensormon.model.clock import SECOND
from tests.support import naive
from tests.support.plant import START

steady = settings(deadline=None, derandomize=True, max_examples=100)


@st.composite
def readings(draw: st.DrawFn) -> list[tuple[int, float]]:
    times = sorted(draw(st.lists(st.integers(0, 60), max_size=25)))
    return [(time, float(draw(st.integers(-5, 5)))) for time in times]


def columns(rows: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([t for t, _ in rows], dtype=np.int64), np.array([v for _, v in rows], dtype=np.float64)


@steady
@given(readings(), readings(), st.integers(0, 20))
def test_readings_of_the_slower_tag_are_paired_with_the_nearest(
    a: list[tuple[int, float]], b: list[tuple[int, float]], tolerance: int
) -> None:
    paired = pairs(columns(a), columns(b), tolerance)
    assert list(zip(paired.x.tolist(), paired.y.tolist(), strict=True)) == naive.paired(a, b, tolerance)


def test_default_tolerance_is_half_the_slower_interval() -> None:
    fast = START + np.arange(600) * SECOND
    slow = START + np.arange(60) * 10 * SECOND + SECOND // 3
    paired = pairs((fast, np.arange(600.0)), (slow, np.arange(60.0)))
    assert paired.tolerance == 5 * SECOND
    assert paired.x.tolist() == [10.0 * i for i in range(60)]


@steady
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=2, max_size=40))
def test_correlations_match_the_textbook(rows: list[tuple[int, int]]) -> None:
    x, y = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))

    def slow(u: list[float], v: list[float]) -> float:
        mu, mv = math.fsum(u) / len(u), math.fsum(v) / len(v)
        top = math.fsum((a - mu) * (b - mv) for a, b in zip(u, v, strict=True))
        size = math.fsum((a - mu) ** 2 for a in u) * math.fsum((b - mv) ** 2 for b in v)
        return top / math.sqrt(size) if size > 0 else math.nan

    def ranks(u: list[float]) -> list[float]:
        return [sum(b < a for b in u) + (sum(b == a for b in u) + 1) / 2 for a in u]

    assert pearson(x, y) == pytest.approx(slow(x.tolist(), y.tolist()), abs=1e-9, nan_ok=True)
    expected = slow(ranks(x.tolist()), ranks(y.tolist()))
    assert spearman(x, y) == pytest.approx(expected, abs=1e-9, nan_ok=True)


def related(x: np.ndarray, y: np.ndarray) -> object:
    time = START + np.arange(len(x)) * SECOND
    return relate(pairs((time, x), (time, y)), (x, y), SECOND, counts=(len(x), len(y)), share=1)


def test_too_few_pairs_or_a_constant_tag_are_not_measurable() -> None:
    few = related(np.arange(MINIMUM - 1.0), np.arange(MINIMUM - 1.0))
    assert math.isnan(few.pearson)
    assert f"fewer than {MINIMUM}" in few.why
    flat = related(np.ones(200), np.arange(200.0))
    assert "does not change" in flat.why
    enough = related(np.arange(MINIMUM + 0.0), -np.arange(MINIMUM + 0.0))
    assert (enough.pearson, enough.spearman, enough.why) == (-1.0, -1.0, "")


def test_lag_is_found_despite_gaps() -> None:
    random = np.random.default_rng(3)
    x = np.convolve(random.normal(0, 1, 1_100), np.ones(20), "valid")
    y = np.roll(x, 37) + random.normal(0, 0.1, len(x))
    x[200:230] = np.nan
    shift = best_shift(x[100:], y[100:])
    back = best_shift(y[100:], x[100:])
    assert shift is not None
    assert back is not None
    assert (shift.lag, back.lag) == (37, -37)
    assert shift.r > 0.98
    assert shift.chance < 0.9
    assert best_shift(np.full(50, np.nan), np.ones(50)) is None


def test_daily_pattern_reports_the_smallest_shift() -> None:
    random = np.random.default_rng(7)
    hours = np.arange(31 * 24)

    def daily(shift: int) -> np.ndarray:
        return np.sin((hours - shift) * math.tau / 24) + random.normal(0, 0.15, len(hours))

    for _ in range(20):
        best = best_shift(daily(0), daily(3))
        assert best is not None
        assert abs(best.lag - 3) <= 1
        assert best.r > 0.9


def test_autocorrelated_pairs_count_as_fewer() -> None:
    random = np.random.default_rng(5)
    noise = related(random.normal(0, 1, 2_000), random.normal(0, 1, 2_000))
    slow = related(*(np.cumsum(random.normal(0, 1, 2_000)) for _ in range(2)))
    assert noise.worth > 1_900
    assert slow.worth < 50


@steady
@given(
    st.lists(st.lists(st.integers(-500, 500).map(float), min_size=12, max_size=60), min_size=1, max_size=4)
)
def test_control_limits_match_the_naive_reference(stretches: list[list[float]]) -> None:
    # The shortest stretch keeps the usual step at one second; the gaps between are far longer.
    time, value, at = [], [], START
    for stretch in stretches:
        time += [at + i * SECOND for i in range(len(stretch))]
        value += stretch
        at = time[-1] + 1_000 * SECOND
    limits = control_limits(np.array(time), np.array(value))
    if sum(len(stretch) - 1 for stretch in stretches) < NEIGHBOURS:
        assert limits is None
        return
    assert limits is not None
    expected = naive.limits(stretches)
    assert (limits.lower, limits.centre, limits.upper) == pytest.approx(expected, abs=1e-6)


def test_autocorrelated_baseline_is_warned_about() -> None:
    random = np.random.default_rng(7)
    time = START + np.arange(3_000) * SECOND
    noise = random.normal(37, 1, 3_000)
    independent = control_limits(time, noise)
    assert independent is not None
    assert independent.sigma == pytest.approx(1.0, rel=0.05)
    assert not independent.correlated
    slow = noise.copy()
    for i in range(1, len(slow)):
        slow[i] = 37 + 0.9 * (slow[i - 1] - 37) + 0.1 * (noise[i] - 37)
    wandering = control_limits(time, slow)
    assert wandering is not None
    assert wandering.correlated
    flat = control_limits(time, np.full(3_000, 37.0))
    assert flat is not None
    assert (flat.sigma, flat.correlated) == (0.0, False)


@pytest.mark.parametrize("covered", [1.0, 0.6, 0.25])
@pytest.mark.parametrize("memory", [0.0, 0.6, 0.95])
def test_best_shift_of_unrelated_tags_rarely_exceeds_chance(memory: float, covered: float) -> None:
    rng = np.random.default_rng(7)

    def series() -> np.ndarray:
        values = rng.normal(size=400)
        for i in range(1, 400):
            values[i] += memory * values[i - 1]
        return values

    above = 0
    for _ in range(100):
        x, y = series(), series()
        y[: round(400 * (1 - covered))] = np.nan
        shift = best_shift(x, y)
        assert shift is not None
        above += abs(shift.r) > shift.chance
    assert above <= 11, "5 are expected at the most; 12 come once in 200 times"
    x = series()
    shift = best_shift(x[:-3], x[3:] + 0.1 * rng.normal(size=397))
    assert shift is not None
    assert shift.r > 0.9
    if memory < 0.9:  # more memory leaves so few independent cells that nothing can stand out
        assert shift.chance < 0.9
