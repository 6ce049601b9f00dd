"""How many events began in each minute, hour or day of the viewer's time zone.

Pure functions. Times are µs UTC. A day is as long as it is in the zone (23 to 25 hours if the
clock changes). An hour that the clock shows twice is two hours, distinguished by their offset.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum

import numpy as np

from sensormon.model.clock import DAY, SECOND
from sensormon.model.readings import Ints
from sensormon.model.timestamps import to_datetime


class Unit(StrEnum):
    """What one bar counts over."""

    MINUTE = "minute"
    TEN_MINUTES = "10 minutes"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


_SECONDS = {Unit.MINUTE: 60, Unit.TEN_MINUTES: 600, Unit.HOUR: 3_600}
_LONGEST = (
    (Unit.MINUTE, DAY // 12),
    (Unit.TEN_MINUTES, DAY // 2),
    (Unit.HOUR, 25 * 3_600 * SECOND),  # the longest day
    (Unit.DAY, 400 * DAY),
)


@dataclass(frozen=True)
class Bins:
    """Adjacent stretches of one unit; `edges` (µs UTC) has one more than there are stretches.

    The first contains the beginning of the span, the last its end.
    """

    unit: Unit
    edges: Ints

    def __len__(self) -> int:
        return len(self.edges) - 1

    def span(self, place: int) -> tuple[int, int]:
        """The stretch at this place: since <= time < until."""
        return int(self.edges[place]), int(self.edges[place + 1])


def unit_of(seconds: float) -> Unit:
    """The unit for a span of this length: finer for a short span, so that it has enough bars."""
    return next((unit for unit, most in _LONGEST if seconds * SECOND <= most), Unit.MONTH)


def bins(since: int, until: int, zone: tzinfo) -> Bins:
    """The stretches that cover since <= time < until in this zone, whole at both ends."""
    unit = unit_of((until - since) / SECOND)
    edges = [_begin(since, unit, zone)]
    while edges[-1] < until or len(edges) < 2:
        edges.append(_end(edges[-1], unit, zone))
    return Bins(unit, np.array(edges, dtype=np.int64))


def counts(times: Ints, edges: Ints) -> Ints:
    """The number of these times in each stretch; times outside are not counted."""
    places = np.searchsorted(edges, times, side="right") - 1
    inside = places[(places >= 0) & (places < len(edges) - 1)]
    numbers: Ints = np.bincount(inside, minlength=len(edges) - 1).astype(np.int64)
    return numbers


def stretch_words(since: int, until: int, zone: tzinfo) -> str:
    """A stretch as people read it: the day and the hours, or for a whole day only the day.

    An hour that the clock shows twice has its offset: "Sun 25 Oct 2026, 02:00–03:00 (UTC+01:00)".
    """
    start, end = (to_datetime(time).astimezone(zone) for time in (since, until))
    day = f"{start:%a} {start.day} {start:%b %Y}"
    if start.time() == end.time() and (start.hour, start.minute) == (0, 0):
        days = (end.date() - start.date()).days
        if days == 1:
            return day
        if start.day == end.day == 1 and 28 <= days <= 31:
            return f"{start:%B %Y}"
    if until - since <= 3_600 * SECOND:
        end = start + timedelta(microseconds=until - since)  # by the clock as set at the start
    hours = f"{start:%H:%M}–{end:%H:%M}"
    if (end - timedelta(microseconds=1)).date() != start.date():
        hours = f"{start:%H:%M}–{end:%a} {end.day} {end:%b} {end:%H:%M}"
    twice = start.replace(fold=0).utcoffset() != start.replace(fold=1).utcoffset()
    offset = f"{start:%z}"
    return f"{day}, {hours}" + (f" (UTC{offset[:3]}:{offset[3:5]})" if twice else "")


def _begin(time: int, unit: Unit, zone: tzinfo) -> int:
    local = to_datetime(time).astimezone(zone)
    if unit in _SECONDS:
        size = _SECONDS[unit] * SECOND
        of_day = ((local.hour * 60 + local.minute) * 60 + local.second) * SECOND + local.microsecond
        return _unchanged(time - of_day % size, time, zone)
    first = local.date() if unit is Unit.DAY else local.date().replace(day=1)
    return _midnight(first, zone)


def _end(begin: int, unit: Unit, zone: tzinfo) -> int:
    """The end of the stretch that begins here."""
    local = to_datetime(begin).astimezone(zone)
    if unit in _SECONDS:
        size = _SECONDS[unit] * SECOND
        of_day = ((local.hour * 60 + local.minute) * 60 + local.second) * SECOND + local.microsecond
        end = begin + size - of_day % size
        return _change(begin, end, zone) or end
    day = local.date()
    while (end := _midnight(day := _following(day, unit), zone)) <= begin:
        pass  # a day that the zone left out
    return end


def _following(day: date, unit: Unit) -> date:
    if unit is Unit.DAY:
        return day + timedelta(days=1)
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _midnight(day: date, zone: tzinfo) -> int:
    """The first moment of a day; if the clock skips midnight, the moment of the change."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone)
    return round(local.timestamp()) * SECOND


def _offset(time: int, zone: tzinfo) -> timedelta | None:
    return to_datetime(time).astimezone(zone).utcoffset()


def _unchanged(begin: int, time: int, zone: tzinfo) -> int:
    """`begin`, or the last change of the clock after it, so that up to `time` the offset stays the same."""
    start = begin
    while (change := _change(start, time + 1, zone)) is not None:
        start = change
    return start


def _change(begin: int, end: int, zone: tzinfo) -> int | None:
    """The first second (µs) in begin < time < end at which the clock changes; None without a change."""
    before = _offset(begin, zone)
    if _offset(end - 1, zone) == before:
        return None
    low, high = begin // SECOND, (end - 1) // SECOND
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle * SECOND, zone) == before else (low, middle)
    return high * SECOND
