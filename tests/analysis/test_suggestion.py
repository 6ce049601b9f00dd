"""Suggested settings keep the known events, meet the target, and are checked on other data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import numpy as np
import pandas as pd
import pytest

from sensormon.analysis.rescoring import History
from sensormon.analysis.suggestion import FEW, SECONDS, SHOWN, Suggestion, Verdict, grid, suggest
from sensormon.analysis.what_if import Known, outcome_of, rescored
from sensormon.detectors import PER_TAG
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Cancelled
from sensormon.model.profiles import Choice, Condition, Profile
from sensormon.model.tags import Tag

DAY = 86_400
NO_FAULTS = pd.DataFrame(
    {"tag": pd.Series(dtype=object), "time": pd.Series(dtype="datetime64[us, UTC]"), "fault": []}
)
LOUD = Profile("loud", (Choice("zscore", {"window": 50, "threshold": 1.5}),), target=40.0)


def still() -> float:
    """A clock on which no time passes: the whole grid is tried, however busy the machine is."""
    return 0.0


def times(seconds: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pd.Series[pd.Timestamp]:
    return pd.Series(pd.to_datetime(1_700_000_000 + seconds, unit="s", utc=True))


def shifted(tag: str, shifts: list[int], rows: int = 17_280, seed: int = 0) -> History:
    """A day of readings every 5 s with level shifts of six sigma and 100 readings at these rows."""
    rng = np.random.default_rng(seed)
    value = rng.normal(20.0, 1.0, rows).round(3)
    for row in shifts:
        value[row : row + 100] += 6.0
    frame = pd.DataFrame(
        {
            "id": np.arange(rows) + 1,
            "time": times(np.arange(rows) * 5),
            "value": value,
            "quality": np.zeros(rows, np.uint32),
            "n": np.arange(rows),
            **dict.fromkeys(("score", "expected", "lower", "upper"), np.nan),
            "is_anomaly": False,
        }
    )
    return History(Tag(tag, tag), frame.iloc[:0], frame)


def confirmed(tag: str, shifts: list[int]) -> pd.DataFrame:
    rows = np.array(shifts)
    return pd.DataFrame(
        {
            "id": rows,
            "tag": tag,
            "start": times(rows * 5).to_numpy(),
            "end": times((rows + 99) * 5).to_numpy(),
            "label": "true",
        }
    ).assign(start=times(rows * 5), end=times((rows + 99) * 5))


def quiet(*_: object) -> None:
    """Progress that nobody follows."""


SHIFTS = list(range(2_000, 17_000, 1_000))
KNOWN = Known(NO_FAULTS, confirmed("t", SHIFTS), frozenset())


@pytest.fixture(scope="module")
def found() -> Suggestion:
    return suggest([shifted("t", SHIFTS)], LOUD, KNOWN, quiet, still)


def test_suggestion_keeps_the_confirmed_events_and_meets_the_target(found: Suggestion) -> None:
    assert found.verdict is Verdict.FITS
    assert 1 <= len(found.candidates) <= SHOWN
    assert found.now.first.rate > found.target
    for candidate in found.candidates:
        assert candidate.first.kept == candidate.first.must == candidate.first.known > FEW
        assert candidate.first.rate <= found.target
        assert candidate.rest.found >= candidate.rest.known - 1, "it holds on what it was not chosen by"
        assert candidate.rest.rate < found.now.rest.rate


def test_figures_are_those_of_the_history_scored_by_the_profile(found: Suggestion) -> None:
    history = shifted("t", SHIFTS)
    for candidate in (found.now, *found.candidates):
        side = rescored(history, candidate.profile)
        outcome = outcome_of(history, side, side, KNOWN)
        assert candidate.first.found + candidate.rest.found == outcome.scores_after.detected
        # An event on the border counts in both parts.
        assert 0 <= candidate.first.events + candidate.rest.events - outcome.load.after <= 1


def test_first_part_alone_decides(found: Suggestion) -> None:
    other = shifted("t", SHIFTS)
    later = np.arange(len(other.rows)) >= 0.6 * len(other.rows)
    value = other.rows["value"].to_numpy().copy()
    value[later] = np.random.default_rng(9).normal(500.0, 90.0, later.sum())
    again = suggest([replace(other, rows=other.rows.assign(value=value))], LOUD, KNOWN, quiet, still)
    assert [each.profile for each in again.candidates] == [each.profile for each in found.candidates]
    assert [each.first for each in again.candidates] == [each.first for each in found.candidates]


def test_what_is_not_a_detector_stays_in_the_profile(found: Suggestion) -> None:
    for candidate in found.candidates:
        assert replace(candidate.profile, detectors=LOUD.detectors) == LOUD


def test_too_few_known_events_are_no_ground_for_a_suggestion() -> None:
    few = SHIFTS[: FEW - 1]
    known = Known(NO_FAULTS, confirmed("t", few), frozenset())
    result = suggest([shifted("t", few)], LOUD, known, quiet)
    assert (result.verdict, result.candidates, result.searched) == (Verdict.TOO_FEW, (), 0)


def test_unreachable_target_is_said_with_the_nearest() -> None:
    result = suggest([shifted("t", SHIFTS)], replace(LOUD, target=0.5), KNOWN, quiet, still)
    assert result.verdict is Verdict.NOTHING_FITS
    assert result.candidates
    assert not any(candidate.fits(result.target) for candidate in result.candidates)


def test_two_kinds_of_faults_take_two_detectors() -> None:
    history = shifted("t", [])
    value = history.rows["value"].to_numpy().copy()
    stuck, spikes = SHIFTS[::2], SHIFTS[1::2]
    for row in stuck:
        value[row : row + 100] = value[row]
    for row in spikes:
        value[row] += 12.0
    labels = confirmed("t", SHIFTS)
    short = labels["id"].isin(spikes)
    labels.loc[short, "end"] = labels.loc[short, "start"]
    profile = replace(LOUD, detectors=(Choice("gap"),), target=30.0)
    result = suggest(
        [replace(history, rows=history.rows.assign(value=value))],
        profile,
        Known(NO_FAULTS, labels, frozenset()),
        quiet,
    )
    assert result.verdict is Verdict.FITS
    best = result.candidates[0]
    assert best.first.found == best.first.known
    assert len(best.profile.detectors) <= 2


def test_wrong_events_count_against_a_candidate_where_the_truth_is_complete() -> None:
    complete = Known(NO_FAULTS, confirmed("t", SHIFTS), frozenset({"t"}))
    result = suggest([shifted("t", SHIFTS)], LOUD, complete, quiet, still)
    assert result.now.first.wrong > 0
    assert result.candidates[0].first.wrong < result.now.first.wrong


def test_condition_withholds_readings_from_every_candidate() -> None:
    history = shifted("t", SHIFTS)
    rows = history.rows
    off = pd.DataFrame(
        {"id": [0], "time": rows["time"].iloc[:1], "value": [0.0], "quality": np.zeros(1, np.uint32)}
    )
    watched = replace(history, watched={"pump": off})
    result = suggest([watched], replace(LOUD, condition=Condition("pump", ">", 50.0)), KNOWN, quiet, still)
    assert all(part.events == 0 for part in (result.now.first, result.now.rest))


def test_search_ends_when_its_time_is_up() -> None:
    ticks: Iterator[int] = count(0, 3)
    result = suggest([shifted("t", SHIFTS)], LOUD, KNOWN, quiet, lambda: float(next(ticks)))
    assert result.searched <= SECONDS / 3 + 1 < result.planned
    assert result.candidates


def test_search_can_be_cancelled() -> None:
    def stop(_: str, done: float, __: float) -> None:
        if done >= 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        suggest([shifted("t", SHIFTS)], LOUD, KNOWN, stop)


def test_no_readings_are_no_history() -> None:
    history = shifted("t", [])
    with pytest.raises(UsageError, match="there are no readings"):
        suggest([replace(history, rows=history.rows.iloc[:0])], LOUD, KNOWN, quiet)


def test_grid_has_every_detector_once_at_each_setting() -> None:
    settings = grid(LOUD)
    assert {choice.detector for choice in settings} == set(PER_TAG)
    assert settings[0] == LOUD.detectors[0]
    assert len(settings) < 100
