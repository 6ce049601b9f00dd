"""Each single-tag detector catches the fault it is for, and little else."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sensormon.detectors import PER_TAG, detect
from sensormon.detectors.base import TagFacts
from sensormon.detectors.cusum import Cusum
from sensormon.detectors.ewma import Ewma
from sensormon.detectors.gap import Gap
from sensormon.detectors.hampel import Hampel
from sensormon.detectors.limits import Limits
from sensormon.detectors.page_hinkley import PageHinkley
from sensormon.detectors.rate_of_change import RateOfChange
from sensormon.detectors.stuck import Stuck
from sensormon.detectors.variance import Variance
from sensormon.model.readings import Scores

SECOND = 1_000_000
AT, LONG = 1000, 200
"""Where a fault begins in a test's series, and how many readings it lasts."""

CHARTS = (Cusum, PageHinkley, Ewma)
WITH_BASELINE = (*CHARTS, Variance)


def run(detector: Any, value: Any, time: Any = None, resolution: float = 0.0) -> Scores:
    """The scores of one tag's values, a second apart."""
    column = np.asarray(value, dtype=np.float64)
    rows = len(column)
    times = np.arange(rows) * SECOND if time is None else np.asarray(time)
    state = detector.start(np.array([resolution]))
    return state.run(np.zeros(rows, np.int32), column, np.ones(rows, bool), times)


def flags(detector: Any, value: np.ndarray, time: np.ndarray | None = None) -> np.ndarray:
    """The flags of several series, one per row."""
    tags, rows = value.shape
    times = np.tile(np.arange(rows) * SECOND, (tags, 1)) if time is None else time
    tag = np.repeat(np.arange(tags, dtype=np.int32), rows)
    state = detector.start(np.zeros(tags))
    scores = state.run(tag, value.ravel(), np.ones(tags * rows, bool), times.ravel())
    return scores.is_anomaly.reshape(tags, rows)


def noise(phi: float = 0.0, tags: int = 40, rows: int = 1600, seed: int = 5) -> np.ndarray:
    """Series of standard deviation 1; each reading is phi times the previous one plus noise."""
    value = np.random.default_rng(seed).normal(size=(tags, rows))
    for i in range(1, rows):
        value[:, i] = phi * value[:, i - 1] + math.sqrt(1 - phi * phi) * value[:, i]
    return value


def faulty(fault: str) -> tuple[np.ndarray, np.ndarray]:
    """Series with this fault, and their times."""
    value = noise()
    time = np.tile(np.arange(value.shape[1]) * SECOND, (len(value), 1))
    during = slice(AT, AT + LONG)
    match fault:
        case "spike":
            value[:, AT] += 6.0
        case "step":
            value[:, during] += 9.0
        case "shift":
            value[:, during] += 2.0
        case "drift":
            value[:, during] += 3.0 * np.arange(1, LONG + 1) / LONG
        case "stuck":
            value[:, during] = value[:, AT - 1 : AT]
        case "noise":
            value[:, during] *= 3.0
        case "quiet":
            value[:, during] *= 0.2
        case "gap":
            time[:, AT:] += 60 * SECOND
    return value, time


@pytest.mark.parametrize(
    ("kind", "fault", "within", "caught"),
    [
        (Hampel, "spike", 1, 0.85),
        (RateOfChange, "step", 1, 0.85),
        (Cusum, "shift", 15, 0.95),
        (Ewma, "shift", 15, 0.95),
        (PageHinkley, "shift", 25, 0.95),
        (Cusum, "drift", 110, 0.95),
        (Ewma, "drift", 110, 0.95),
        (PageHinkley, "drift", 130, 0.95),
        (Variance, "noise", 15, 0.95),
        (Variance, "quiet", 60, 0.95),
        (Stuck, "stuck", 25, 1.0),
        (Variance, "stuck", 80, 0.95),
        (Gap, "gap", 1, 1.0),
    ],
)
def test_catches_what_it_claims(kind: Any, fault: str, within: int, caught: float) -> None:
    flagged = flags(kind(), *faulty(fault))
    assert flagged[:, AT : AT + within].any(axis=1).mean() >= caught


@pytest.mark.parametrize(
    ("kind", "fault"), [(Cusum, "shift"), (Ewma, "shift"), (PageHinkley, "shift"), (Variance, "noise")]
)
def test_flags_while_the_fault_lasts_and_stops_soon_after(kind: Any, fault: str) -> None:
    flagged = flags(kind(), *faulty(fault))
    assert flagged[:, AT : AT + LONG].mean() > 0.9
    assert flagged[:, AT + LONG + 60 :].mean() < 0.002


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("kind", [*CHARTS, Variance, Stuck, RateOfChange, Gap, Limits])
def test_one_false_alarm_in_a_thousand_clean_readings_at_most(kind: Any, phi: float) -> None:
    assert flags(kind(), noise(phi, tags=20, rows=5000, seed=11)).mean() <= 0.001


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9, 0.99])
def test_hampel_flags_at_most_two_in_a_thousand_clean_readings(phi: float) -> None:
    assert flags(Hampel(), noise(phi, tags=20, rows=5000, seed=11)).mean() <= 0.002


