"""Flagged events scored against true events: cases counted by hand, and properties that always hold."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.analysis.event_scores import (
    Events,
    Truth,
    count_events,
    covered,
    grouped,
    lost,
    score,
    truth_of,
    wilson,
)
from sensormon.model.clock import SECOND
from sensormon.model.readings import Ints

NONE = Events(np.zeros(0, np.int64), np.zeros(0, np.int64))


def seconds(*times: float) -> Ints:
    return np.array([round(time * SECOND) for time in times], dtype=np.int64)


def events(*pairs: tuple[float, float]) -> Events:
    return Events.of(seconds(*(a for a, _ in pairs)), seconds(*(b for _, b in pairs)))


def frame(rows: list[tuple[str, str, float, float]]) -> pd.DataFrame:
    """Labelled events: tag, label, start, end (s)."""
    return pd.DataFrame(
        {
            "id": range(len(rows)),
            "tag": pd.Series([row[0] for row in rows], dtype=object),
            "label": pd.Series([row[1] for row in rows], dtype=object),
            "start": pd.to_datetime([row[2] for row in rows], unit="s", utc=True),
            "end": pd.to_datetime([row[3] for row in rows], unit="s", utc=True),
        }
    )


def faults(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """Injected rows: tag, fault, time (s)."""
    times = pd.to_datetime([row[2] for row in rows], unit="s", utc=True)
    return pd.DataFrame({"tag": [r[0] for r in rows], "time": times, "fault": [r[1] for r in rows]})


def test_times_that_lie_close_are_one_event() -> None:
    merged = grouped(seconds(1, 2, 5, 9, 10), 3 * SECOND)
    assert merged.start.tolist() == seconds(1, 9).tolist()
    assert merged.end.tolist() == seconds(5, 10).tolist()
    assert len(grouped(seconds(), 3 * SECOND)) == 0


def test_scores_counted_by_hand() -> None:
    # Truth: 10-20, 40-40, 60-70, 90-90. Flags: 13 14 | 22 in the tolerance | 41 | 50 wrong | 62 68 | missed.
    truth = Truth(events((10, 20), (40, 40), (60, 70), (90, 90)), NONE, complete=True)
    scores = score(seconds(13, 14, 22, 41, 50, 62, 68), truth, 3 * SECOND, 2 * SECOND)
    assert (scores.detected, scores.missed) == (3, 1)
    assert scores.recall == 0.75
    # Flagged events: 13-14, 22, 41, 50, 62, 68 of which 50 alone lies in no fault.
    assert (scores.right, scores.wrong, scores.unknown) == (5, 1, 0)
    assert scores.precision == pytest.approx(5 / 6)
    assert scores.delay == 2.0  # of 3, 1 and 2


def test_without_complete_truth_only_labelled_events_count() -> None:
    truth = Truth(events((10, 20)), events((30, 35)), complete=False)
    scores = score(seconds(12, 31, 50, 80), truth, 3 * SECOND, 0)
    assert (scores.right, scores.wrong, scores.unknown) == (1, 1, 2)
    assert scores.precision == 0.5


def test_nothing_flagged_and_nothing_known_have_no_share() -> None:
    scores = score(seconds(), Truth(NONE, NONE, True), 3 * SECOND, 0)
    assert math.isnan(scores.precision)
    assert math.isnan(scores.recall)
    assert math.isnan(scores.delay)
    missed = score(seconds(), Truth(events((1, 2)), NONE, True), 3 * SECOND, 0)
    assert missed.recall == 0.0


def test_rows_of_one_fault_form_one_event() -> None:
    injected = faults(
        ("a", "level_shift", 10),
        ("a", "level_shift", 11),
        ("a", "spike", 11),
        ("a", "level_shift", 30),
        ("b", "spike", 12),
        ("a", "duplicates", 50),
        ("a", "out_of_range", 60),
    )
    labelled = frame(
        [("a", "true", 11, 11), ("a", "true", 70, 75), ("a", "benign", 80, 81), ("a", "", 90, 91)]
    )
    truth = truth_of("a", injected, labelled, 3 * SECOND, True)
    pairs = list(zip(truth.events.start // SECOND, truth.events.end // SECOND, strict=True))
    assert pairs == [(10, 11), (11, 11), (30, 30), (70, 75)], "the confirmed one at 11 is the injected one"
    assert truth.ordinary.start.tolist() == seconds(80).tolist()


def test_only_confirmed_events_that_are_flagged_now_can_be_lost() -> None:
    rows = [("a", "true", 10, 12), ("a", "true", 20, 22), ("a", "true", 30, 32), ("a", "benign", 40, 42)]
    labelled = frame([*rows, ("b", "true", 10, 12)])
    gone = lost(labelled, "a", seconds(11, 20, 41), seconds(22))
    assert gone["start"].astype("int64").tolist() == frame(rows[:1])["start"].astype("int64").tolist()


def test_wilson_against_the_published_example() -> None:
    low, high = wilson(8, 10)  # the intervals of Newcombe 1998, computed by the formula to four digits
    assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == 1.0
    with pytest.raises(ValueError, match="no events"):
        wilson(0, 0)


TIMES = st.lists(st.integers(0, 300), max_size=40).map(lambda rows: seconds(*sorted(set(rows))))
PAIRS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 30)), max_size=10).map(
    lambda rows: events(*((a, a + b) for a, b in rows))
)


@given(TIMES, PAIRS)
def test_covered_agrees_with_checking_each_time(time: Ints, spans: Events) -> None:
    slow = [
        any(a <= moment <= b for a, b in zip(spans.start.tolist(), spans.end.tolist(), strict=True))
        for moment in time.tolist()
    ]
    assert covered(time, spans).tolist() == slow


@given(TIMES, PAIRS, st.integers(1, 20), st.integers(0, 10))
def test_every_event_counts_once_and_more_flags_find_no_fewer(
    time: Ints, spans: Events, join: int, tolerance: int
) -> None:
    truth = Truth(spans, NONE, complete=True)
    scores = score(time, truth, join * SECOND, tolerance * SECOND)
    assert scores.right + scores.wrong + scores.unknown == len(grouped(time, join * SECOND))
    assert scores.detected + scores.missed == len(spans)
    assert scores.unknown == 0
    assert math.isnan(scores.delay) or scores.delay >= 0
    fewer = score(time[::2], truth, join * SECOND, tolerance * SECOND)
    assert fewer.detected <= scores.detected
    open_truth = score(time, Truth(spans, NONE, complete=False), join * SECOND, tolerance * SECOND)
    assert (open_truth.right, open_truth.wrong) == (scores.right, 0)


@given(st.integers(0, 500), st.integers(1, 500))
def test_the_interval_holds_the_share(count: int, total: int) -> None:
    count = min(count, total)
    low, high = wilson(count, total)
    assert 0.0 <= low <= count / total + 1e-12
    assert count / total - 1e-12 <= high <= 1.0


def test_events_are_counted_from_the_first_row_asked_for() -> None:
    flagged, truth = np.array([1, 1, 0, 1, 0], dtype=bool), np.array([1, 0, 1, 1, 0], dtype=bool)
    counts = count_events(flagged, truth, first=1)
    assert (counts.detected, counts.wrong, counts.missed) == (1, 1, 1)
    assert (counts.precision, counts.recall) == (0.5, 0.5)
    assert math.isnan(count_events(flagged, truth, first=5).precision)
