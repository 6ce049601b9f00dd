"""Event frames: found as a slow, obvious search finds them, never overlapping, honest about gaps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.analysis.event_frames import (
    Course,
    Frame,
    Outcome,
    find_frames,
    holding,
    median_seconds,
    undecided,
)
from sensormon.analysis.frame_rules import CHANGES, OF_NUMBERS, FrameRule, Trigger, checked, read_rule
from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.tags import Tag, TagTable
from tests.support.naive_frames import naive_frames

UNTIL = 40
MICRO = 1e-6

TAGS = TagTable(
    [
        Tag("temp", "Temperature", "°C"),
        Tag("step", "Step", states=("idle", "CIP", "heat")),
    ]
)


def course(rows: list[tuple[int, float]], gaps: Iterable[int] = ()) -> Course:
    """These readings, with gaps from these times to the next reading, or to the end."""
    times = [time for time, _ in rows]
    kept: list[tuple[int, int]] = []
    for left in sorted(gaps):
        right = min([UNTIL, *(time for time in times if time > left)])
        if left not in times and not any(left < other for _, other in kept):
            kept.append((left, right))
    return Course(np.array(times, dtype=np.int64), np.array([value for _, value in rows]), UNTIL, kept)


values = st.integers(0, 6).map(float)
readings = st.dictionaries(st.integers(0, UNTIL - 1), values, max_size=40).map(
    lambda rows: sorted(rows.items())
)
gaps_between = st.lists(st.integers(0, UNTIL - 1), max_size=3)
courses = st.builds(course, readings, gaps_between)
triggers = st.builds(
    Trigger,
    st.sampled_from(["a", "b"]),
    st.sampled_from([*OF_NUMBERS, CHANGES]),
    value=st.integers(1, 5).map(float),
    hysteresis=st.sampled_from([0.0, 1.0, 2.0]),
    hold=st.sampled_from([0.0, 0.0, 2 * MICRO, 5 * MICRO]),
).map(lambda trigger: replace(trigger, hold=0.0) if trigger.comparison == CHANGES else trigger)
rules = st.builds(
    lambda start, end, kind, lasting, shortest, longest: FrameRule(
        start,
        end if kind == "end" else None,
        lasting if kind == "lasting" else 0.0,
        shortest,
        longest,
    ),
    triggers,
    triggers,
    st.sampled_from(["end", "lasting", "while"]),
    st.integers(1, 20).map(lambda width: width * MICRO),
    st.sampled_from([0.0, 0.0, 3 * MICRO]),
    st.sampled_from([0.0, 0.0, 12 * MICRO]),
)


@given(rules, courses, courses)
def test_frames_are_those_of_a_slow_obvious_search(rule: FrameRule, a: Course, b: Course) -> None:
    given_courses = {"a": a, "b": b}
    frames = find_frames(rule, given_courses, UNTIL).frames
    assert [
        (frame.start, frame.end, frame.outcome, frame.missing, frame.start_seen) for frame in frames
    ] == naive_frames(rule, given_courses, UNTIL)


@given(rules, courses, courses)
def test_frames_never_overlap_and_keep_to_their_lengths(rule: FrameRule, a: Course, b: Course) -> None:
    found_frames = find_frames(rule, {"a": a, "b": b}, UNTIL)
    frames = found_frames.frames
    assert all(before.end <= after.start for before, after in pairwise(frames))
    assert all(frame.start < frame.end <= UNTIL for frame in frames)
    for frame in frames:
        if frame.whole:
            assert frame.end - frame.start >= round(rule.shortest * SECOND)
        assert not rule.longest or frame.end - frame.start <= round(rule.longest * SECOND)
    assert all(frame.outcome is not Outcome.OPEN for frame in frames[:-1])


@given(rules, courses, courses)
def test_each_start_satisfies_the_condition_and_the_moment_before_does_not(
    rule: FrameRule, a: Course, b: Course
) -> None:
    own = {"a": a, "b": b}[rule.start.tag]
    windows = holding(rule.start, own)
    began = dict(zip(windows.begin.tolist(), windows.seen.tolist(), strict=True))
    for frame in find_frames(rule, {"a": a, "b": b}, UNTIL).frames:
        assert began[frame.start] == frame.start_seen
        assert frame.start in own.time


@given(
    triggers.filter(lambda trigger: trigger.comparison != CHANGES), st.lists(values, min_size=1, max_size=8)
)
def test_where_the_condition_may_change_is_never_passed_over(trigger: Trigger, inside: list[float]) -> None:
    low, high = np.array([min(inside)]), np.array([max(inside)])
    if undecided(trigger, low, high)[0]:
        return
    for before in ([], [9.0], [-9.0], [trigger.value]):
        rows = [*before, *inside]
        windows = holding(replace(trigger, hold=0.0), course(list(enumerate(rows))))
        edges = {*windows.begin.tolist(), *windows.end.tolist()}
        assert not edges & set(range(len(before) + 1, len(rows)))


def test_a_batch_from_heating_to_cooling() -> None:
    value = np.array([20, 50, 81, 85, 79.5, 81, 60, 20, 20, 90, 95.0])
    temp = Course(np.arange(11) * 60 * SECOND, value, 11 * 60 * SECOND)
    rule = FrameRule(Trigger("temp", ">", 80.0, hysteresis=2.0))
    found_frames = find_frames(rule, {"temp": temp}, temp.until)
    assert [(f.start // SECOND, f.end // SECOND) for f in found_frames.frames] == [(120, 360), (540, 660)]
    assert found_frames.live == found_frames.frames[1]
    assert median_seconds(found_frames.frames) == 240.0, "the open batch does not count"


def test_states_start_and_end_a_frame_whatever_the_case_of_the_word() -> None:
    step = Course(
        np.arange(6) * SECOND,
        np.array([0, 1, 1, 2, 1, 0.0]),
        6 * SECOND,
        words={0.0: "idle", 1.0: "CIP", 2.0: "heat"},
    )
    rule = FrameRule(Trigger("step", "=", word="cip"), Trigger("step", "=", word="idle"))
    (frame,) = find_frames(rule, {"step": step}, step.until).frames
    assert (frame.start, frame.end, frame.whole) == (SECOND, 5 * SECOND, True)
    each = find_frames(FrameRule(Trigger("step", CHANGES)), {"step": step}, step.until).frames
    assert [frame.start // SECOND for frame in each] == [1, 3, 4, 5]
    assert each[-1].outcome is Outcome.OPEN


def test_a_gap_ends_a_frame_or_marks_it() -> None:
    temp = Course(np.array([0, 1, 2, 7, 8, 9]), np.array([1, 9, 9, 9, 9, 1.0]), 10, [(2, 7)])
    hot = Trigger("temp", ">", 5.0)
    alone = find_frames(FrameRule(hot), {"temp": temp}, 10).frames
    assert alone == (Frame(1, 2, Outcome.GAP), Frame(7, 9, Outcome.CLOSED, 0, start_seen=False))
    assert not any(frame.whole for frame in alone)
    (whole,) = find_frames(FrameRule(hot, Trigger("temp", "<", 5.0)), {"temp": temp}, 10).frames
    assert whole == Frame(1, 9, Outcome.CLOSED, 5)


def test_a_missed_end_does_not_swallow_the_frames_after_it() -> None:
    time = np.arange(0, 100, 10)
    temp = Course(time, np.array([0, 9, 0, 9, 0, 9, 0, 0, 0, 0.0]), 100)
    door = Course(time, np.array([0, 0, 0, 0, 0, 0, 1, 0, 0, 0.0]), 100)
    rule = FrameRule(Trigger("temp", ">", 5.0), Trigger("door", ">", 0.5), longest=20 * MICRO)
    found_frames = find_frames(rule, {"temp": temp, "door": door}, 100)
    assert found_frames.frames == (Frame(50, 60),)
    assert found_frames.too_long == 2


def test_too_many_frames_are_refused_with_what_to_do() -> None:
    time = np.arange(12_000)
    temp = Course(time, (time % 2).astype(np.float64), 12_000)
    with pytest.raises(UsageError, match=r"more than 5,000 frames.*hysteresis"):
        find_frames(FrameRule(Trigger("temp", ">", 0.5)), {"temp": temp}, 12_000)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (FrameRule(Trigger("away", ">", 1.0)), "there is no tag 'away'"),
        (FrameRule(Trigger("temp", "=", word="CIP")), "Temperature has numbers in °C, not the state 'CIP'"),
        (FrameRule(Trigger("temp", CHANGES)), "not a change of state"),
        (FrameRule(Trigger("step", ">", 1.0)), "Step has states, which cannot be compared with '>'"),
        (FrameRule(Trigger("step", "=")), "names no state"),
        (FrameRule(Trigger("step", "=", word="CIP", hysteresis=1.0)), "no hysteresis"),
        (FrameRule(Trigger("temp", ">", float("nan"))), "cannot be used"),
        (FrameRule(Trigger("temp", "~", 1.0)), "'~' is not a comparison"),
        (FrameRule(Trigger("step", CHANGES, hold=1.0)), "a change is a moment"),
        (FrameRule(Trigger("temp", ">", 1.0), Trigger("temp", "<", 1.0), 5.0), "two ends"),
        (FrameRule(Trigger("temp", ">", 1.0), shortest=9.0, longest=1.0), "below the shortest"),
        (FrameRule(Trigger("temp", ">", 1.0), lasting=9.0, longest=1.0), "last longer than the longest"),
        (FrameRule(Trigger("temp", ">", 1.0), shortest=-1.0), "0 to 366 days"),
    ],
)
def test_what_does_not_fit_is_refused(rule: FrameRule, why: str) -> None:
    with pytest.raises(UsageError, match=why.replace("(", r"\(")):
        checked(rule, TAGS)


@given(rules)
def test_a_rule_survives_as_a_document(rule: FrameRule) -> None:
    assert read_rule(rule.as_document()) == rule


@pytest.mark.parametrize(
    "document",
    [None, {}, {"start": 1}, {"start": {"tag": 1, "comparison": ">"}}, {"start": {"tag": "a" * 300}}]
    + [{"start": {"tag": "a", "comparison": ">", "value": value}} for value in ("1", True, 1e400)],
)
def test_what_is_no_rule_is_refused(document: object) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_rule(document)
