"""Timestamps formatted as text and parsed again."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.model import timestamps
from sensormon.model.clock import SECOND

NOON = 1_769_860_800 * SECOND  # 2026-01-31T12:00:00Z


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31 12:00:00",
        "2026-01-31T12:00",
        "  2026-01-31T12:00:00.000000Z\n",
        "2026-01-31T13:00:00+01:00",
        "2026-01-31T06:30:00-05:30",
        "20260131T120000Z",
        "2026-01-31T12:00:00.0000009Z",
        "2026-01-31T12:00:00,000Z",
        "2026-01-31 14:00:00+02",
        "2026-01-31 12:00 UTC",
        "2026-01-31T12:00:00\u221200:00",
    ],
)
def test_the_usual_ways_to_write_a_time_are_the_same_time(text: str) -> None:
    assert timestamps.parse(text) == NOON


def test_a_time_without_a_zone_is_utc_and_a_date_is_midnight() -> None:
    assert timestamps.parse("2026-01-31") == timestamps.parse("2026-01-31T00:00:00+00:00")


def test_24_hours_are_the_next_midnight() -> None:
    assert timestamps.parse("2026-01-30T24:00:00.0Z") == timestamps.parse("2026-01-31")


def test_a_time_before_1970_is_negative() -> None:
    assert timestamps.parse("1969-12-31T23:59:59.5Z") == -SECOND // 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1769860800",
        "31.01.2026 12:00",
        "2026-02-30",
        "2026-01-31T25:00",
        "2026-01-31T12:00+99:00",
        "2026-01-31T24:00:01",
        "2026-01-31T12:00.5",
        "2026-01-31x12:00",
        "2026-W05-6T12:00Z",
        "2026-01-31T12200Z",
        "2026-01-31T12:00,Z",
        "2026-01-31T12:00:00.1234567W89Z",
        "0001-01-01T00:00+01",
    ],
)
def test_an_invalid_time_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        timestamps.parse(text)


@given(st.integers(timestamps.parse("0001-01-01"), timestamps.parse("9999-12-31T23:59:59.999999")))
def test_every_time_round_trips_through_text(time: int) -> None:
    assert timestamps.parse(timestamps.render(time)) == time


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (NOON, "2026-01-31T12:00:00.000Z"),
        (NOON + 1_000, "2026-01-31T12:00:00.001Z"),
        (NOON + 1, "2026-01-31T12:00:00.000001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_a_time_is_rendered_in_utc_with_as_many_digits_as_it_has(time: int, text: str) -> None:
    assert timestamps.render(time) == text


def test_a_datetime_of_a_time_knows_its_zone() -> None:
    moment = timestamps.to_datetime(NOON)
    assert moment.utcoffset() is not None
    assert moment.isoformat() == "2026-01-31T12:00:00+00:00"


def test_a_field_for_a_time_means_the_viewers_clock() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    time = timestamps.parse("2026-11-24T08:30:15Z")
    shown = datetime(2026, 11, 24, 9, 30, 15)
    assert timestamps.local_time(time, berlin) == shown
    assert timestamps.from_local(shown, berlin) == time
    twice = datetime(2026, 10, 25, 2, 30)
    first, last = (timestamps.from_local(twice, berlin, last=later) for later in (False, True))
    skipped = datetime(2026, 3, 29, 2, 30)
    for later in (False, True):
        assert timestamps.from_local(skipped, berlin, last=later) == timestamps.parse("2026-03-29T01:30Z")
    assert (first, last) == tuple(timestamps.parse(f"2026-10-25T{hour}:30Z") for hour in ("00", "01"))
