"""A list of events keeps its rows, whatever starts, ends or is done elsewhere."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensormon.events.frozen_list import FrozenList
from sensormon.model.readings import Ints

IDS = st.lists(st.integers(0, 30), unique=True).map(lambda ids: np.array(ids, dtype=np.int64))


def ids(*numbers: int) -> Ints:
    return np.array(numbers, dtype=np.int64)


def test_events_that_come_later_are_not_let_in() -> None:
    events = FrozenList()
    assert events.first(ids(3, 1)).tolist() == [3, 1]
    assert events.first(ids(5, 3, 1)).tolist() == [3, 1]


def test_an_empty_list_lets_in_what_comes() -> None:
    events = FrozenList()
    assert events.first(ids()).tolist() == []
    assert events.fit(ids(7)).tolist() == [7]
    assert events.fit(ids(7, 8)).tolist() == [7]


def test_an_event_that_ceases_to_fit_keeps_its_row_and_is_counted() -> None:
    events = FrozenList()
    events.fit(ids(1, 2))
    assert events.fit(ids(2)).tolist() == [1, 2]
    assert events.changed == 1
    events.fit(ids(1, 2))
    assert events.changed == 0


def test_acted_on_events_leave_only_if_they_no_longer_fit() -> None:
    events = FrozenList()
    events.fit(ids(1, 2, 3))
    assert events.fit(ids(1, 3), done=[1, 2]).tolist() == [1, 3]
    assert events.changed == 0
    assert events.fit(ids(1, 2, 3)).tolist() == [1, 3], "what has left does not come back by itself"
    assert events.changed == 1


def test_a_list_that_its_viewer_has_emptied_is_open_again() -> None:
    events = FrozenList()
    events.fit(ids(1))
    assert events.fit(ids(), done=[1]).tolist() == []
    assert events.fit(ids(4)).tolist() == [4]


@given(first=IDS, later=st.lists(st.tuples(IDS, st.lists(st.integers(0, 30))), max_size=5))
def test_rows_only_ever_leave_and_keep_their_order(first: Ints, later: list[tuple[Ints, list[int]]]) -> None:
    events = FrozenList()
    shown = events.fit(first).tolist()
    for fitting, done in later:
        before, shown = shown, events.fit(fitting, done).tolist()
        if before:
            assert shown == [event for event in before if event not in done or event in fitting]
        else:
            assert shown == fitting.tolist()
        assert events.changed == len(set(shown) ^ set(fitting.tolist()))
