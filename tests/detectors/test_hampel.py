"""The Hampel identifier: to the last bit what sorting its window anew at each reading would say."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.detectors.hampel import WARM_UP, Hampel
from sensormon.detectors.kernel import HIGHEST, ROUNDING

THRESHOLD = 4.5


def halfway(ordered: list[float]) -> float:
    """The median of values in ascending order."""
    half = len(ordered) // 2
    if len(ordered) % 2 == 1:
        return ordered[half]
    return ordered[half - 1] + 0.5 * (ordered[half] - ordered[half - 1])


def robust(ordered: list[float], middle: float) -> float:
    mad = halfway(sorted(abs(value - middle) for value in ordered))
    return 1.4826 * mad if mad > 0.0 else mean_distance(ordered, middle)


def mean_distance(values: list[float], middle: float) -> float:
    total = 0.0
    for value in values:
        total += abs(value - middle)
    return 1.2533 * (total / len(values))


def naive(last: list[float], value: float, resolution: float) -> tuple[float, float, float]:
    """Score, expected and upper of a value after `last`, which is the window."""
    ordered = sorted(last)
    middle = halfway(ordered)
    steps = sorted(abs(b - a) for a, b in pairwise(last))
    least = resolution + ROUNDING * abs(middle)
    spread = robust(ordered, middle)
    jump = 1.4826 * halfway(steps)
    if jump == 0.0:
        jump = mean_distance(steps, 0.0)
    phi, share = 0.0, 1.0
    if spread > least:
        lag = max(1.0 - 0.5 * (jump / spread) ** 2, 0.0)
        phi = min(max(lag - 0.4, 0.0) / (0.8 - 0.4), 1.0)
        share = math.sqrt(max(1.0 - 2.0 * phi * lag + phi * phi, 0.0))
    before, older = last[-1], last[-2]
    if abs(before - older) > THRESHOLD * max(jump, least) and abs(older - middle) < abs(before - middle):
        before = older
    expected = middle + phi * (before - middle)
    scale = max(share * spread, least)
    off = abs(value - expected)
    score = 0.0 if off <= least else HIGHEST if off >= scale * HIGHEST else off / scale
    return score, expected, expected + max(THRESHOLD * scale, least)


@pytest.mark.parametrize("window", [5, 6, 7, 50, 51, 64, 65, 128, 333, 1000])
@pytest.mark.parametrize("decimals", [0, 1, 12])
def test_agrees_with_sorting_anew_to_the_last_bit(window: int, decimals: int) -> None:
    random = np.random.default_rng(window + decimals)
    rows = window + 400
    value = np.round(
        random.normal(3.0, 2.0, rows).cumsum() if window == 51 else random.normal(3.0, 2.0, rows), decimals
    )
    value[::37] *= 20.0
    value[rows - 150 : rows - 80] = -0.0
    scores = (
        Hampel(window=window, threshold=THRESHOLD)
        .start(np.array([0.01]))
        .run(np.zeros(rows, np.int32), value, np.ones(rows, np.bool_), np.arange(rows))
    )
    first = min(window, WARM_UP)
    assert np.isnan(scores.score[:first]).all()
    for i in range(max(first, rows - 400), rows):
        expected = naive(value[max(0, i - window) : i].tolist(), float(value[i]), 0.01)
        assert (scores.score[i], scores.expected[i], scores.upper[i]) == expected, i


@st.composite
def streams(draw: st.DrawFn) -> np.ndarray:
    """Noise, a walk, a ramp, levels or a flat line, with repeats, both zeros, spikes, NaN and infinities."""
    rows = draw(st.integers(0, 500))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.sampled_from(["noise", "walk", "ramp", "levels", "flat"]))
    value = {
        "noise": random.normal(0.0, 1.0, rows),
        "walk": random.normal(0.0, 1.0, rows).cumsum(),
        "ramp": np.arange(rows) * draw(st.sampled_from([-0.3, 0.3])),
        "levels": np.repeat(random.integers(-1, 2, rows // 40 + 1), 40)[:rows] * 5.0,
        "flat": np.full(rows, 37.3),
    }[shape]
    value = np.round(value, draw(st.sampled_from([0, 1, 12])))
    odd = random.random(rows) < draw(st.sampled_from([0.0, 0.02, 0.3]))
    value[odd] = random.choice([math.nan, math.inf, -math.inf, 0.0, -0.0, 40.0], odd.sum())
    return value


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    streams(), st.sampled_from([5, 31, 50, 63, 64, 65, 100, 129]), st.lists(st.integers(0, 500), max_size=6)
)
def test_any_split_agrees_with_sorting_anew_to_the_last_bit(
    value: np.ndarray, window: int, cuts: list[int]
) -> None:
    state = Hampel(window=window, threshold=THRESHOLD).start(np.array([0.01]))
    last: list[float] = []
    for part in np.split(value, sorted(min(cut, len(value)) for cut in cuts)):
        rows = len(part)
        scores = state.run(np.zeros(rows, np.int32), part, np.ones(rows, np.bool_), np.arange(rows))
        for i, number in enumerate(part.tolist()):
            row = scores.score[i], scores.expected[i], scores.upper[i]
            if not math.isfinite(number):
                assert np.isnan(row).all()
                continue
            if len(last) >= min(window, WARM_UP):
                assert row == naive(last, number, 0.01), i
            last = [*last, number][-window:]


@pytest.mark.parametrize("window", [5, 64, 333])
def test_history_gives_the_same_bits_as_reading_by_reading(window: int) -> None:
    random = np.random.default_rng(window)
    rows = 2 * window + 700
    tag = np.repeat(random.integers(0, 3, rows), random.integers(1, 300, rows))[:rows].astype(np.int32)
    value = np.round(random.normal(0.0, 1.0, rows), 1) * random.choice(
        [1.0, -0.0, math.nan], rows, p=[0.9, 0.07, 0.03]
    )
    whole, single = (Hampel(window=window).start(np.array([0.01, 0.0, 0.5])) for _ in range(2))
    at_once = whole.run(tag, value, np.ones(rows, np.bool_), np.arange(rows))
    for i in range(rows):
        alone = single.run(tag[i : i + 1], value[i : i + 1], np.ones(1, np.bool_), np.arange(i, i + 1))
        for name in ("n", "score", "expected", "lower", "upper", "is_anomaly"):
            assert getattr(alone, name).tobytes() == getattr(at_once, name)[i : i + 1].tobytes(), (name, i)
    for code in range(3):
        assert whole.save(code).tobytes() == single.save(code).tobytes()
