"""The spans of reports: up to now, or the last whole hour, day, week or month by the clock of a zone."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sensormon.model.clock import DAY, HOUR
from sensormon.model.errors import UsageError
from sensormon.model.timestamps import from_local, local_time, to_datetime

UP_TO_NOW = {
    "the last hour": HOUR,
    "the last day": DAY,
    "the last 7 days": 7 * DAY,
    "the last 30 days": 30 * DAY,
}
"""By name, how long before now they begin (µs)."""
YESTERDAY, WEEK, MONTH = "yesterday", "the week before", "the month before"
SPANS = (*UP_TO_NOW, YESTERDAY, WEEK, MONTH)
"""The names of all spans. A week begins on Monday."""
LONGEST = 366 * DAY
"""µs."""


def zone_named(name: str, where: str = "zone") -> ZoneInfo:
    """The zone of this name. Raises UsageError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(
            f"there is no time zone {name[:60]!r}", where=where, hint="Write one such as Europe/Berlin or UTC"
        ) from None


def span_of(name: str, now: int, zone: ZoneInfo) -> tuple[int, int]:
    """Since when and until when (µs UTC) the span of this name is at this moment. Raises UsageError.

    Whole days, weeks and months begin and end at midnight in the zone, so that a day on which the clocks
    change has 23 or 25 hours.
    """
    if name in UP_TO_NOW:
        return now - UP_TO_NOW[name], now
    today = local_time(now, zone).date()
    if name == YESTERDAY:
        first, last = today - timedelta(days=1), today
    elif name == WEEK:
        last = today - timedelta(days=today.weekday())
        first = last - timedelta(days=7)
    elif name == MONTH:
        last = today.replace(day=1)
        first = (last - timedelta(days=1)).replace(day=1)
    else:
        raise UsageError(
            f"there is no span {name[:60]!r}", where="span", hint=f"Use one of: {', '.join(SPANS)}"
        )
    return _midnight(first, zone), _midnight(last, zone)


def span_words(since: int, until: int, zone: ZoneInfo) -> str:
    """The span as a report's title states it: whole days by their dates, all else with times.

    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> span_words(*span_of("yesterday", 1_790_000_000_000_000, berlin), berlin)
    'Sun 20 Sep 2026'
    >>> span_words(1_790_000_000_000_000, 1_790_000_060_000_000, berlin)
    'Mon 21 Sep 2026 16:13 to 16:14'
    """
    begin, end = (to_datetime(moment).astimezone(zone) for moment in (since, until))
    if begin.time() == end.time() == time():
        last = end.date() - timedelta(days=1)
        if last == begin.date():
            return _day(begin)
        return f"{_day(begin)} to {last:%a} {last.day} {last:%b %Y}"
    until_words = f"{end:%H:%M}" if begin.date() == end.date() else f"{_day(end)} {end:%H:%M}"
    return f"{_day(begin)} {begin:%H:%M} to {until_words}"


def zone_words(since: int, until: int, zone: ZoneInfo) -> str:
    """The zone with its distance from UTC, both if the clocks change in the span.

    >>> zone_words(1_790_000_000_000_000, 1_800_000_000_000_000, ZoneInfo("Europe/Berlin"))
    'Europe/Berlin (UTC+02:00, at the end UTC+01:00)'
    """
    begin, end = (_offset(moment, zone) for moment in (since, until))
    if zone.key == "UTC":
        return "UTC"
    return f"{zone.key} ({begin})" if begin == end else f"{zone.key} ({begin}, at the end {end})"


def _midnight(day: date, zone: ZoneInfo) -> int:
    return from_local(datetime.combine(day, time()), zone)


def _day(moment: datetime) -> str:
    return f"{moment:%a} {moment.day} {moment:%b %Y}"


def _offset(moment: int, zone: ZoneInfo) -> str:
    text = to_datetime(moment).astimezone(zone).strftime("%z")
    return f"UTC{text[:3]}:{text[3:5]}"
