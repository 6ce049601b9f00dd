"""Counts per interval of the viewer's clock: each time is in one interval, even when the clock changes."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sensormon.events.histogram import DAY, Unit, bins, counts, stretch_words, unit_of
from sensormon.model.clock import SECOND
from tests.support import naive

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3_600 * SECOND
ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "Europe/Berlin",
        "America/Sao_Paulo",
        "America/Havana",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Pacific/Apia",
    )
]


def at(text: str, zone: ZoneInfo = BERLIN) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * SECOND


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    since=st.integers(at("2009-01-01", ZONES[0]), at("2030-01-01", ZONES[0])),
    seconds=st.sampled_from([60, 900, 3_600, 86_400, 90_000, 7 * 86_400, 500 * 86_400]),
    shares=st.lists(st.floats(0, 1, exclude_max=True), max_size=8),
)
@example(
    zone=ZONES[4], since=at("2026-04-04 12:00", ZONES[4]), seconds=86_400, shares=[0.5, 0.52, 0.56, 0.58]
)
@example(zone=ZONES[6], since=at("2011-12-28", ZONES[6]), seconds=7 * 86_400, shares=[0.2, 0.3, 0.4])
@example(zone=ZONES[3], since=at("2026-10-31", ZONES[3]), seconds=7 * 86_400, shares=[0.14, 0.15, 0.29])
def test_two_times_are_in_one_stretch_where_the_clock_says_so(
    zone: ZoneInfo, since: int, seconds: int, shares: list[float]
) -> None:
    until = since + seconds * SECOND
    each = bins(since, until, zone)
    assert each.edges[0] <= since
    assert each.edges[-1] >= until
    assert (np.diff(each.edges) > 0).all()
    assert each.unit is unit_of(seconds)
    times = sorted(since + int(share * seconds * SECOND) for share in shares)
    places = [int(np.searchsorted(each.edges, time, side="right")) for time in times]
    for (a, place), (b, other) in pairwise(zip(times, places, strict=True)):
        same = naive.local_stretch(a, each.unit, zone) == naive.local_stretch(b, each.unit, zone)
        assert (place == other) == same
    assert counts(np.array(times, dtype=np.int64), each.edges).sum() == len(times)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-25", 25)])
def test_a_day_is_as_long_as_the_clock_makes_it(day: str, hours: int) -> None:
    since = at(day)
    by_hour = bins(since, since + hours * HOUR, BERLIN)
    assert by_hour.unit is Unit.HOUR
    assert len(by_hour) == hours
    by_day = bins(since - 3 * DAY, since + 4 * DAY, BERLIN)
    place = by_day.edges.tolist().index(since)
    assert by_day.edges[place + 1] - since == hours * HOUR
    each = np.arange(since, since + hours * HOUR, 600 * SECOND)
    assert counts(each, by_day.edges)[place] == 6 * hours


def test_an_hour_that_comes_twice_is_two_and_says_which() -> None:
    since = at("2026-10-25")
    each = bins(since, since + 25 * HOUR, BERLIN)
    words = [stretch_words(*each.span(place), BERLIN) for place in range(1, 5)]
    assert words == [
        "Sun 25 Oct 2026, 01:00–02:00",
        "Sun 25 Oct 2026, 02:00–03:00 (UTC+02:00)",
        "Sun 25 Oct 2026, 02:00–03:00 (UTC+01:00)",
        "Sun 25 Oct 2026, 03:00–04:00",
    ]


@pytest.mark.parametrize(
    ("seconds", "unit"),
    [
        (900, Unit.MINUTE),
        (3_600, Unit.MINUTE),
        (21_600, Unit.TEN_MINUTES),
        (86_400, Unit.HOUR),
        (90_000, Unit.HOUR),
        (7 * 86_400, Unit.DAY),
        (366 * 86_400, Unit.DAY),
        (3_000 * 86_400, Unit.MONTH),
    ],
)
def test_the_unit_goes_by_the_span(seconds: int, unit: Unit) -> None:
    assert unit_of(seconds) is unit


def test_events_outside_are_not_counted_and_bars_have_plain_names() -> None:
    each = bins(0, 7 * DAY, UTC)
    assert counts(np.array([-1, 0, DAY - 1, DAY, 8 * DAY], dtype=np.int64), each.edges).tolist()[:2] == [2, 1]
    assert stretch_words(*each.span(0), UTC) == "Thu 1 Jan 1970"
    assert stretch_words(0, 31 * DAY, UTC) == "January 1970"
    assert stretch_words(23 * HOUR, 25 * HOUR, UTC) == "Thu 1 Jan 1970, 23:00–Fri 2 Jan 01:00"
    assert stretch_words(23 * HOUR, 24 * HOUR, UTC) == "Thu 1 Jan 1970, 23:00–00:00"


def test_an_empty_span_still_has_a_stretch() -> None:
    assert len(bins(5 * SECOND, 5 * SECOND, UTC)) == 1
