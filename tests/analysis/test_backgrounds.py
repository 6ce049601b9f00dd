"""The clean backgrounds: seeded, and with the noise that they say."""

import numpy as np
import pytest

from sensormon.analysis.backgrounds import (
    BACKGROUNDS,
    DAY,
    RARE,
    ROWS_BACKGROUNDS,
    background,
    rows_background,
)

CONTINUOUS = sorted(set(BACKGROUNDS) - {"random walk", "Poisson 0.1", "Poisson 3"})
FAR = 3.4808  # of normal noise, one reading in 2,000 is farther out


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_a_background_depends_on_its_seed_alone(name: str) -> None:
    first, again, other = (background(name, 3000, seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.values, again.values)
    np.testing.assert_array_equal(first.times, again.times)
    assert not np.array_equal(first.values, other.values, equal_nan=True)
    assert len(first.values) == len(first.times) == 3000
    assert (np.diff(first.times) > 0).all()


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_the_noise_has_the_standard_deviation_that_faults_are_measured_in(name: str) -> None:
    noise = np.concatenate([background(name, 50_000, seed).noise for seed in range(4)])
    assert noise.std() == pytest.approx(background(name, 10, 0).sigma, rel=0.1)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_one_reading_in_2000_is_farther_out_than_the_unit_of_a_spike_says(name: str) -> None:
    noise = np.concatenate([background(name, 50_000, seed).noise for seed in range(8)])
    share = float(np.mean(np.abs(noise) > FAR * background(name, 10, 0).tail))
    assert RARE / 2 < share < 2 * RARE


@pytest.mark.parametrize("name", ["Poisson 0.1", "Poisson 3"])
def test_a_spike_in_counts_is_beyond_what_one_reading_in_2000_reaches(name: str) -> None:
    series = background(name, 100_000, 1)
    reach = np.round(series.signal[0] + FAR * series.tail)
    assert np.mean(series.values >= reach) < RARE < np.mean(series.values >= reach - 1)


def test_what_a_background_is_called_is_what_it_does() -> None:
    lost = np.isnan(background("20 % missing", 50_000, 0).values)
    assert lost.mean() == pytest.approx(0.2, abs=0.03)
    assert np.diff(np.flatnonzero(np.diff(lost.astype(int)))).max() > 20  # gaps, not single cells alone
    held = background("deadband", 20_000, 0).values
    steps = np.abs(np.diff(held))
    assert np.mean(steps == 0) > 0.3
    assert steps[steps > 0].min() > 0.5
    for name in ("integers", "Poisson 0.1", "Poisson 3"):
        counts = background(name, 10_000, 0).values
        np.testing.assert_array_equal(counts, np.round(counts))
    sine = background("daily sine", 20 * DAY, 0).values.reshape(20, DAY).mean(axis=0)
    assert np.ptp(sine) == pytest.approx(10, abs=1)
    gaps = np.diff(background("irregular times", 10_000, 0).times)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.1)


@pytest.mark.parametrize("name", ROWS_BACKGROUNDS)
def test_rows_of_several_tags_depend_on_their_seed_alone(name: str) -> None:
    first, again, other = (rows_background(name, 1500, seed).values for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other, equal_nan=True)
    assert first.shape == (1500, 6 if name == "one of six late" else 8)


def test_lost_cells_are_as_many_as_the_name_says() -> None:
    for name, share in (("10 % of cells lost", 0.1), ("20 % of cells lost", 0.2), ("AR(1) 0", 0.0)):
        assert np.isnan(rows_background(name, 5000, 0).values).mean() == pytest.approx(share, abs=0.01)
    late = rows_background("one of six late", 1000, 0).values
    np.testing.assert_array_equal(np.isnan(late[:, 5]), np.arange(1000) < 370)
    assert not np.isnan(late[:, :5]).any()
