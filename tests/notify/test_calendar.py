"""Calendars in time zones, against a reference that reads the clocks minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.model.clock import HOUR, MINUTE, SECOND
from sensormon.notify.calendar import NEVER, applies, first_within, stretches
from sensormon.notify.config import Calendar

ZONES = ["UTC", "Europe/Prague", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]
CHANGES = {
    "Europe/Prague": [date(2026, 3, 29), date(2026, 10, 25)],
    "America/New_York": [date(2026, 3, 8), date(2026, 11, 1)],
    "Australia/Lord_Howe": [date(2026, 4, 5), date(2026, 10, 4)],  # by half an hour
    "Pacific/Apia": [date(2011, 12, 29), date(2011, 12, 30)],  # the 30th was left out
}


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()) * SECOND


@cache
def clock(zone: str, first: date) -> list[tuple[int, datetime]]:
    """What the clocks show at each minute of the five days around this one."""
    begin = int(datetime.combine(first - timedelta(days=2), time(), UTC).timestamp())
    moments = range(begin, begin + 5 * 86_400, 60)
    return [
        (moment * SECOND, datetime.fromtimestamp(moment, ZoneInfo(zone)).replace(tzinfo=None))
        for moment in moments
    ]


def slowly(calendar: Calendar, day: date, around: date) -> tuple[int, int]:
    """From the first minute at which the clocks show the begin or more to the last before the end."""
    shown = clock(calendar.zone, around)
    begin = datetime.combine(day, calendar.begin)
    end = datetime.combine(day if calendar.end > calendar.begin else day + timedelta(days=1), calendar.end)
    first = next(moment for moment, wall in shown if wall >= begin)
    last = next(moment for moment, wall in reversed(shown) if wall < end)
    return first, last + MINUTE


times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))


@given(st.data(), st.sampled_from(ZONES), times, times)
@settings(max_examples=150)
def test_a_calendar_applies_as_its_clocks_show(
    data: st.DataObject, zone: str, begin: time, end: time
) -> None:
    around = data.draw(st.sampled_from(CHANGES.get(zone, [date(2026, 7, 1)])))
    days = tuple(data.draw(st.sets(st.integers(0, 6), min_size=1)))
    but = tuple(data.draw(st.sets(st.sampled_from([around, around - timedelta(days=1)]), max_size=1)))
    calendar = Calendar("c", zone, days, begin, end, but)
    local = [around + timedelta(days=offset) for offset in (-1, 0, 1)]
    chosen = [slowly(calendar, day, around) for day in local if day.weekday() in days and day not in but]
    shown = clock(zone, around)
    within = [moment for moment, wall in shown if local[1] <= wall.date() <= local[2]]
    for moment in within[:: data.draw(st.integers(7, 23))]:
        expected = any(first <= moment < last for first, last in chosen)
        assert applies(calendar, moment) == expected, shown[0]
    pieces = stretches([calendar], within[0], within[-1])
    for moment in within[::31]:
        assert applies(calendar, moment) == any(first <= moment < last for first, last in pieces)


def test_a_night_that_the_clocks_change_is_as_long_as_it_is() -> None:
    night = Calendar("night", "Europe/Prague", begin=time(22), end=time(6))
    ((spring, spring_end),) = stretches([night], utc(2026, 3, 28, 23), utc(2026, 3, 28, 23))
    ((autumn, autumn_end),) = stretches([night], utc(2026, 10, 24, 23), utc(2026, 10, 24, 23))
    assert (spring_end - spring, autumn_end - autumn) == (7 * HOUR, 9 * HOUR)


def test_a_time_that_is_left_out_is_the_moment_of_the_change_and_one_that_comes_twice_is_both() -> None:
    from_gap = Calendar("gap", "Europe/Prague", begin=time(2, 30), end=time(4))
    change = utc(2026, 3, 29, 1)
    assert not applies(from_gap, change - 1)
    assert applies(from_gap, change)
    twice = Calendar("twice", "Europe/Prague", begin=time(2), end=time(2, 30))
    first, last = utc(2026, 10, 25, 0), utc(2026, 10, 25, 1, 30)
    assert [applies(twice, at) for at in (first - 1, first, last - 1, last)] == [False, True, True, False]


def test_a_night_belongs_to_the_day_it_began_on() -> None:
    friday = Calendar("friday", "UTC", days=(4,), begin=time(22), end=time(6), but=(date(2026, 11, 13),))
    assert applies(friday, utc(2026, 11, 7, 5, 59))  # a Saturday morning
    assert not applies(friday, utc(2026, 11, 6, 5))
    assert not applies(friday, utc(2026, 11, 14, 5))  # the night of the 13th is left out
    assert not applies(friday, utc(2026, 11, 7, 6))


def test_stretches_of_several_calendars_are_joined_and_the_first_moment_within_is_the_next() -> None:
    late = Calendar("late", "UTC", begin=time(14), end=time(22))
    night = Calendar("night", "UTC", begin=time(22), end=time(6))
    within = stretches([late, night], utc(2026, 11, 3, 12), utc(2026, 11, 4, 13))
    assert within == [(utc(2026, 11, 3, 14), utc(2026, 11, 4, 6))]
    asked = np.array([utc(2026, 11, 3, 12), utc(2026, 11, 3, 15), utc(2026, 11, 4, 6)])
    assert first_within(asked, within).tolist() == [utc(2026, 11, 3, 14), asked[1], NEVER]
