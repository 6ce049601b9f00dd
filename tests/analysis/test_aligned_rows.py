"""Rows of several tags: whole, in order, and the same live as over history."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.analysis.aligned_rows import LATE, RowMaker, rows_of_readings

SECOND = 1_000_000
TAGS = ("a", "b", "c")


def frame(readings):
    """Of (tag, second, value) or (tag, second, value, quality)."""
    rows = [(*reading, 0)[:4] for reading in readings]
    return pd.DataFrame(
        {
            "id": range(len(rows)),
            "tag": [row[0] for row in rows],
            "time": pd.to_datetime([round(row[1] * SECOND) for row in rows], unit="us", utc=True).as_unit(
                "us"
            ),
            "value": [float(row[2]) for row in rows],
            "quality": np.array([row[3] for row in rows], dtype=np.uint32),
        }
    )


def test_a_row_has_the_last_good_reading_of_each_tag_in_its_interval():
    readings = frame(
        [("a", 10.1, 1), ("b", 10.2, 2), ("a", 10.9, 3), ("b", 10.95, 9, 0x80000000), ("c", 12.0, 4)]
    )
    times, rows = rows_of_readings(readings, TAGS, SECOND)
    assert times.tolist() == [10 * SECOND, 12 * SECOND]
    np.testing.assert_array_equal(rows, [[3, 2, np.nan], [np.nan, np.nan, 4]])


def test_a_row_is_made_once_every_tag_has_gone_on():
    maker = RowMaker(TAGS, SECOND)
    assert not len(maker.take(frame([("a", 1, 1), ("b", 1, 1), ("c", 1, 1), ("a", 2, 2), ("b", 2, 2)]))[0])
    times, rows = maker.take(frame([("c", 2, 2)]))
    assert times.tolist() == [SECOND]
    np.testing.assert_array_equal(rows, [[1, 1, 1]])


def test_a_tag_that_fell_silent_holds_rows_up_for_a_few_intervals_only():
    maker = RowMaker(TAGS, SECOND)
    readings = [(tag, second, second) for second in range(1, 10) for tag in "ab"]
    times, rows = maker.take(frame(readings))
    assert times.tolist() == [second * SECOND for second in range(1, 9 - LATE)]
    assert np.isnan(rows[:, 2]).all()


def test_what_comes_too_late_is_left_out():
    maker = RowMaker(("a", "b"), SECOND)
    maker.take(frame([("a", 1, 1), ("b", 1, 1), ("a", 2, 1), ("b", 2, 1)]))
    times, _ = maker.take(frame([("a", 1.5, 7), ("a", 3, 1), ("b", 3, 1)]))
    assert times.tolist() == [2 * SECOND]


def test_rows_before_the_start_are_not_made():
    maker = RowMaker(("a", "b"), SECOND, since=3 * SECOND)
    times, _ = maker.take(frame([(tag, second, 0) for second in range(1, 6) for tag in "ab"]))
    assert times.tolist() == [3 * SECOND, 4 * SECOND]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(TAGS), st.integers(0, 3), st.integers(0, 9)), max_size=60),
    st.integers(1, 7),
)
def test_live_rows_are_those_of_history_whatever_the_pieces(steps, size):
    second, readings = 0, []
    for tag, later, value in steps:
        second += later
        readings.append((tag, second, value))
    whole_times, whole_rows = rows_of_readings(frame(readings), TAGS, SECOND)
    maker = RowMaker(TAGS, SECOND)
    pieces = [maker.take(frame(readings[i : i + size])) for i in range(0, len(readings), size)]
    times = np.concatenate([times for times, _ in pieces]) if pieces else np.zeros(0)
    rows = np.concatenate([rows for _, rows in pieces]) if pieces else np.zeros((0, 3))
    np.testing.assert_array_equal(times, whole_times[: len(times)])
    np.testing.assert_array_equal(rows, whole_rows[: len(times)])
    assert len(times) >= len(whole_times) - LATE - 1


@pytest.mark.parametrize("readings", [[], [("other", 1, 1)], [("a", 1, 1, 0x40000000)]])
def test_without_good_readings_of_its_tags_there_is_no_row(readings):
    times, rows = rows_of_readings(frame(readings), TAGS, SECOND)
    assert len(times) == 0
    assert rows.shape == (0, 3)
    assert RowMaker(TAGS, SECOND).take(frame(readings))[1].shape == (0, 3)
