"""The compiled charts agree with slow, obvious ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.detectors.cusum import Cusum
from sensormon.detectors.ewma import Ewma
from sensormon.detectors.hampel import Hampel
from sensormon.detectors.page_hinkley import PageHinkley
from tests.support import naive

# The first call compiles, so no deadline; the same examples at every run.
steady = settings(deadline=None, derandomize=True, max_examples=60)


@st.composite
def series(draw: st.DrawFn) -> list[float]:
    """Noise that wanders or not, in steps of 0.01 or finer, with a shift, spikes and a stuck stretch."""
    rows = draw(st.integers(0, 700))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    phi = draw(st.sampled_from([0.0, 0.5, 0.95]))
    value = random.normal(0.0, draw(st.sampled_from([0.02, 0.2, 3.0])), rows)
    for i in range(1, rows):
        value[i] += phi * value[i - 1]
    value += draw(st.sampled_from([0.0, 37.0, -1e4]))
    at = draw(st.integers(0, 700))
    value[at:] += draw(st.sampled_from([0.0, 0.5, 10.0]))
    value[random.random(rows) < draw(st.sampled_from([0.0, 0.02]))] += draw(st.sampled_from([5.0, -1e9]))
    if rows and draw(st.booleans()):
        value[at : at + 120] = value[min(at, rows - 1)]
    return np.round(value, draw(st.sampled_from([2, 12]))).tolist()


def agrees(detector: Any, resolution: float, value: list[float], reference: Sequence[naive.Score]) -> None:
    rows = len(value)
    columns = np.zeros(rows, np.int32), np.array(value), np.ones(rows, bool), np.arange(rows)
    scores = detector.start(np.array([resolution])).run(*columns)
    expected = np.array([(row.score, row.expected) for row in reference]).reshape(-1, 2).T
    # A sum of squares about a mean of -1e4 loses some digits in both implementations.
    assert np.allclose(scores.score, expected[0], rtol=1e-5, atol=1e-5, equal_nan=True)
    assert np.allclose(scores.expected, expected[1], rtol=1e-8, atol=1e-8, equal_nan=True)


@steady
@given(series(), st.integers(5, 70), st.sampled_from([0.0, 0.01, 0.1]))
def test_hampel(value: list[float], window: int, resolution: float) -> None:
    reference = naive.hampel(value, window, 4.5, resolution)
    agrees(Hampel(window=window, threshold=4.5), resolution, value, reference)


@steady
@given(series(), st.sampled_from([0.25, 0.5]), st.sampled_from([4.0, 8.0]), st.sampled_from([0.0, 0.01]))
def test_cusum(value: list[float], k: float, h: float, resolution: float) -> None:
    agrees(Cusum(k, h, 150), resolution, value, naive.cusum(value, k, h, 150, resolution))


@steady
@given(series(), st.sampled_from([0.5, 1.0]), st.sampled_from([5.0, 20.0]), st.sampled_from([0.0, 0.01]))
def test_page_hinkley(value: list[float], delta: float, threshold: float, resolution: float) -> None:
    reference = naive.cusum(value, delta, threshold, 150, resolution, memory=2000)
    agrees(PageHinkley(delta, threshold, 150), resolution, value, reference)


@steady
@given(series(), st.sampled_from([0.05, 0.2, 1.0]), st.sampled_from([3.0, 4.0]), st.sampled_from([0.0, 0.01]))
def test_ewma(value: list[float], weight: float, width: float, resolution: float) -> None:
    agrees(Ewma(weight, width, 150), resolution, value, naive.ewma(value, weight, width, 150, resolution))
