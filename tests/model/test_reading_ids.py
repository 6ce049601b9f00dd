"""Ids of several collectors: they never meet, and rise with the time of arrival."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.model.clock import SECOND
from sensormon.model.reading_ids import (
    COLLECTORS,
    PER_SLICE,
    SLICE_SECONDS,
    Counted,
    Sliced,
    after_unknown,
    collector_of,
)

NOW = 1_796_000_000 * SECOND

Steps = list[tuple[int, float, int]]
steps = st.lists(
    st.tuples(st.integers(0, 3), st.floats(0, 40), st.sampled_from([0, 1, 1_000, PER_SLICE // 2, PER_SLICE])),
    max_size=60,
)


@given(steps)
def test_ids_of_several_collectors_never_meet(taken: Steps) -> None:
    collectors, now = [Sliced(number) for number in range(4)], NOW
    spans: list[tuple[int, int]] = []
    last = [0] * 4
    for number, seconds, count in taken:
        now += round(seconds * SECOND)
        first = collectors[number].first(now, count)
        assert first >= last[number], "the ids of a collector rise"
        collectors[number].taken(first + count)
        last[number] = first + count
        if count:
            assert {collector_of(first), collector_of(first + count - 1)} == {number}
            spans.append((first, first + count))
    spans.sort()
    assert all(stop <= first for (_, stop), (first, _) in pairwise(spans))


def test_later_slices_have_higher_ids_whoever_gives_them() -> None:
    early = Sliced(COLLECTORS - 1).first(NOW, 1)
    late = Sliced(0).first(NOW + SLICE_SECONDS * SECOND, 1)
    assert early < late < 2**53
    assert early > NOW, "above ids that were the time in µs"


def test_a_restart_without_the_store_uses_no_id_again() -> None:
    before = Sliced(5)
    before.taken(before.first(NOW, 10) + 10)
    assert Sliced(5, after_unknown(NOW)).first(NOW, 1) > before.first(NOW, 0)


def test_more_readings_than_a_slice_has_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="readings at once"):
        Sliced(0).first(NOW, PER_SLICE + 1)
    with pytest.raises(ValueError, match="collector 32"):
        Sliced(COLLECTORS)


def test_versions_of_the_settings_are_of_one_collector_each() -> None:
    assert Counted().version_after(7) == 8
    assert [Sliced(3).version_after(last) for last in (0, 3, 34, 35)] == [3, 35, 35, 67]
    assert Sliced(0).version_after(0) == COLLECTORS