@pytest.mark.parametrize("kind", CHARTS)
def test_a_new_level_is_normal_after_the_readings_stated(kind: Any) -> None:
    value = noise(tags=1, rows=3000)[0]
    value[AT:] += 5.0
    scores = run(kind(accept=250), value)
    flagged = np.flatnonzero(scores.is_anomaly)
    first = flagged[flagged >= AT][0]
    assert scores.is_anomaly[first : first + 250].mean() > 0.95
    assert not scores.is_anomaly[first + 260 :].any()
    assert abs(scores.expected[first + 260 :].mean() - 5.0) < 0.3


def test_new_noise_is_normal_after_the_readings_stated() -> None:
    value = noise(tags=1, rows=3000)[0]
    value[AT:] *= 3.0
    scores = run(Variance(accept=250), value)
    assert scores.is_anomaly[AT + 20 : AT + 240].mean() > 0.95
    assert scores.is_anomaly[AT + 600 :].mean() < 0.01


def test_hampel_accepts_a_new_level_after_half_its_window() -> None:
    value = noise(tags=1)[0]
    value[AT:] += 30.0
    scores = run(Hampel(window=50), value)
    assert scores.is_anomaly[AT]
    assert abs(scores.expected[AT + 30] - 30.0) < 3.0


@pytest.mark.parametrize("kind", CHARTS)
def test_a_fault_is_not_learned(kind: Any) -> None:
    value = noise(tags=1)[0]
    wrong = value.copy()
    wrong[AT : AT + LONG] += 8.0
    clean, faulty = run(kind(), value), run(kind(), wrong)
    after = slice(AT + LONG + 60, AT + LONG + 260)
    assert np.abs(faulty.expected[after] - clean.expected[after]).mean() < 0.1
    assert not faulty.is_anomaly[after].any()


@pytest.mark.parametrize("kind", [*WITH_BASELINE, Hampel, RateOfChange])
@pytest.mark.parametrize("where", [(3,), (3, 40, 97), (500,), (500, 501)])
def test_a_huge_glitch_never_blinds_it(kind: Any, where: tuple[int, ...]) -> None:
    value = noise(tags=1)[0]
    value[AT : AT + 10] += 12.0
    glitched = value.copy()
    glitched[list(where)] = 1e9
    plain, other = run(kind(), value), run(kind(), glitched)
    assert other.is_anomaly[AT : AT + 10].any()
    calm = np.r_[250:500, 560:AT]
    assert other.is_anomaly[calm].mean() <= plain.is_anomaly[calm].mean() + 0.005
    assert (other.upper - other.lower)[900] < 1.5 * (plain.upper - plain.lower)[900]


@pytest.mark.parametrize("kind", CHARTS)
def test_a_lone_spike_is_over_when_it_is_over(kind: Any) -> None:
    value = noise(tags=40)
    value[:, AT] += 50.0
    flagged = flags(kind(), value)
    assert flagged[:, AT].all()
    assert flagged[:, AT + 1 : AT + 30].mean() < 0.02


@pytest.mark.parametrize("kind", [*WITH_BASELINE, Hampel, RateOfChange])
@pytest.mark.parametrize(("resolution", "decimals"), [(0.1, 1), (0.01, 2), (1.0, 0)])
def test_one_step_of_the_sensor_is_no_deviation(kind: Any, resolution: float, decimals: int) -> None:
    value = np.full(600, round(356 * resolution, decimals))
    value[300:] = round(357 * resolution, decimals)
    assert not run(kind(), value, resolution=resolution).is_anomaly.any()
    value[300:] = round(376 * resolution, decimals)
    assert run(kind(), value, resolution=resolution).is_anomaly[300:310].any()


@pytest.mark.parametrize("kind", [*CHARTS, Hampel, RateOfChange])
def test_upper_and_lower_are_where_the_next_reading_flags(kind: Any) -> None:
    value, time = noise(0.5, tags=1, rows=400)[0] + 37.0, np.arange(400) * SECOND
    state = kind().start(np.zeros(1))
    for i in range(400):
        columns = np.zeros(1, np.int32), value[i : i + 1], np.ones(1, bool), time[i : i + 1]
        preview = state.peek(0, value[i], int(time[i]))
        if i % 7 == 0 and math.isfinite(preview.score[0]):
            for edge, outward in ((preview.lower[0], -1e-6), (preview.upper[0], 1e-6)):
                assert state.peek(0, edge + outward, int(time[i])).is_anomaly[0]
                assert not state.peek(0, edge - outward, int(time[i])).is_anomaly[0]
        state.run(*columns)


