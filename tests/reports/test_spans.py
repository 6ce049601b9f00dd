"""Spans by name, in a zone whose clocks change, and how a title states them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from sensormon.model.clock import DAY, HOUR
from sensormon.model.errors import UsageError
from sensormon.model.timestamps import parse
from sensormon.reports.spans import MONTH, SPANS, WEEK, YESTERDAY, span_of, span_words, zone_named, zone_words

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("name", "now", "since", "until"),
    [
        ("the last day", "2026-09-21T14:00:00Z", "2026-09-20T14:00:00Z", "2026-09-21T14:00:00Z"),
        (YESTERDAY, "2026-09-21T21:59:00Z", "2026-09-19T22:00:00Z", "2026-09-20T22:00:00Z"),
        (YESTERDAY, "2026-09-21T22:01:00Z", "2026-09-20T22:00:00Z", "2026-09-21T22:00:00Z"),
        (WEEK, "2026-09-23T10:00:00Z", "2026-09-13T22:00:00Z", "2026-09-20T22:00:00Z"),
        (MONTH, "2026-03-31T23:00:00Z", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"),
        (MONTH, "2026-01-10T10:00:00Z", "2025-11-30T23:00:00Z", "2025-12-31T23:00:00Z"),
    ],
)
def test_a_span_is_where_the_clock_of_its_zone_says(name: str, now: str, since: str, until: str) -> None:
    assert span_of(name, parse(now), BERLIN) == (parse(since), parse(until))


@pytest.mark.parametrize(("day", "hours"), [("2026-03-30", 23), ("2026-10-26", 25), ("2026-06-02", 24)])
def test_a_day_on_which_the_clocks_change_is_as_long_as_it_was(day: str, hours: int) -> None:
    since, until = span_of(YESTERDAY, parse(f"{day}T10:00:00Z"), BERLIN)
    assert until - since == hours * HOUR


def test_titles_name_whole_days_and_both_distances_from_utc() -> None:
    since, until = span_of(WEEK, parse("2026-10-28T10:00:00Z"), BERLIN)
    assert span_words(since, until, BERLIN) == "Mon 19 Oct 2026 to Sun 25 Oct 2026"
    assert zone_words(since, until, BERLIN) == "Europe/Berlin (UTC+02:00, at the end UTC+01:00)"
    assert span_words(since, since + DAY + HOUR, BERLIN).endswith("to Tue 20 Oct 2026 01:00")


def test_an_unknown_span_or_zone_is_refused() -> None:
    assert all(span_of(name, parse("2026-09-21T14:00:00Z"), BERLIN) for name in SPANS)
    with pytest.raises(UsageError, match="no span 'tomorrow'"):
        span_of("tomorrow", 0, BERLIN)
    with pytest.raises(UsageError, match="no time zone"):
        zone_named("../etc/passwd")
