"""The alarm load against a naive count, and the tags that cause most of it."""

from __future__ import annotations

from datetime import UTC

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.events.alarm_load import (
    CHATTER,
    ENOUGH,
    WINDOW,
    alarm_load,
    chattering,
    load_of,
    longest_standing,
    top_tags,
)
from sensormon.model.clock import SECOND
from sensormon.view.alarm_load import load_line, load_rows
from tests.support import naive
from tests.support.plant import START

UNTIL = START + 6 * WINDOW + 17 * SECOND


def test_event_that_goes_on_counts_where_it_began() -> None:
    frame = events(("a", 5, 5_000), ("b", 4_000, 10))
    hour, first = 3_600 * SECOND, START
    loads = [load_of(frame, START + at * hour, START + (at + 1) * hour, first) for at in range(2)]
    assert [load.events for load in loads] == [1, 1]
    assert loads[1].worst_at == START + 4_000 * SECOND


def events(*rows: tuple[str, float, float]) -> pd.DataFrame:
    """Events (tag, seconds after START, duration in seconds)."""
    frame = pd.DataFrame(rows, columns=["tag", "at", "seconds"])
    micros = (START + frame["at"] * SECOND).astype("int64")
    return frame.assign(
        id=range(1, len(frame) + 1), start=pd.to_datetime(micros, unit="us", utc=True).dt.as_unit("us")
    )


moments = st.lists(
    st.one_of(
        st.integers(START, UNTIL - 1),
        st.sampled_from([UNTIL - back * WINDOW for back in range(1, 6)]),  # exactly on a boundary
        st.just(START + 5 * SECOND),
    ),
    max_size=25,
)


@settings(deadline=None)
@given(times=moments)
def test_load_matches_the_naive_count(times: list[int]) -> None:
    load = alarm_load(np.array(times, dtype=np.int64), START, UNTIL)
    assert load.events == len(times)
    assert load.windows == 6
    assert load.over_norm == naive.windows_with_more(times, START, UNTIL, WINDOW, 1)
    assert load.over_most == naive.windows_with_more(times, START, UNTIL, WINDOW, 2)
    assert load.worst == naive.most_within(times, WINDOW)
    if times:
        assert sum(load.worst_at <= time < load.worst_at + WINDOW for time in times) == load.worst
    assert load.average == pytest.approx(len(times) * 600 / 3617)


def test_short_span_has_no_verdict_and_empty_span_works() -> None:
    times = np.array([START + second * SECOND for second in range(50)], dtype=np.int64)
    short = alarm_load(times, START, START + (ENOUGH - 1) * WINDOW)
    assert not short.enough
    assert "40 min is not enough data to assess" in load_line(short)
    assert ":red[" not in load_line(short)
    long = alarm_load(times, START, START + ENOUGH * WINDOW)
    assert long.enough
    assert ":red[**◆ 10.0 events per 10 min**]" in load_line(long)
    assert "above 2 for 20 % of the time" in load_line(long)
    nothing = alarm_load(times[:0], START, START)
    assert (nothing.average, nothing.windows, nothing.worst) == (0.0, 0, 0)
    assert "–" in [value for _, value, _ in load_rows(nothing, UTC)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 300)), max_size=20))
def test_three_events_within_a_minute_are_chattering(rows: list[tuple[str, int]]) -> None:
    bursts = {burst.tag: burst for burst in chattering(events(*((tag, at, 0.0) for tag, at in rows)))}
    for tag in "ab":
        most = naive.most_within([at for name, at in rows if name == tag], 60)
        assert (tag in bursts) == (most >= CHATTER)
        if tag in bursts:
            assert bursts[tag].most == most
            assert 1 <= bursts[tag].times <= len(rows) // CHATTER


def test_minutes_of_chattering_do_not_overlap() -> None:
    two = events(*(("a", at, 0.0) for at in (0, 10, 20, 30, 200, 210, 259, 400)))
    (burst,) = chattering(two)
    assert (burst.most, burst.at, burst.times) == (4, START, 2)


def test_top_tags_have_their_share_of_all_events() -> None:
    rows = [(tag, float(at), 0.0) for tag, count in (("b", 2), ("a", 2), ("c", 6)) for at in range(count)]
    top = top_tags(events(*rows), most=2)
    assert top["tag"].tolist() == ["c", "a"]
    assert top["events"].tolist() == [6, 2]
    assert top["share"].tolist() == [0.6, 0.2]
    assert top_tags(events()).empty


def test_longest_events_come_first_without_single_readings() -> None:
    standing = longest_standing(events(("a", 0, 5), ("b", 1, 0), ("c", 2, 90), ("d", 3, 5)), most=2)
    assert standing["tag"].tolist() == ["c", "a"]
