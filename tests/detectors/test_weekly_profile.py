"""What is usual at an hour of the week and a quarter of the day, against slow, obvious references."""

from __future__ import annotations

import numpy as np
import pytest

from sensormon.detectors.weekly_profile import (
    AT,
    HOURS,
    MEMORY,
    QUARTERS,
    deviation,
    hour_of_week,
    quarter_of_day,
    size,
    usual,
)

HOUR = 3_600_000_000


def test_bins_are_hours_of_the_week_and_quarters_of_the_day() -> None:
    thursday = 0  # 1970-01-01, midnight UTC
    assert [hour_of_week(thursday + h * HOUR) for h in (0, 1, 167, 168, -1)] == [0, 1, 167, 0, 167]
    assert [quarter_of_day(thursday + q * HOUR // 4) for q in (0, 1, 95, 96, -1)] == [0, 1, 95, 0, 95]


def test_the_deviation_is_from_the_mean_of_all_readings_before() -> None:
    values = np.random.default_rng(0).normal(size=900)
    values[500] = 1e6
    row = np.zeros(AT.size)
    for n, value in enumerate(values.tolist()):
        off, since = deviation(row, n, value, n * HOUR)
        plain = value - values[:n].mean() if n else 0.0
        if n != 500:
            assert off == pytest.approx(plain, abs=1e-9) or abs(off) < abs(plain)
        assert since == (HOUR if n else 0)
        if n == 500:
            assert off == pytest.approx(MEMORY.clip, rel=0.15)


@pytest.mark.parametrize("bins", [HOURS, QUARTERS])
def test_a_profile_is_the_mean_of_the_visits_before_times_a_gain(bins: int) -> None:
    random = np.random.default_rng(1)
    pattern = random.normal(size=bins)
    row, visits = np.zeros(size(bins)), [[] for _ in range(bins)]
    products, squares, checked = 0.0, 0.0, 0
    for _ in range(6):
        for now in range(bins):
            offs = pattern[now] + 0.5 * random.normal(size=3)
            for off in offs.tolist():
                expected = usual(row, now, off, 1e6)
                if not visits[now]:
                    assert expected == 0.0
                    continue
                profile = float(np.mean(visits[now]))
                gain = min(max(products / squares, 0.0), 1.0) if squares else 0.0
                assert expected == pytest.approx(gain * profile, abs=1e-9)
                products, squares = products + profile * off, squares + profile * profile
                checked += 1
            visits[now].append(offs.mean())
    assert checked == 5 * bins * 3
    assert products / squares > 0.7


def test_a_tag_that_does_not_care_for_the_time_has_almost_no_profile() -> None:
    random, row = np.random.default_rng(2), np.zeros(size(QUARTERS))
    expected = [usual(row, n // 3 % QUARTERS, off, 3e8) for n, off in enumerate(random.normal(size=9000))]
    assert np.sqrt(np.mean(np.square(expected[6000:]))) < 0.05


def test_a_visit_counts_once_however_many_readings_it_had() -> None:
    expected = []
    for readings in (2, 500):
        row = np.zeros(size(QUARTERS))
        for day, count in enumerate((readings, 1, 1)):
            for now in range(QUARTERS):
                for _ in range(count):
                    last = usual(row, now, [1.0, 4.0, 2.5][day], 1e6)
        expected.append(last)
    assert expected[0] == pytest.approx(2.5, rel=0.3)
    assert expected[1] == pytest.approx(expected[0], rel=1e-9)
