"""What the recommended detector's docstring says: warm-up, novelty, single flags, new levels, reasons."""

from __future__ import annotations

import numpy as np
import pytest

from sensormon.detectors import detect
from sensormon.detectors.judged import Judged, Rule
from sensormon.detectors.recommended import Recommended
from sensormon.detectors.recommended_kernel import QUIET as AFTER_A_FLAG
from sensormon.detectors.recommended_kernel import Reason, named, reason_of
from sensormon.detectors.recommended_row import ACCEPT, AT, JUMPS, OF, QUIET, REACH, TAIL, WARM_UP
from sensormon.model.readings import Scores
from sensormon.model.tags import Tag

DAY, STEP = 288, 300_000_000  # readings a day, µs


def noise(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=rows)


def flagged(values: np.ndarray, **settings: float) -> list[int]:
    return np.flatnonzero(detect(values, detector="recommended", **settings)["is_anomaly"]).tolist()


def test_scores_begin_after_the_warm_up() -> None:
    score = detect(noise(300), detector="recommended")["score"]
    assert score.isna().tolist() == [True] * WARM_UP + [False] * (300 - WARM_UP)


def test_no_two_numbers_share_a_place_in_the_row() -> None:
    widths = {"moments": 5, "histogram": TAIL.bins, "first": WARM_UP, "size": 0}
    widths |= {"lows": REACH.stretches, "highs": REACH.stretches, "levels": JUMPS.levels * OF.size}
    taken = [place + offset for name, place in AT._asdict().items() for offset in range(widths.get(name, 1))]
    assert sorted(taken) == list(range(1, AT.size))


def test_spikes_in_the_warm_up_do_not_widen_the_limits() -> None:
    values = noise(300)
    values[5:WARM_UP:10] += 16.0
    plain, spiked = (detect(series, detector="recommended") for series in (noise(300), values))
    width = [(frame["upper"] - frame["lower"]).iloc[WARM_UP] for frame in (plain, spiked)]
    assert width[1] < 1.3 * width[0]


def test_each_clear_spike_is_flagged_even_in_a_row() -> None:
    values = noise(1000)
    spikes = [300, 301, 400, 401, 402, 500]
    values[spikes] += [15.0, -15.0, 12.0, 18.0, -12.0, 20.0]
    assert set(spikes) <= set(flagged(values))


def test_a_spike_leaves_no_trace() -> None:
    values = noise(1000)
    spiked = values.copy()
    spiked[500] += 1e6
    kept, after = (detect(series, detector="recommended") for series in (values, spiked))
    assert after["is_anomaly"][500]
    width = [(frame["upper"] - frame["lower"])[501:].mean() for frame in (kept, after)]
    assert width[1] == pytest.approx(width[0], rel=0.05)


@pytest.mark.parametrize("size", [6.0, 50.0, 1e6])
def test_a_new_level_is_flagged_where_it_begins_and_then_accepted(size: float) -> None:
    values = noise(2000)
    values[1000:] += size
    rows = flagged(values)
    assert 1000 in rows
    assert len([row for row in rows if 1000 <= row < 1000 + QUIET]) <= 4
    result = detect(values, detector="recommended")
    assert (result["expected"][1000 + 2 * ACCEPT :] - size).abs().max() < 2.0
    values[1500] += 8.0
    assert 1500 in flagged(values)


def test_a_frozen_value_is_flagged_once_and_not_learned() -> None:
    values = noise(1500)
    values[1000:1300] = values[999]
    result = detect(values, detector="recommended")
    rows = [row for row in np.flatnonzero(result["is_anomaly"]) if 1000 <= row < 1300]
    assert len(rows) == 1
    assert rows[0] <= 1015
    width = result["upper"] - result["lower"]
    assert width[1299] == pytest.approx(width[999], rel=0.1)


def test_a_heavy_tail_does_not_flood() -> None:
    random = np.random.default_rng(4)
    values = random.pareto(1.5, 20_000)
    assert len(flagged(values)) <= 60


def test_two_levels_in_turn_are_no_anomaly() -> None:
    random = np.random.default_rng(5)
    values = np.where(random.random(5000) < 0.25, 1.0, 5.0) + 0.01 * random.normal(size=5000)
    assert len([row for row in flagged(values) if row > 500]) <= 5


def test_only_a_step_above_the_resolution_breaks_a_flat_line() -> None:
    values = np.full(1000, 7.0)
    assert flagged(values) == []
    values[600] = 7.001
    assert 600 in flagged(values)
    assert flagged(values, resolution=0.001) == []
    values[600] = 7.002
    assert 600 in flagged(values, resolution=0.001)


def test_one_absurd_value_does_not_blind_it() -> None:
    values = noise(2000)
    values[500] = 1e300
    values[1500] += 8.0
    rows = flagged(values)
    assert 500 in rows
    assert 1500 in rows


def test_the_unit_does_not_matter() -> None:
    values = noise(3000)
    values[2000:] += 3.0
    assert flagged(values) == flagged(values * 2.0**600) == flagged(values * 2.0**-600)


def test_a_lower_threshold_flags_more() -> None:
    values = noise(5000)
    assert len(flagged(values, threshold=2.5)) > len(flagged(values)) >= len(flagged(values, threshold=6.0))


