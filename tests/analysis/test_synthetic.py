"""The synthetic benchmarks: they measure what they claim, and what the recommended detector scores."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from sensormon.analysis import synthetic
from sensormon.analysis.synthetic import FAULT_ROWS, PHIS, SIZES, detection_share, false_alarm_rate, flags_of
from sensormon.model.tags import read_tags

TAGS = read_tags(Path(__file__).parents[2] / "data" / "tags.toml")
RECOMMENDED = flags_of("recommended")


def never(values: np.ndarray) -> np.ndarray:
    return np.zeros(len(values), dtype=bool)


@pytest.mark.parametrize("phi", PHIS)
def test_noise_has_its_autocorrelation_and_its_spread(phi: float) -> None:
    values = synthetic.autoregressive(phi, 200_000, np.random.default_rng(3))
    assert np.std(values) == pytest.approx(1.0, abs=0.06)
    assert np.corrcoef(values[1:], values[:-1])[0, 1] == pytest.approx(phi, abs=0.01)


@pytest.mark.parametrize("phi", [-0.1, 1.0, math.nan])
def test_impossible_noise_is_refused(phi: float) -> None:
    with pytest.raises(ValueError, match="phi"):
        synthetic.autoregressive(phi, 10, np.random.default_rng(0))


def test_each_fault_does_what_its_name_says() -> None:
    noise = np.random.default_rng(1).normal(size=300)
    faulty = {fault: synthetic.with_fault(noise, fault, 100, np.random.default_rng(2)) for fault in SIZES}
    assert all((values[:100] == noise[:100]).all() for values in faulty.values())
    change = {fault: values[100:] - noise[100:] for fault, values in faulty.items()}
    assert sorted(np.abs(change["spike"]).round(9).tolist())[-2:] == [0.0, 6.0]
    assert np.allclose(change["level_shift"], 2.0)
    assert np.allclose(change["drift"], np.linspace(0.015, 3.0, 200))
    assert (faulty["stuck"][100:] == noise[99]).all()
    assert np.allclose(faulty["noise"][100:], 3.0 * noise[100:])
    assert np.allclose(faulty["quiet"][100:], 0.2 * noise[100:])


def test_a_gap_is_in_the_times() -> None:
    assert np.diff(synthetic.seconds_apart(5, 3)).tolist() == [10**6, 10**6, 61 * 10**6, 10**6]


def test_rows_of_several_tags_are_correlated() -> None:
    rows = synthetic.correlated_rows(0.5, 20_000, 3, np.random.default_rng(1))
    assert np.abs(np.corrcoef(rows.T)[np.triu_indices(3, 1)]).max() > 0.1
    assert np.corrcoef(rows[1:, 0], rows[:-1, 0])[0, 1] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("fault", "start"), [("spike", 0), ("spike", 300), ("nonsense", 100)])
def test_impossible_faults_are_refused(fault: str, start: int) -> None:
    with pytest.raises(ValueError, match="fault"):
        synthetic.with_fault(np.zeros(300), fault, start, np.random.default_rng(0))


def test_shares_are_counted_correctly() -> None:
    assert false_alarm_rate(never, rows=100, series=2) == 0.0
    assert false_alarm_rate(lambda values: np.arange(len(values)) % 10 == 0, rows=100, series=2) == 0.1
    assert detection_share(never, "stuck", clean=50, runs=3) == 0.0
    assert detection_share(lambda values: np.arange(len(values)) == 49, "stuck", clean=50, runs=3) == 0.0
    last = 50 + FAULT_ROWS - 1
    assert detection_share(lambda values: np.arange(len(values)) == last, "stuck", clean=50, runs=3) == 1.0


def test_the_same_seed_gives_the_same_figure() -> None:
    first, again = (false_alarm_rate(flags_of("zscore"), 0.5, 2, 2000, seed=7) for _ in range(2))
    assert first == again > 0.0


@pytest.mark.parametrize("phi", PHIS)
def test_recommended_rarely_flags_clean_noise(phi: float) -> None:
    assert false_alarm_rate(RECOMMENDED, phi, series=4) <= 0.001


@pytest.mark.parametrize("resolution", [0.0, 0.1])
@pytest.mark.parametrize(
    ("fault", "share"),
    [("spike", 0.97), ("level_shift", 0.95), ("drift", 0.90), ("stuck", 0.98), ("noise", 0.95)],
)
def test_recommended_sees_faults(fault: str, share: float, resolution: float) -> None:
    assert detection_share(RECOMMENDED, fault, runs=100, resolution=resolution) >= share


@pytest.mark.parametrize("name", TAGS.names)
def test_recommended_flags_exactly_the_simulated_spikes(name: str) -> None:
    counts = synthetic.simulated_spikes(RECOMMENDED, TAGS[name])
    assert counts.precision >= 0.99
    assert counts.recall >= 0.99
