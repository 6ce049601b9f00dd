"""What the recommended detector's charts flag on tags with a course of their own: pumps, counts, heavy tails.

The figures are those of the charts alone, tag by tag; each background is noise with standard deviation 1.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sensormon.detectors import kernel as kernels
from sensormon.detectors.recommended_charts import AT, LEAD, SPIKE, kernel
from sensormon.detectors.row_state import RowState
from sensormon.model.readings import Bools, Floats

CLEAN, FAULT, RUNS = 2000, 200, 25

Draw = Callable[[int, np.random.Generator], Floats]


def state(tags: int) -> RowState:
    return RowState(kernel, (SPIKE.limit,), np.zeros(tags), size=AT.size, lead=LEAD, threshold=SPIKE.limit)


def flags(series: Floats) -> Bools:
    """The flags of series, one a row."""
    tags, rows = series.shape
    tag = np.repeat(np.arange(tags, dtype=np.int32), rows)
    scores = state(tags).run(tag, series.ravel(), np.ones(series.size, bool), np.arange(series.size))
    return scores.is_anomaly.reshape(tags, rows)


def series(draw: Draw, rows: int, runs: int = RUNS) -> Floats:
    random = np.random.default_rng(17)
    return np.stack([draw(rows, random) for _ in range(runs)])


def square(rows: int, random: np.random.Generator) -> Floats:
    phase = (np.arange(rows) + random.integers(288)) % 288
    return np.where(phase < 108, 10.0, 0.0) + random.normal(size=rows)


def pump(rows: int, random: np.random.Generator) -> Floats:
    stays = np.stack([random.integers(40, 81, rows // 60 + 1), random.integers(20, 41, rows // 60 + 1)], 1)
    states = np.repeat(np.tile([0.0, 10.0], len(stays)), stays.ravel())
    return states[:rows] + random.normal(size=rows)


def set_points(rows: int, random: np.random.Generator) -> Floats:
    stays = random.integers(200, 801, rows // 200 + 1)
    return np.repeat(random.uniform(0.0, 20.0, len(stays)), stays)[:rows] + random.normal(size=rows)


def batches(rows: int, random: np.random.Generator) -> Floats:
    ramp = np.concatenate([np.linspace(0, 10, 80), np.full(60, 10.0), np.linspace(10, 0, 20)])
    parts = [np.concatenate([ramp, np.zeros(idle)]) for idle in random.integers(20, 61, rows // 180 + 2)]
    start = int(random.integers(160))
    return np.concatenate(parts)[start : start + rows] + random.normal(size=rows)


def t3(rows: int, random: np.random.Generator) -> Floats:
    return random.standard_t(3, rows)


def lognormal(rows: int, random: np.random.Generator) -> Floats:
    return np.exp(0.6 * random.normal(size=rows))


def rare_counts(rows: int, random: np.random.Generator) -> Floats:
    return random.poisson(0.1, rows).astype(np.float64)


def counts(rows: int, random: np.random.Generator) -> Floats:
    return random.poisson(3.0, rows).astype(np.float64)


def bursts(rows: int, random: np.random.Generator) -> Floats:
    values = np.zeros(rows)
    for start in np.flatnonzero(random.random(rows) < 1 / 300):
        burst = values[start : start + int(random.geometric(1 / 8))]
        burst[:] = random.uniform(5, 15) * random.exponential(size=len(burst))
    return values


@pytest.mark.parametrize("draw", [square, pump, batches, t3, lognormal, rare_counts, counts])
def test_clean_readings_are_seldom_flagged(draw: Draw) -> None:
    assert 1000 * flags(series(draw, 10_000, runs=4)).mean() <= 1.0


@pytest.mark.parametrize("draw", [bursts, set_points])
def test_bursts_and_set_points_are_seldom_flagged(draw: Draw) -> None:
    assert 1000 * flags(series(draw, 10_000, runs=4)).mean() <= 2.5


@pytest.mark.parametrize("draw", [t3, lognormal, counts, square, pump])
def test_a_young_tag_is_seldom_flagged(draw: Draw) -> None:
    assert 1000 * flags(series(draw, 1000, runs=40)).mean() <= 4.0


@pytest.mark.parametrize("draw", [square, pump])
def test_a_tag_that_jumps_is_flagged_for_spikes_and_shifts_not_for_jumps(draw: Draw) -> None:
    clean = series(draw, CLEAN + FAULT)
    spiked, shifted = clean.copy(), clean.copy()
    rows = CLEAN + np.random.default_rng(0).integers(0, FAULT - 1, RUNS)
    spiked[np.arange(RUNS), rows] += 6.0 * np.random.default_rng(1).choice([-1.0, 1.0], RUNS)
    shifted[:, CLEAN:] += 2.0
    near = np.stack([flags(spiked)[np.arange(RUNS), rows + late] for late in (0, 1)]).any(axis=0)
    assert near.mean() >= 0.8
    assert flags(shifted)[:, CLEAN:].any(axis=1).mean() >= 0.8
    assert flags(clean)[:, CLEAN:].any(axis=1).mean() <= 0.3


def test_the_third_jump_to_a_level_is_no_event() -> None:
    random = np.random.default_rng(3)
    values = np.repeat([0.0, 10.0, 0.0, 10.0, 0.0, 10.0, 0.0, 10.0], 200) + 0.5 * random.normal(size=1600)
    flagged = flags(values[None])[0]
    assert flagged[[200, 600]].all()
    assert not flagged[[1000, 1200, 1400]].any()
    assert not flagged[[400, 800]].any(), "the way back to where the tag was"


def test_a_jump_to_a_new_level_of_a_tag_that_jumps_is_an_event() -> None:
    values = pump(3000, np.random.default_rng(4))
    values[2500:] += 30.0
    assert flags(values[None])[0][2500:2502].any()


def test_a_level_beyond_all_that_a_cycle_reaches_is_an_event() -> None:
    random = np.random.default_rng(6)
    cycle = 5.0 * np.sin(2 * np.pi * np.arange(4000) / 288)
    values = np.stack([cycle + random.normal(size=4000) for _ in range(RUNS)])
    before = flags(values)[:, 3200:].any(axis=1).mean()
    values[:, 3200:] += 3.0
    assert flags(values)[:, 3200:].any(axis=1).mean() >= max(0.8, before + 0.3)


def test_a_spike_far_beyond_the_tail_is_found_in_it() -> None:
    for draw in (t3, lognormal):
        values = series(draw, CLEAN + FAULT)
        middle = np.median(values, axis=1)
        rare = np.quantile(np.abs(values - middle[:, None]), 1 - 1 / 2000)
        values[:, CLEAN + 50] = middle + 1.7 * rare
        assert flags(values)[:, CLEAN + 50].mean() >= 0.6


def test_saved_between_any_two_readings_it_goes_on_to_the_last_bit() -> None:
    values = pump(1500, np.random.default_rng(7))
    whole = state(1).run(np.zeros(1500, np.int32), values, np.ones(1500, bool), np.arange(1500))
    at = state(1)
    scores = []
    for row in range(1500):
        part = at.run(np.zeros(1, np.int32), values[row : row + 1], np.ones(1, bool), np.array([row]))
        scores.append(part.score[0])
        vector = at.save(0)
        at = state(1)
        at.load(0, vector)
    assert np.array(scores).tobytes() == whole.score.tobytes()


def test_a_change_in_an_imported_module_renames_the_compiled_kernel(tmp_path: Path) -> None:
    folder = Path(kernels.__file__).parent
    for name in ("recommended_charts", "recommended_levels", "recommended_row", "recommended_tail", "kernel"):
        shutil.copy(folder / f"{name}.py", tmp_path)
    charts, tail = tmp_path / "recommended_charts.py", tmp_path / "recommended_tail.py"
    before = kernels.digest(charts)
    assert kernels.digest(charts) == before
    tail.write_text(tail.read_text() + "\n")
    assert kernels.digest(charts) != before