@pytest.mark.parametrize(("outliers", "size"), [(3, 4.5), (3, 6.0), (5, 5.0), (12, 5.0)])
def test_mild_outliers_do_not_hide_frequent_spikes(outliers: int, size: float) -> None:
    random = np.random.default_rng(4)
    values = random.normal(37.0, 0.08, 3600)
    spikes = random.random(3600) < 0.05
    spikes[1000 : 1000 + 20 * outliers] = False
    values[spikes] += random.choice([-1, 1], spikes.sum()) * 0.08 * random.uniform(12, 20, spikes.sum())
    mild = 1000 + 20 * np.arange(outliers)
    values[mild] = 37.0 + size * 0.08
    flagged = detect(values, detector="recommended")["is_anomaly"].to_numpy()[1000 + 20 * outliers :]
    truth = spikes[1000 + 20 * outliers :]
    assert (flagged & truth).sum() >= 0.97 * truth.sum()
    assert (flagged & ~truth).sum() <= 3


def scored(values: np.ndarray) -> Scores:
    """The scores of readings five minutes apart, from a Thursday, midnight UTC, on."""
    rows = len(values)
    times = np.arange(rows, dtype=np.int64) * STEP
    return Recommended().start(np.zeros(1)).run(np.zeros(rows, np.int32), values, np.ones(rows, bool), times)


def reasons(scores: Scores, first: int, last: int) -> set[Reason | None]:
    return {reason_of(score) for score in scores.score[first : last + 1] if score > Recommended().threshold}


def sentence(scores: Scores, values: np.ndarray, row: int) -> str:
    columns = (scores.score, scores.expected, scores.lower, scores.upper)
    numbers = (float(column[row]) for column in columns)
    reading = Judged(float(values[row]), 0, int(scores.n[row]), *numbers, is_anomaly=True)
    rule, text = Recommended().sentence(reading, Tag("tag", "Tag", "unit"))
    assert rule is Rule.FLAGGED
    return text


def wave(rows: int, period: float, seed: int = 0) -> np.ndarray:
    return 5.0 * np.sin(2 * np.pi * np.arange(rows) / period) + 0.3 * noise(rows, seed)


def test_a_shape_that_was_never_seen_is_flagged_within_the_usual_range() -> None:
    values = wave(4000, 40.0)
    values[3000:3100] = wave(100, 25.0, seed=1)
    assert np.abs(values[3000:3100]).max() < np.abs(values[:3000]).max()
    scores = scored(values)
    assert scores.is_anomaly[3000:3040].any()
    assert reasons(scores, 3000, 3100) & {Reason.SHAPE, Reason.SHAPE_FOR_TIME, Reason.COURSE, Reason.ORDER}
    row = 3000 + int(np.argmax(scores.is_anomaly[3000:3100]))
    assert "unlike all that are remembered of 3,0" in sentence(scores, values, row)


def test_a_day_that_comes_at_night_is_flagged() -> None:
    values = np.where(np.arange(30 * DAY) % DAY < DAY // 2, 0.0, 10.0) + noise(30 * DAY)
    before = scored(values).is_anomaly[20 * DAY : 25 * DAY]
    values[25 * DAY : 25 * DAY + DAY // 2] += 10.0
    scores = scored(values)
    assert before.sum() <= 3
    assert scores.is_anomaly[25 * DAY : 25 * DAY + 12].any()
    spoken = reasons(scores, 25 * DAY, 25 * DAY + 12)
    assert any(reason is not None and reason >= Reason.RECORD_FOR_TIME for reason in spoken)
    row = 25 * DAY + int(np.argmax(scores.is_anomaly[25 * DAY :]))
    assert sentence(scores, values, row).startswith("wrong for the time of day or week: ")


def test_a_record_says_beyond_how_many_readings_it_lies() -> None:
    values = noise(3000)
    values[2000:2004] += [3.0, 4.0, 5.0, 6.0]
    scores = scored(values)
    rows = [row for row in range(2000, 2004) if reason_of(scores.score[row]) is Reason.RECORD]
    assert rows
    assert sentence(scores, values, rows[0]).startswith(f"beyond all {rows[0]:,} readings so far (score ")


def test_a_frozen_value_is_named_and_flagged_while_it_is_quiet() -> None:
    values = noise(2000)
    values[1000] += 30.0
    values[1020:1100] = 0.1
    scores = scored(values)
    assert scores.is_anomaly[1000]
    assert reasons(scores, 1021, 1060) == {Reason.FROZEN}
    row = 1021 + int(np.argmax(scores.is_anomaly[1021:]))
    assert sentence(scores, values, row).startswith("a frozen value (score ")


def test_an_event_that_lasts_is_flagged_once_in_proportion_to_the_age() -> None:
    for age in (1000, 4000):
        values = wave(age + 600, 40.0)
        values[age:] = wave(600, 25.0, seed=1)
        rows = np.flatnonzero(scored(values).is_anomaly[age:])
        assert rows[0] < 40
        assert (np.diff(rows) > AFTER_A_FLAG.share * age).all()


def test_steps_that_come_again_and_again_are_no_spikes() -> None:
    values = np.where(np.arange(20 * DAY) % DAY < DAY // 2, 0.0, 10.0) + 0.5 * noise(20 * DAY)
    assert np.count_nonzero(scored(values).is_anomaly[5 * DAY :]) <= 10


@pytest.mark.parametrize("score", [3.4000001, 3.401, 17.3, 1e9])
def test_a_flagged_score_names_its_reason(score: float) -> None:
    for reason in Reason:
        assert reason_of(named(score, int(reason))) is reason
        assert score < named(score, int(reason)) < score + 0.002


def test_a_score_that_names_nothing_has_no_reason() -> None:
    assert [reason_of(score) for score in (3.5, 4.0, 3.123456789, 1e9)] == [None] * 4


def test_all_that_is_remembered_of_a_tag_is_bounded() -> None:
    assert Recommended().start(np.zeros(1)).save(0).nbytes <= 60_000
