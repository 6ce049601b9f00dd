"""The nearest stretches of a series, compared with a slow and obvious search."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sensormon.analysis.grid import bridged, divided, step_for
from sensormon.analysis.similar import best_start, distances, is_flat, match, nearest
from sensormon.model.clock import DAY, MINUTE, SECOND
from sensormon.model.readings import Floats


def slow(query: list[float], series: list[float], *, level: bool, resolution: float = 0.0) -> list[float]:
    """The distance to each stretch, one after the other, as it is defined."""

    def normal(values: list[float]) -> list[float]:
        mean = math.fsum(values) / len(values)
        sd = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))
        return [(v - mean) / sd for v in values]

    size, apart = len(query), []
    for start in range(len(series) - size + 1):
        stretch = series[start : start + size]
        if any(math.isnan(v) for v in stretch):
            apart.append(math.inf)
            continue
        sd = float(np.std(stretch))
        if not level and (sd <= resolution / 2 or max(stretch) == min(stretch)):
            apart.append(math.inf)
            continue
        a, b = (query, stretch) if level else (normal(query), normal(stretch))
        apart.append(math.sqrt(math.fsum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / size))
    return apart


@pytest.mark.parametrize("level", [False, True])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_distances_are_those_of_the_definition(level: bool, offset: float) -> None:
    rng = np.random.default_rng(4)
    series = offset + np.cumsum(rng.normal(size=9_000))
    series[[700, 701, 5_000]] = np.nan
    series[2_000:2_100] = series[2_000]
    query = series[3_000:3_040].copy()
    fast = distances(query, series, level=level, resolution=0.01)
    expected = np.array(slow(query.tolist(), series.tolist(), level=level, resolution=0.01))
    assert np.isinf(fast).tolist() == np.isinf(expected).tolist()
    known = np.isfinite(expected)
    assert fast[known] == pytest.approx(expected[known], abs=1e-4)
    assert fast.argmin() == 3_000


@pytest.mark.parametrize("rows", [0, 39, 40, 41])
def test_short_series_have_as_many_distances_as_stretches(rows: int) -> None:
    series = np.random.default_rng(1).normal(size=rows)
    assert len(distances(np.arange(40.0), series, level=False)) == max(0, rows - 39)


def test_a_shape_matches_at_another_level_and_size_only_by_shape() -> None:
    wave = np.sin(np.linspace(0, 6, 60))
    series = np.concatenate((wave, np.linspace(0, 1, 60), 100 + 7 * wave))
    by_shape = distances(wave, series, level=False)
    assert by_shape[120] == pytest.approx(0, abs=1e-6)
    assert distances(wave, series, level=True)[120] > 50


def test_matches_overlap_neither_each_other_nor_the_query() -> None:
    series = np.sin(np.arange(3_000) / 20)
    apart = distances(series[1_000:1_100], series, level=False)
    starts = [start for start, _ in nearest(apart, 50, 100, (1_000, 1_000))]
    assert all(abs(start - 1_000) >= 100 for start in starts)
    assert np.diff(sorted(starts)).min() >= 100
    assert len(starts) > 10
    greedy = sorted(range(len(apart)), key=lambda at: (apart[at], at))
    kept: list[int] = []
    for at in greedy:
        if abs(at - 1_000) >= 100 and all(abs(at - other) >= 100 for other in kept):
            kept.append(at)
    assert starts == kept[: len(starts)]


def test_no_match_touches_a_gap() -> None:
    wave = np.sin(np.linspace(0, 6, 60))
    series = np.concatenate((wave, np.zeros(20), wave))
    series[110] = np.nan
    assert np.isinf(distances(wave, series, level=False)[51:]).all()
    assert nearest(distances(wave, series, level=False), 5, 60, (0, 0)) == []


def test_a_stretch_within_the_resolution_is_flat() -> None:
    assert is_flat(np.array([7.0, 7.01, 7.0]), 0.01 + 1e-12)
    assert not is_flat(np.array([7.0, 7.02, 7.0]), 0.01)
    assert is_flat(np.full(5, 1e9), 0.0)
    flat = np.tile([7.0, 7.01], 30)
    assert np.isinf(distances(np.arange(20.0), flat, level=False, resolution=0.01)).all()


def test_the_best_start_is_placed_on_the_finer_grid() -> None:
    fine = np.concatenate((np.zeros(7), np.sin(np.arange(200) / 15), np.zeros(20)))
    query: Floats = fine[7:207].reshape(40, 5).mean(axis=1)
    placed = best_start(query, fine, 5, level=False)
    assert placed is not None
    assert placed[0] == 7
    assert placed[1].distance == pytest.approx(0, abs=1e-6)
    assert best_start(query, np.full(300, np.nan), 5, level=False) is None
    assert match(query, query + 3, 0, level=True).distance == pytest.approx(3)


def test_grids_have_round_steps_that_readings_fill() -> None:
    assert step_for(1.02 * SECOND, 0) == SECOND
    assert step_for(1 * SECOND, 12 * SECOND) == 15 * SECOND
    assert step_for(1 * SECOND, 61 * SECOND) == 2 * MINUTE
    assert step_for(30 * DAY, 0) == 27 * DAY
    assert divided(15 * SECOND, SECOND, 15) == 15
    assert divided(MINUTE, 10 * SECOND, 15) == 6
    assert divided(SECOND, SECOND, 15) == 1


def test_only_short_absences_are_bridged() -> None:
    cells = np.array([np.nan, 1.0, np.nan, 3.0, np.nan, np.nan, 6.0, np.nan])
    assert bridged(cells, 1).tolist()[1:4] == [1.0, 2.0, 3.0]
    assert np.isnan(bridged(cells, 1)[[0, 4, 5, 7]]).all()
    assert bridged(cells, 2)[4:6].tolist() == [4.0, 5.0]