def test_every_kernel_is_compiled_once() -> None:
    import importlib

    value = np.arange(40.0)
    frozen = value.copy()
    frozen.flags.writeable = False
    for kind in PER_TAG.values():
        for column in (value, frozen, np.repeat(value, 2)[::2]):
            run(kind(), column)
        state = kind().start(np.zeros(2))
        state.restore(1, 40, value, np.arange(40))
        state.peek(1, 1.0, 50)
        module = importlib.import_module(kind.__module__)
        assert len(module.kernel.signatures) == 1, kind


def test_autocorrelation_is_taken_out_of_the_residuals() -> None:
    value = noise(0.9, tags=1, rows=3000)[0]
    scores = run(Ewma(), value)
    residual = (value - scores.expected)[500:]
    assert abs(np.corrcoef(residual[1:], residual[:-1])[0, 1]) < 0.1


# -- stuck ----------------------------------------------------------------------------


def repeating(share: float, rows: int = 20_000) -> np.ndarray:
    """A tag that repeats its value with this probability, in steps of 0.1."""
    random = np.random.default_rng(3)
    value = np.round(random.normal(37.0, 1.0, rows), 1)
    for i in range(1, rows):
        if random.random() < share:
            value[i] = value[i - 1]
    return value


@pytest.mark.parametrize("share", [0.3, 0.7, 0.9, 0.98])
def test_a_tag_that_usually_repeats_its_value_is_not_stuck(share: float) -> None:
    value = repeating(share)
    assert run(Stuck(), value).is_anomaly.mean() <= 0.001
    value[-900:] = 37.0
    assert run(Stuck(accept=10_000), value).is_anomaly[-10:].all()


@pytest.mark.parametrize("value", [np.full(5000, 37.0), np.r_[np.full(1000, 37.0), np.full(4000, 38.0)]])
def test_a_tag_that_hardly_ever_changes_is_not_stuck(value: np.ndarray) -> None:
    assert not run(Stuck(), value).is_anomaly.any()


def test_changes_within_the_resolution_are_none() -> None:
    value = np.random.default_rng(4).normal(37.0, 5.0, 600).round(1)
    value[300:] = value[299] + np.tile([0.0, 0.1], 150)
    assert not run(Stuck(), value).is_anomaly.any()
    assert run(Stuck(), value, resolution=0.1).is_anomaly[320:].all()


def test_a_long_habit_of_repeating_is_accepted() -> None:
    value = noise(tags=1, rows=4000)[0]
    value[1000:2500] = 0.0
    value[3000:3600] = 0.0
    scores = run(Stuck(accept=1000), value)
    assert scores.is_anomaly[1030:1990].all()
    assert not scores.is_anomaly[2000:].any()


def test_silence_is_not_stuck() -> None:
    time = np.arange(400) * SECOND
    time[200:] += 3600 * SECOND
    assert not run(Stuck(), noise(tags=1, rows=400)[0], time).is_anomaly.any()


# -- rate of change -------------------------------------------------------------------


def test_a_rate_is_per_second() -> None:
    value = [20.0, 21.0, 22.0, 23.0]
    detector = RateOfChange(limit=0.5)
    for seconds, flagged in ((1, True), (10, False)):
        scores = run(detector, value, np.arange(4) * seconds * SECOND)
        assert scores.is_anomaly[1:].tolist() == [flagged] * 3
        assert scores.score[1] == pytest.approx(detector.threshold * 1.0 / seconds / 0.5)
        assert (scores.lower[1], scores.upper[1]) == (20.0 - 0.5 * seconds, 20.0 + 0.5 * seconds)


def test_a_reading_not_later_than_the_one_before_has_no_rate() -> None:
    scores = run(RateOfChange(limit=0.5), [20.0, 90.0, 20.0], [0, 0, -5])
    assert np.isnan(scores.score).all()
    assert not scores.is_anomaly.any()


def test_a_ramp_that_is_usual_is_expected() -> None:
    value = 0.5 * np.arange(600) + noise(tags=1, rows=600)[0] * 0.1
    scores = run(RateOfChange(), value)
    assert not scores.is_anomaly.any()
    assert scores.expected[500] == pytest.approx(value[499] + 0.5, abs=0.1)


