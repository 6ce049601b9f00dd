"""Explanations of flagged and unflagged readings, for every detector, from the values it stores."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.detectors import PER_TAG, make
from sensormon.detectors.base import TagFacts
from sensormon.detectors.judged import Judged, Rule
from sensormon.detectors.kernel import HIGHEST
from sensormon.model.entries import DetectorSettings
from sensormon.model.profiles import Choice, Condition, Profile, Profiles, default_profiles
from sensormon.model.readings import Quality, Withheld
from sensormon.model.tags import Tag
from sensormon.view.explanation import (
    Explanation,
    Scales,
    explain,
    held_back,
    limit,
    quality_words,
    value_beside_expected,
    verdict,
    why_at_peak,
    why_on_hover,
    why_short,
)
from sensormon.view.phrases import Phrase
from tests.support.profiled import judged_frame, version_of

TAG = Tag("temp", "Temperature", "°C", valid=(0.0, 100.0), normal=(35.0, 40.0), resolution=0.01)
PH = Tag("ph", "Fermenter pH", "pH", normal=(6.5, 7.5), resolution=0.01)
NOISE = np.round(np.random.default_rng(1).normal(37.0, 0.2, 200), 2)


def judged(
    detector: str,
    values: np.ndarray | list[float],
    seconds: np.ndarray | None = None,
    quality: int = 0,
    **params: float,
) -> tuple[Judged, Explanation]:
    """The last of these readings, as the detector judged it, and its explanation."""
    chosen = make(detector, **params)
    column = np.array(values, dtype=np.float64)
    ok = np.ones(len(column), dtype=np.bool_)
    ok[-1] = quality >> 30 == 0
    time = (np.arange(len(column)) if seconds is None else seconds) * 1_000_000
    scores = chosen.start(TagFacts.of_tags([TAG])).run(
        np.zeros(len(column), np.int32), column, ok, time.astype(np.int64)
    )
    reading = Judged(
        float(column[-1]),
        quality,
        int(scores.n[-1]),
        float(scores.score[-1]),
        float(scores.expected[-1]),
        float(scores.lower[-1]),
        float(scores.upper[-1]),
        bool(scores.is_anomaly[-1]),
    )
    everything = {parameter.name: getattr(chosen, parameter.name) for parameter in chosen.PARAMETERS}
    return reading, explain(TAG, reading, DetectorSettings(1, 0, "test", detector, everything, {}))


def then(*values: float) -> np.ndarray:
    """Clean noise followed by these values."""
    return np.concatenate((NOISE, values))


@pytest.mark.parametrize("detector", PER_TAG)
def test_quality_is_the_reason_for_every_detector(detector: str) -> None:
    _, why = judged(detector, then(90.0), quality=int(Quality.BAD_SENSOR_FAILURE))
    assert why.rule is Rule.QUALITY
    assert why.sentence == "Not judged and not learned: its quality is bad: sensor failure."
    assert quality_words(int(Quality.UNCERTAIN)) == "uncertain"
    assert quality_words(0) == "good"


@pytest.mark.parametrize("detector", [name for name in PER_TAG if name != "limits"])
def test_judging_starts_with_the_first_reading_after_warm_up(detector: str) -> None:
    reading, why = judged(detector, [37.0])
    assert why.rule is Rule.WARM_UP
    assert f"0 of the {why.needed} readings" in why.sentence
    reading, why = judged(detector, NOISE[: why.needed])
    assert math.isnan(reading.score)
    assert why.rule is Rule.WARM_UP
    reading, why = judged(detector, NOISE[: why.needed + 1])
    assert math.isfinite(reading.score)
    assert why.rule is not Rule.WARM_UP


@pytest.mark.parametrize("detector", PER_TAG)
def test_the_rule_agrees_with_the_flag(detector: str) -> None:
    time = np.concatenate((np.arange(205), [300.0]))
    for values in (then(*[37.0] * 6), then(*[38.4] * 6), then(*[60.0] * 6), then(*[37.0, 60.0] * 3)):
        for last in range(201, len(values) + 1):
            reading, why = judged(detector, values[:last], time[:last])
            assert (why.rule is Rule.FLAGGED) == reading.is_anomaly
            assert why.sentence.endswith("not flagged.") or reading.is_anomaly or why.rule is Rule.HELD_BACK
            assert re.search(r"nan|inf\b|1,000,000,000", why.sentence) is None


def test_the_z_score_says_the_value_the_band_and_both_numbers() -> None:
    reading, why = judged("zscore", then(39.0))
    off = abs(39.0 - reading.expected)
    assert re.fullmatch(
        rf"Rolling z-score: 39\.00 °C lies {off:.2f} °C above the expected "
        r"3\d\.\d\d ± 0\.\d\d °C \(z \d+\.\d, above 3\.0\)\.",
        why.sentence,
    )
    assert why.sigma == pytest.approx(float(np.std(NOISE[-50:])))
    assert off / why.sigma == pytest.approx(reading.score)


def test_scores_just_below_the_threshold_get_enough_digits() -> None:
    _, why = judged("zscore", then(37.1))
    assert why.rule is Rule.BELOW
    assert re.search(r"\(z 0\.\d, threshold 3\.0\): not flagged\.$", why.sentence)
    mean, sd = float(np.mean(NOISE[-50:])), float(np.std(NOISE[-50:]))
    _, why = judged("zscore", then(mean + 2.997 * sd))
    assert "(z 2.997, threshold 3.000): not flagged." in why.sentence


def test_only_a_step_within_the_resolution_is_held_back() -> None:
    reading, why = judged("zscore", [37.0] * 60 + [37.01])
    assert not reading.is_anomaly
    assert why.rule is Rule.RESOLUTION
    assert why.sentence == (
        "Rolling z-score: 37.01 °C lies 0.01 °C above a line that had been flat at 37.00 °C, "
        "within the sensor's resolution of 0.01 °C: not flagged."
    )
    assert math.isnan(why.sigma)
    reading, why = judged("zscore", [37.0] * 60 + [37.02])
    assert why.rule is Rule.FLAGGED
    assert (
        "0.02 °C above a line that had been flat at 37.00 °C, more than the sensor's resolution"
        in why.sentence
    )


SENTENCES = [
    ("hampel", then(39.0), {}, Rule.FLAGGED, r"robust z \d+\.\d, above 4\.5"),
    ("hampel", then(37.1), {}, Rule.BELOW, r"robust z 0\.\d, threshold 4\.5\): not flagged"),
    ("cusum", then(*[37.8] * 9), {}, Rule.FLAGGED, r"add up to CUSUM \d+\.\d, above 8\.0"),
    (
        "cusum",
        then(37.1),
        {},
        Rule.BELOW,
        r"CUSUM \d\.\d, threshold 8\.0 \(standard deviations\): not flagged",
    ),
    ("page_hinkley", then(*[37.8] * 15), {}, Rule.FLAGGED, r"distance \d+\.\d, above 20\.0"),
    ("ewma", then(*[37.8] * 15), {}, Rule.FLAGGED, r"is off by EWMA \d+\.\d, above 3\.6"),
    ("variance", then(*[36.0, 38.0] * 6), {}, Rule.FLAGGED, r"noise differs .* EWMV \d+\.\d, above 4\.0"),
    (
        "stuck",
        then(*[37.0] * 60),
        {},
        Rule.FLAGGED,
        r"stayed at 37\.00 °C for \d+\.\d\d times as many reports",
    ),
    ("stuck", [37.0] * 150, {}, Rule.NO_BASIS, r"changed fewer than 30 times"),
    (
        "rate_of_change",
        then(60.0),
        {},
        Rule.FLAGGED,
        r"moved faster than it may \(rate \d+\.\d, above 4\.5\)",
    ),
    (
        "rate_of_change",
        [37.0, 37.01],
        {"limit": 1.0},
        Rule.RESOLUTION,
        r"no more than the sensor's resolution",
    ),
    ("limits", [37.0], {}, Rule.BELOW, r"37\.00 °C is within the limits 35\.00 to 40\.00 °C: not flagged"),
    ("limits", [41.0], {}, Rule.FLAGGED, r"41\.00 °C is beyond the limits 35\.00 to 40\.00 °C\."),
    ("limits", [41.0], {"high_high": 40.5}, Rule.FLAGGED, r"beyond the outer ones \(LL, HH\)"),
    ("limits", [41.0], {"delay": 5.0}, Rule.HELD_BACK, r"for less than the delay of 5 s: not flagged"),
    ("limits", [41.0, 39.98], {}, Rule.FLAGGED, r"not yet back inside 35\.00 to 40\.00 °C by the deadband"),
    ("recommended", then(40.0), {}, Rule.FLAGGED, r"above the expected .* \(score \d+\.\d, above 3\.4\)"),
    ("recommended", then(40.0, 40.0, 40.0), {}, Rule.HELD_BACK, r"held back: it goes on with an event"),
    ("recommended", then(37.1), {}, Rule.BELOW, r"score \d\.\d, threshold 3\.4\): not flagged"),
]


@pytest.mark.parametrize(("detector", "values", "params", "rule", "words"), SENTENCES)
def test_each_detector_in_its_own_words(
    detector: str, values: np.ndarray, params: dict[str, float], rule: Rule, words: str
) -> None:
    _, why = judged(detector, values, **params)
    assert why.rule is rule, why.sentence
    assert re.search(words, why.sentence), why.sentence


def test_a_gap_is_given_in_usual_intervals() -> None:
    seconds = np.append(np.arange(200.0), 260.0)
    _, why = judged("gap", then(37.0), seconds)
    assert why.rule is Rule.FLAGGED
    assert why.sentence == "Gap watchdog: it came 61.0 usual intervals after the one before, more than 5.0."
    _, why = judged("gap", then(37.0))
    assert "1.0 usual intervals after the one before, limit 5.0: not flagged" in why.sentence


def test_sigma_of_an_ewma_chart_is_that_of_the_readings() -> None:
    _, why = judged("ewma", then(37.0))
    assert why.sigma == pytest.approx(0.2, rel=0.2)


def test_a_flag_is_explained_with_value_expectation_and_limit() -> None:
    assert why_short(PH, 5.13, 7.02, 7.38, 15.75) == "1.89 pH below, limit z 3.0"


def test_score_that_expects_no_value_stands_alone() -> None:
    nan = math.nan
    assert verdict(0.1, nan, 0.1, False, 0, "score") == Phrase("score 0.1")
    assert verdict(2.3, nan, 2.3, True, 0, "score") == Phrase("score 2.3", True)
    assert why_short(Tag("rig", "Rig"), 2.3, nan, 1.0, 2.3, "score") == "score 2.3"
    assert value_beside_expected(TAG, 39.0, nan, 1.0) == "39.00 °C"
    assert value_beside_expected(TAG, 39.0, 37.0, 37.5) == "39.00 °C, expected 37.00 ± 0.50 °C"


def test_a_step_off_a_flat_line_shows_no_score() -> None:
    assert verdict(7.05, 7.02, HIGHEST, True, 0) == Phrase("above a flat line", True)


def test_the_card_distinguishes_normal_abnormal_unjudged_and_bad() -> None:
    nan = math.nan
    assert verdict(7.0, 7.0, 0.4, False, 0) == Phrase("z 0.4")
    assert verdict(8.9, 7.0, 5.2, True, 0) == Phrase("above expected, z 5.2", True)
    assert verdict(5.1, 7.0, 5.2, True, 0) == Phrase("below expected, z 5.2", True)
    assert verdict(7.0, nan, nan, False, 0) == Phrase("not judged yet, still learning")
    assert verdict(7.0, nan, nan, False, Quality.BAD_SENSOR_FAILURE) == Phrase("bad quality, not judged")
    assert verdict(7.0, nan, nan, False, Quality.UNCERTAIN) == Phrase("uncertain quality, not judged")


@given(st.floats(1, 8), st.floats(0.01, 10), st.floats(1.01, 50))
def test_the_limit_is_read_back_from_the_band(threshold, sigma, times) -> None:
    off = times * threshold * sigma
    assert limit(7 + off, 7, 7 + threshold * sigma, off / sigma) == pytest.approx(threshold)


def test_hover_limit_comes_from_settings_or_the_band() -> None:
    assert why_on_hover(5.13, 7.02, 7.38, 15.75, None) == ", above 3.0"
    assert why_on_hover(5.13, 7.02, 7.38, 15.75, 4.5) == ", above 4.5"
    assert why_on_hover(7.05, 7.02, 7.02, HIGHEST, None) == ", above a flat line"
    assert why_on_hover(6.95, 7.02, 7.02, HIGHEST, None) == ", below a flat line"


def test_an_event_has_its_peak_with_the_threshold_if_that_is_known() -> None:
    assert why_at_peak("z", 1234.5, 3.0) == "z 1,234.5 > 3.0"
    assert why_at_peak("score", 5.25, 0.0) == "score 5.2"
    assert why_at_peak("z", HIGHEST, 3.0) == "off a flat line"


BOTH = default_profiles(50, 3.0)
STATE = Tag("rpm", "Agitator", "rpm")


def told(
    profiles: Profiles, values: list[float], tags: tuple[Tag, ...] = (TAG,), codes: list[int] | None = None
) -> Explanation:
    """Why the last of these readings was flagged or not."""
    frame, own = judged_frame(profiles, tags, codes or [0] * len(values), values)
    reading = Judged.of(frame.iloc[-1].to_dict())
    return explain(tags[-1], reading, version_of(profiles), own[-1])


def test_the_detector_that_spoke_says_its_name_first_and_the_other_stands_beside_it() -> None:
    why = told(BOTH, [*then(39.0)])
    assert (why.rule, why.threshold) == (Rule.FLAGGED, 3.0 if why.detector == "zscore" else 3.4)
    titles = {"zscore": "Rolling z-score: 39.00 °C lies", "recommended": "Recommended: 39.00 °C lies"}
    assert why.sentence.startswith(titles.pop(why.detector))
    (other,) = why.others
    assert other.startswith(*titles.values())


def test_a_reading_not_flagged_has_each_detectors_own_band() -> None:
    strict = Choice("zscore", {"threshold": 1.0})
    both = Profiles((Profile("default", (strict, Choice("recommended"))),))
    frame, own = judged_frame(both, (TAG,), [0] * 201, [*then(37.15)])
    why = told(both, [*then(37.15)])
    assert why.rule is Rule.BELOW
    said = {text.split(":")[0]: text for text in (why.sentence, *why.others)}
    for title, entry in zip(("Rolling z-score", "Recommended"), own[-1].values(), strict=True):
        assert TAG.render_band(entry.expected, entry.upper) in said[title]
    without = explain(TAG, Judged.of(frame.iloc[-1].to_dict()), version_of(both))
    z = own[-1]["zscore"].score
    assert why.detector == "zscore"
    assert without.sentence == f"Rolling z-score: z {z:.1f}, threshold 1.0: not flagged.", "band of another"


def test_a_detector_that_still_learns_says_so_beside_the_other() -> None:
    early = told(Profiles((Profile("default", (Choice("limits"), Choice("zscore"))),)), [37.0] * 4)
    assert early.others == (
        "Rolling z-score: not judged: warm-up, 3 of the 50 readings needed were learned.",
    )


def test_a_reading_withheld_by_the_condition_names_it() -> None:
    only = Profile(
        "default", (Choice("zscore", {"window": 5.0}),), condition=Condition("rpm", ">", 50.0, settle=10.0)
    )
    profiles = Profiles((only,))
    tags = (STATE, TAG)
    stopped = told(profiles, [0.0, 37.0], tags, [0, 1])
    assert stopped.rule is Rule.CONDITION
    assert stopped.sentence == ("Not judged and not learned: only while rpm > 50, 10 s after it became so.")
    fresh = told(profiles, [60.0, 37.0], tags, [0, 1])
    assert fresh.rule is Rule.SETTLING
    assert "still settling: only while rpm > 50, 10 s after" in fresh.sentence
    assert fresh.others == ()


def test_a_reading_within_the_on_delay_says_what_holds_the_flag_back() -> None:
    slow = Profiles((Profile("default", (Choice("zscore"),), on_delay=30.0),))
    why = told(slow, [*then(39.0)])
    assert why.rule is Rule.ON_DELAY
    assert re.search(
        r"above 3\.0\): not flagged, on-delay not over: flagged once it has gone on for 30 s\.$", why.sentence
    )


def test_the_card_says_why_a_reading_is_withheld() -> None:
    nan = math.nan
    assert verdict(7.0, nan, nan, False, 0, "z", Withheld.CONDITION) == Phrase(
        "not judged, condition not met"
    )
    assert verdict(7.0, nan, nan, False, 0, "z", Withheld.SETTLING) == Phrase("not judged, still settling")
    assert verdict(9.0, 7.0, 5.2, False, 0, "z", Withheld.ON_DELAY) == Phrase("z 5.2, within the on-delay")
    assert held_back(9.0, 7.0, 5.2, "z", "4 s of 10 s") == Phrase("above expected for 4 s of 10 s, z 5.2")
    assert held_back(9.0, nan, 5.2, "score", "4 s of 10 s") == Phrase("abnormal for 4 s of 10 s, score 5.2")


def test_each_score_is_named_by_the_detector_that_spoke() -> None:
    versions = {
        number: DetectorSettings(number, 0, "test", detector, {}, {})
        for number, detector in enumerate(("zscore", "cusum", "removed"))
    }
    rows = pd.DataFrame({"settings": [0, 1, 2, 9], "is_anomaly": True})
    scales = Scales(versions)
    assert [(scale.name, scale.drawn_limit) for scale in scales.of_each(rows)] == [
        ("z", None),
        ("CUSUM", 8.0),
        ("score", None),
        ("score", None),
    ]
    assert not scales.off_band(rows).any()
    rows = pd.DataFrame(
        {
            "settings": 1,
            "profile": "default",
            "detector": ["zscore", "recommended", None, "zscore"],
            "is_anomaly": [True, True, False, False],
        }
    )
    scales = Scales({1: version_of(BOTH)})
    assert [scale.name for scale in scales.of_each(rows)] == ["z", "recommended", "score", "z"]
    assert scales.off_band(rows).tolist() == [True, False, False, False]
    assert scales.speakers(rows) == ["zscore", "recommended", "", "zscore"]
