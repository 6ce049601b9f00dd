"""The statistics of a tag over a span: of readings, and by time, compared with plain sums."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sensormon.analysis.grid import Cells, weighted
from sensormon.model.clock import MINUTE, SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.view.statistics import statistics_rows, statistics_table, statistics_words
from tests.support.plant import START, batch_of

TAG = "fermenter_ph"


@pytest.fixture
def monitor(settings: Settings) -> Monitor:
    """A minute at 6.0 read every second, then a minute at 8.0 read every two, then nothing."""
    running = Monitor(settings, ManualClock(START + 7_200 * SECOND))
    running.submit(batch_of(*[(TAG, 6.0)] * 60, at=START))
    for at in range(60, 120, 2):
        running.submit(batch_of((TAG, 8.0), at=START + at * SECOND))
    running.drain()
    return running


def test_time_weighs_by_the_clock_and_not_by_readings(monitor: Monitor) -> None:
    row = monitor.explorer.statistics(TAG, (START, START + 240 * SECOND), (6.5, 7.5), 1)
    assert row.spread.readings == 90
    assert row.spread.mean == pytest.approx((60 * 6 + 30 * 8) / 90)
    assert row.step == SECOND
    by_time = row.by_time
    assert by_time.covered == 119, "the last reading is not held beyond its second"
    # The one second between the two rates lies on the line between them.
    assert by_time.mean == pytest.approx((60 * 6 + 59 * 8) / 119)
    assert by_time.integral == pytest.approx((60 * 6 + 59 * 8) / 3_600)
    assert (by_time.above, by_time.below) == (59, 60)
    assert by_time.good == pytest.approx(119 / 240)
    table = statistics_table([row], monitor.tags)["Fermenter pH"]
    assert table["Time above"] == "7.50 pH: 59 s (49.6 %)"
    assert table["Readings"] == "90"
    assert table["Integral"] == "0.23 pH·h"
    assert "means over 1 s" in statistics_words([row])
    monitor.stop()


def test_a_span_shorter_than_a_cell_has_nothing_from_beyond_it(settings: Settings) -> None:
    running = Monitor(settings, ManualClock(START + 7_200 * SECOND))
    for at in range(0, 3_600, 60):
        running.submit(batch_of((TAG, 6.0 if at < 1_800 else 8.0), at=START + at * SECOND))
    running.drain()
    row = running.explorer.statistics(TAG, (START + 1_780 * SECOND, START + 1_799 * SECOND), (6.5, 7.5), 1)
    assert (row.spread.readings, row.by_time.covered, row.by_time.above) == (0, 0, 0)
    row = running.explorer.statistics(TAG, (START + 1_790 * SECOND, START + 1_810 * SECOND), (6.5, 7.5), 1)
    assert (row.spread.readings, row.by_time.covered, row.by_time.mean) == (1, 20, 8.0)
    running.stop()


def test_a_long_span_is_weighed_by_minutes(monitor: Monitor) -> None:
    span = (START - 40 * 86_400 * SECOND, START + 240 * SECOND)
    row = monitor.explorer.statistics(TAG, span, (-math.inf, math.inf), 1)
    assert row.step == MINUTE
    assert row.by_time.covered == 180, "the readings reach into three minutes"
    assert statistics_table([row], monitor.tags)["Fermenter pH"]["Time above"] == "–"
    monitor.stop()


def test_a_span_without_readings_has_no_figures(monitor: Monitor) -> None:
    row = monitor.explorer.statistics(TAG, (START - 900 * SECOND, START - 10 * SECOND), (0, 1), 1)
    shown = statistics_table([row], monitor.tags)["Fermenter pH"]
    assert shown["Mean"] == shown["Minimum"] == shown["Integral"] == "–"
    assert shown["Good quality"] == "0.0 % of time"
    (line,) = statistics_rows([row], monitor.tags).to_dict("records")
    assert math.isnan(line["mean"])
    assert line["upper limit"] == 1
    monitor.stop()


def test_bad_readings_are_not_good_time_and_are_not_weighed() -> None:
    nan = np.nan
    cells = Cells(
        np.array([1, 2, 1, 0, 0, 0, 0]), np.array([1, 1, 0, 0, 0, 0, 0]), np.array([5.0, 7.0] + [nan] * 5)
    )
    result = weighted(cells, SECOND, SECOND, 6.0, 9.0)
    assert (result.covered, result.mean, result.below) == (2, 6.0, 1)
    assert result.good == pytest.approx(1.5 / 7)
    bridged = replace(
        cells, mean=np.array([5.0, 7.0, nan, 9.0, nan, nan, nan]), readings=np.ones(7, dtype=np.int64)
    )
    assert weighted(bridged, SECOND, SECOND, 0.0, 9.0).covered == 4