def test_the_way_back_from_a_spike_is_no_anomaly() -> None:
    value = [20.0, 20.1, 80.0, 20.2, 20.1, 40.0, 40.1, 40.0]
    flagged = run(RateOfChange(limit=1.0), value).is_anomaly
    assert np.flatnonzero(flagged).tolist() == [2, 5], "a spike and a step are flagged once"


# -- limits ---------------------------------------------------------------------------


def test_a_tag_has_the_limits_of_its_own_unless_others_are_given() -> None:
    facts = TagFacts(
        np.zeros(2), *(np.array(x) for x in ([6.0, 36.0], [8.0, 38.0], [5.0, 30.0], [9.0, 50.0]))
    )
    tag, value = np.array([0, 0, 0, 1, 1, 1], np.int32), np.array([7.0, 8.5, 9.5, 37.0, 35.0, 29.0])
    rows = tag, value, np.ones(6, bool), np.arange(6) * SECOND
    assert Limits().start(facts).run(*rows).score.tolist() == [0, 2, 3, 0, 2, 3]
    assert Limits(high=40.0, low=0.0).start(facts).run(*rows).score.tolist() == [0, 0, 3, 0, 0, 3]
    assert Limits(high_high=8.0).start(facts).run(*rows).score.tolist()[:3] == [0, 3, 3]
    assert Limits().start(facts).run(*rows).upper.tolist() == [8.0] * 3 + [38.0] * 3


def test_a_tag_without_limits_is_never_outside() -> None:
    scores = run(Limits(), [1e9, -1e9, 0.0])
    assert scores.score.tolist() == [0, 0, 0]
    assert np.isnan(scores.lower).all()


def test_the_deadband_keeps_an_alarm_from_flapping() -> None:
    value = [50.0, 90.5, 89.5, 90.5, 87.9, 89.5]
    wide, none = (run(Limits(low=10.0, high=90.0, deadband=d), value).is_anomaly.tolist() for d in (2.5, 0.0))
    assert wide == [False, True, True, True, False, False]
    assert none == [False, True, False, True, False, False]


def test_the_delay_holds_an_alarm_back_until_it_has_lasted() -> None:
    scores = run(Limits(low=10.0, high=90.0, delay=3.0), [50, 95, 50, 95, 95, 95, 95, 95, 50])
    assert scores.score.tolist() == [0, 1, 0, 1, 1, 1, 2, 2, 0]
    assert scores.is_anomaly.tolist() == [False] * 6 + [True, True, False]


def test_detect_takes_limits_as_numbers() -> None:
    result = detect([20.0, 31.0, 5.0], detector="limits", low=10.0, high=30.0)
    assert result["is_anomaly"].tolist() == [False, True, True]


# -- gap ------------------------------------------------------------------------------


def test_the_usual_interval_is_the_tags_own() -> None:
    for interval in (SECOND // 10, SECOND, 3600 * SECOND):
        time = np.arange(100) * interval
        time[60:] += 4 * interval
        time[80:] += 5 * interval
        assert np.flatnonzero(run(Gap(), np.zeros(100), time).is_anomaly).tolist() == [80]


def test_a_tag_that_reports_at_random_is_given_longer() -> None:
    time = np.cumsum(np.random.default_rng(6).exponential(SECOND, 50_000)).astype(np.int64)
    assert run(Gap(), np.zeros(50_000), time).is_anomaly.mean() < 1e-4


def test_gap_ignores_gaps_but_accepts_a_slower_source_after_20() -> None:
    interval = np.full(400, SECOND)
    interval[100::3] = 60 * SECOND
    assert run(Gap(), np.zeros(400), np.cumsum(interval)).is_anomaly[100::3].all()
    interval[100:] = 60 * SECOND
    scores = run(Gap(), np.zeros(400), np.cumsum(interval))
    assert scores.is_anomaly[100:120].all()
    assert not scores.is_anomaly[120:].any()


def test_late_readings_of_the_past_are_no_gap() -> None:
    late = np.arange(5) * SECOND - 1000 * SECOND
    time = np.insert(np.arange(100) * SECOND, 50, late)
    assert not run(Gap(), np.zeros(105), time).is_anomaly.any()


def test_the_clock_decides_which_tag_is_silent_now() -> None:
    state = Gap(factor=5.0).start(np.zeros(3))
    for code, interval, rows in ((0, SECOND, 50), (1, 60 * SECOND, 50), (2, SECOND, 10)):
        time = 10_000 * SECOND - interval * np.arange(rows)[::-1]
        state.run(np.full(rows, code, np.int32), np.zeros(rows), np.ones(rows, bool), time)
    assert state.silent(10_004 * SECOND).tolist() == [False, False, False]
    assert state.silent(10_006 * SECOND).tolist() == [True, False, False]
    assert state.silent(10_301 * SECOND).tolist() == [True, True, False], "too few intervals to know"
