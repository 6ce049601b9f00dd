"""Faults of every kind on every background: where they are, what they change, and when they count as seen."""

import numpy as np
import pytest

from sensormon.analysis.backgrounds import BACKGROUNDS, background
from sensormon.analysis.flag_rates import clean_flags, clean_rows_flagged, longest_event
from sensormon.analysis.typed_faults import (
    CLEAN,
    DRIFT,
    FAULTS,
    LASTS,
    NOISE,
    OSCILLATION,
    ROWS,
    SHIFT,
    SPIKE,
    STUCK,
    faults_seen,
    with_fault,
)
from sensormon.model.readings import Bools, Floats, Ints


def nothing(values: Floats, _times: Ints) -> Bools:
    return np.zeros(len(values), dtype=np.bool_)


@pytest.mark.parametrize("name", BACKGROUNDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_changes_nothing_before_it_and_loses_no_reading(name: str, fault: str) -> None:
    series = background(name, ROWS, 3)
    faulty = with_fault(series, fault, 3)
    assert faulty.first >= CLEAN
    assert faulty.last < ROWS
    np.testing.assert_array_equal(faulty.values[: faulty.first], series.values[: faulty.first])
    np.testing.assert_array_equal(np.isnan(faulty.values), np.isnan(series.values))
    if name != "sparse bursts":  # 0 between two bursts, whatever the noise
        assert not np.array_equal(faulty.values, series.values, equal_nan=True)


def test_faults_have_the_size_they_are_called() -> None:
    series = background("AR(1) 0", ROWS, 0)
    change = {}
    for fault in FAULTS:
        faulty = with_fault(series, fault, 0)
        change[fault] = np.abs(faulty.values - series.values)[faulty.first : faulty.last + 1]
    np.testing.assert_allclose(change[SPIKE], [6, 0], atol=1e-9)
    np.testing.assert_allclose(change[SHIFT], 2, atol=1e-9)
    np.testing.assert_allclose(change[DRIFT], 3 * np.arange(1, LASTS + 1) / LASTS, atol=1e-9)
    assert change[OSCILLATION].max() == pytest.approx(2, abs=0.1)
    noisy = with_fault(series, NOISE, 0)
    part = slice(noisy.first, noisy.last + 1)
    np.testing.assert_allclose(noisy.values[part], 3 * series.values[part])


def test_a_stuck_sensor_repeats_the_last_value_it_reported() -> None:
    for name in ("integers", "20 % missing"):
        faulty = with_fault(background(name, ROWS, 1), STUCK, 1)
        before = faulty.values[: faulty.first]
        stuck = faulty.values[faulty.first : faulty.last + 1]
        stuck = stuck[np.isfinite(stuck)]
        assert (stuck == before[np.isfinite(before)][-1]).all()
        assert len(stuck) > LASTS / 2


def test_sensors_report_faults_in_their_own_steps() -> None:
    for name in ("integers", "Poisson 0.1", "Poisson 3"):
        for fault in FAULTS:
            values = with_fault(background(name, ROWS, 2), fault, 2).values
            np.testing.assert_array_equal(values, np.round(values))
            assert name == "integers" or values.min() >= 0


def test_a_spike_lies_on_a_reading_that_arrived() -> None:
    for seed in range(30):
        faulty = with_fault(background("20 % missing", ROWS, seed), SPIKE, seed)
        assert np.isfinite(faulty.values[faulty.first])


def test_seen_is_a_flag_within_the_fault_or_on_the_reading_after_a_spike() -> None:
    series = background("AR(1) 0", ROWS, 5)
    for fault, lasts in ((SPIKE, 2), (SHIFT, LASTS)):
        faulty = with_fault(series, fault, 5)
        flags = np.zeros((4, ROWS), dtype=np.bool_)
        flags[[0, 1, 2, 3], faulty.first + np.array([-1, 0, lasts - 1, lasts])] = True
        assert [faulty.is_seen(row) for row in flags] == [False, True, True, False]


def test_what_is_seen_and_what_is_chance_are_counted_apart() -> None:
    def beyond(values: Floats, _times: Ints) -> Bools:
        return np.abs(values) > 4.5

    def always(values: Floats, _times: Ints) -> Bools:
        return np.ones(len(values), dtype=np.bool_)

    counts = faults_seen(beyond, "AR(1) 0", range(10))
    assert set(counts) == set(FAULTS)
    assert (counts[SPIKE].runs, counts[SPIKE].by_chance) == (10, 0)
    assert counts[SPIKE].share >= 0.9
    assert counts[STUCK].share == 0
    assert faults_seen(always, "AR(1) 0", range(2), [STUCK])[STUCK].chance == 1
    assert faults_seen(nothing, "AR(1) 0", range(2), [SPIKE])[SPIKE].share == 0
    assert np.isnan(faults_seen(nothing, "AR(1) 0", [], [SPIKE])[SPIKE].share)


def test_a_fault_that_changes_nothing_does_not_count() -> None:
    stuck = faults_seen(nothing, "sparse bursts", range(20), [STUCK])[STUCK]
    assert 0 < stuck.runs < 20
    assert faults_seen(nothing, "AR(1) 0", range(5), [STUCK])[STUCK].runs == 5


def test_impossible_faults_are_refused() -> None:
    with pytest.raises(ValueError, match="no fault 'rust'"):
        with_fault(background("AR(1) 0", ROWS, 0), "rust", 0)
    with pytest.raises(ValueError, match="fewer than"):
        with_fault(background("AR(1) 0", 2000, 0), SPIKE, 0)


def test_flags_are_counted_in_all_and_while_the_tag_is_young() -> None:
    def early(values: Floats, _times: Ints) -> Bools:
        return np.arange(len(values)) < 30

    counts = clean_flags(early, "t3", 4000, range(3))
    assert counts.per_thousand == pytest.approx(30 / 4)
    assert counts.young_per_thousand == pytest.approx(30)
    assert np.isnan(clean_flags(early, "t3", 4000, []).per_thousand)


def test_rows_are_counted_after_the_baseline() -> None:
    def late(values: Floats) -> Bools:
        return np.arange(len(values)) < 450

    assert clean_rows_flagged(late, "batch", 1000, 400, range(2)) == pytest.approx(0.05)
    assert np.isnan(clean_rows_flagged(late, "batch", 1000, 400, []))


def test_the_longest_event_joins_flags_within_the_off_delay() -> None:
    def some(values: Floats) -> Bools:
        flags = np.zeros(len(values), dtype=np.bool_)
        flags[[390, 410, 415, 420, 430, 431]] = True
        return flags

    assert longest_event(some, "batch", 1000, 400, 0) == 11
    assert longest_event(lambda values: np.zeros(len(values), dtype=np.bool_), "batch", 1000, 400, 0) == 0
