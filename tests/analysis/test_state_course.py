"""The course of states: every moment is in the state that the last reading had, gaps excepted."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensormon.analysis.state_course import Stretch, changes, stretches

UNTIL = 100

readings = st.lists(
    st.tuples(st.integers(0, 99), st.sampled_from([0.0, 1.0, 2.0]), st.integers(0, 2)), max_size=30
).map(lambda rows: sorted(rows, key=lambda row: row[0]))
gaps_between = st.lists(st.tuples(st.integers(0, 99), st.integers(1, 20)), max_size=3)


def course(rows: list[tuple[int, float, int]], gaps: list[tuple[int, int]]) -> list[Stretch]:
    time, value, quality = (
        (np.array(column) for column in zip(*rows, strict=True)) if rows else (np.array([]),) * 3
    )
    return stretches(time.astype(np.int64), value.astype(np.float64), quality.astype(np.int64), gaps, UNTIL)


@given(readings, gaps_between)
def test_each_moment_has_the_state_of_the_last_reading_or_none_in_a_gap(
    rows: list[tuple[int, float, int]], drawn: list[tuple[int, int]]
) -> None:
    times = {time for time, *_ in rows}
    gaps = sorted(  # a gap has no reading inside
        (left, min(left + size, UNTIL))
        for left, size in drawn
        if not any(left < time < left + size for time in times)
    )
    found = course(rows, gaps)
    for moment in range(UNTIL):
        before = [row for row in rows if row[0] <= moment]
        inside = [s for s in found if s.start <= moment < s.end]
        in_gap = any(left <= moment < right for left, right in gaps)
        if not before or in_gap:
            assert inside == []
        else:
            ((_, code, quality),) = before[-1:]
            assert [(s.code, s.quality) for s in inside] == [(code, quality)]


@given(readings)
def test_without_gaps_no_stretch_equals_the_one_before(rows: list[tuple[int, float, int]]) -> None:
    found = course(rows, [])
    assert all(
        (a.code, a.quality) != (b.code, b.quality) or a.end != b.start for a, b in pairwise(found)
    ) or len({time for time, *_ in rows}) < len(rows)  # states at the same moment leave no stretch between
    assert all(s.start < s.end for s in found)


def test_a_change_of_quality_is_a_change() -> None:
    value, quality = np.array([1.0, 1.0, 1.0, 0.0]), np.array([0, 2, 2, 2])
    assert changes(value, quality).tolist() == [True, True, False, True]
    assert changes(np.array([]), np.array([], dtype=np.int64)).tolist() == []
