"""Times in files: across clock changes, as numbers, as dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.model.timestamps import render
from sensormon.tables.times import read_times
from tests.support.plant import START

BERLIN = "Europe/Berlin"
BACK = {  # when clocks are set back, UTC
    BERLIN: datetime(2026, 10, 25, 1, tzinfo=UTC),
    "America/New_York": datetime(2026, 11, 1, 6, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2026, 4, 4, 15, tzinfo=UTC),
    "America/Havana": datetime(2026, 11, 1, 5, tzinfo=UTC),
}


def micros(times: list[datetime]) -> list[int]:
    return [round(time.timestamp() * 1e6) for time in times]


def clock(times: list[datetime], zone: str) -> pd.Series:
    return pd.Series([time.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S") for time in times])


@settings(deadline=None)
@given(
    zone=st.sampled_from(sorted(BACK)),
    minutes=st.integers(1, 29),
    before=st.integers(0, 300),
    newest_first=st.booleans(),
    as_dates=st.booleans(),
)
def test_repeated_hour_is_resolved_by_row_order(
    zone: str, minutes: int, before: int, newest_first: bool, as_dates: bool
) -> None:
    start = BACK[zone] - timedelta(minutes=120 + before % minutes)
    times = [start + timedelta(minutes=minutes * i) for i in range(240 // minutes + 2)]
    if newest_first:
        times.reverse()
    column = clock(times, zone)
    if as_dates:
        column = pd.to_datetime(column)
    parsed = read_times(column, zone)
    assert parsed.time.tolist() == micros(times)
    assert not (parsed.wrong | parsed.unsure | parsed.skipped).any()


def test_repeated_hour_is_resolved_per_tag() -> None:
    times = [BACK[BERLIN] + timedelta(minutes=20 * i) for i in range(-6, 6)]
    one_by_one = clock([*times, *times], BERLIN)
    tags = pd.Series(["a"] * 12 + ["b"] * 12)
    assert read_times(one_by_one, BERLIN, tags).time.tolist() == micros([*times, *times])
    mixed = clock([time for time in times for _ in range(2)], BERLIN)
    tags = pd.Series(["a", "b"] * 12)
    assert read_times(mixed, BERLIN, tags).time.tolist() == micros([t for t in times for _ in range(2)])


def test_repeated_hour_is_resolved_for_hourly_readings() -> None:
    times = [BACK[BERLIN] + timedelta(hours=i) for i in range(-3, 3)]
    parsed = read_times(clock(times, BERLIN), BERLIN)
    assert parsed.time.tolist() == micros(times)


def test_ambiguous_hour_takes_the_later_time_and_is_reported() -> None:
    column = pd.Series(["2026-10-25 02:30:00", "2026-10-25 12:00:00", "2026-10-26 02:30:00"])
    parsed = read_times(column, BERLIN)
    assert [render(time) for time in parsed.time.tolist()] == [
        "2026-10-25T01:30:00.000Z",
        "2026-10-25T11:00:00.000Z",
        "2026-10-26T01:30:00.000Z",
    ]
    assert parsed.unsure.tolist() == [True, False, False]
    disorder = clock([BACK[BERLIN] + timedelta(minutes=m) for m in (-20, -50, -10, -40, -5, -55)], BERLIN)
    assert read_times(disorder, BERLIN).unsure.all()


@pytest.mark.parametrize("shuffled", [True, False])
def test_rows_out_of_order_do_not_decide_the_repeated_hour(shuffled: bool) -> None:
    times = [BACK[BERLIN] + timedelta(minutes=20 * i) for i in range(-6, 6)]
    # A later row of the hour before an earlier one, or one row of it again at the end of the file.
    rows = (
        [times[0], times[11], times[6], times[10], times[5], times[1]]
        if shuffled
        else [*times[:5], times[10], times[4]]
    )
    read = read_times(clock(rows, BERLIN), BERLIN)
    assert read.unsure.sum() == (2 if shuffled else 3)
    later = [
        time + timedelta(hours=1) if BACK[BERLIN] - timedelta(hours=1) <= time < BACK[BERLIN] else time
        for time in rows
    ]
    assert read.time.tolist() == micros(later)


def test_skipped_hour_is_no_time() -> None:
    column = pd.Series(["2026-03-29 01:59:00", "2026-03-29 02:30:00", "2026-03-29 03:00:00", "soon"])
    parsed = read_times(column, BERLIN)
    assert parsed.wrong.tolist() == [False, True, False, True]
    assert parsed.skipped.tolist() == [False, True, False, False]
    assert parsed.time[2] - parsed.time[0] == 60_000_000


@pytest.mark.parametrize(("unit", "factor"), [("s", 1_000_000), ("ms", 1_000), ("µs", 1), ("ns", 0.001)])
def test_epoch_unit_is_inferred_from_magnitude(unit: str, factor: float) -> None:
    times = START + np.arange(5, dtype=np.int64) * 1_000_000
    column = pd.Series((times / factor).astype(np.int64))
    parsed = read_times(column, BERLIN)
    assert parsed.said == f"{unit} since 1970"
    assert np.abs(parsed.time - times).max() <= 1
    assert not parsed.wrong.any()
    holes = column.astype("float64")
    holes.iloc[2] = np.nan
    assert read_times(holes, "UTC").wrong.tolist() == [False, False, True, False, False]


def test_whole_numbers_that_are_all_dates_are_dates() -> None:
    parsed = read_times(pd.Series([20260131, 20260201]), "UTC")
    assert [render(time) for time in parsed.time.tolist()] == [
        "2026-01-31T00:00:00.000Z",
        "2026-02-01T00:00:00.000Z",
    ]
    assert parsed.said == "digits yyyymmdd"
    mixed = read_times(pd.Series([20260131, 20260232]), "UTC")
    assert mixed.wrong.tolist() == [False, True], "a day that does not exist is wrong, never a second of 1970"
    assert mixed.time[0] == parsed.time[0]


def test_times_with_and_without_zone_mix() -> None:
    column = pd.Series(["2026-07-01T12:00:00Z", "2026-07-01 12:00:00", "2026-07-01T12:00:00+05:30", "x"])
    parsed = read_times(column, BERLIN)
    assert [render(time) for time in parsed.time.tolist()[:3]] == [
        "2026-07-01T12:00:00.000Z",
        "2026-07-01T10:00:00.000Z",
        "2026-07-01T06:30:00.000Z",
    ]
    assert parsed.wrong.tolist() == [False, False, False, True]
