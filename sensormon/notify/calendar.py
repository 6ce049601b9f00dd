"""When a calendar applies: stretches of µs UTC from days and times of day in its zone.

Computed in UTC, so that a night in which the clocks change has the length it has. A time of day that a
change of clocks leaves out is the moment of the change; of one that occurs twice a stretch begins at the
first and ends at the last.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from sensormon.model.clock import DAY, SECOND
from sensormon.model.readings import Ints
from sensormon.model.timestamps import EPOCH, to_datetime
from sensormon.notify.config import Calendar

NEVER = np.iinfo(np.int64).max
"""A moment that does not come."""
FARTHEST = 400
"""Days that are looked back; earlier moments are moved there."""

_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)


def applies(calendar: Calendar, now: int) -> bool:
    """Whether it applies at this moment (µs UTC). The zone must exist; `ZoneInfo` raises if not."""
    today = to_datetime(now).astimezone(ZoneInfo(calendar.zone)).date()
    return any(begin <= now < end for begin, end in _of_days(calendar, today - _DAY, today + _DAY))


def stretches(calendars: Iterable[Calendar], since: int, until: int) -> list[tuple[int, int]]:
    """The stretches begin <= time < end in which one of them applies, in order, none touching the next.

    Those that touch since <= time <= until, whole. The zone must exist; `ZoneInfo` raises if not.
    """
    since = max(since, until - FARTHEST * DAY)
    pieces: list[tuple[int, int]] = []
    for calendar in calendars:
        zone = ZoneInfo(calendar.zone)
        first, last = (to_datetime(moment).astimezone(zone).date() for moment in (since, until))
        days = _of_days(calendar, first - 2 * _DAY, last + _DAY)
        pieces += [(begin, end) for begin, end in days if end > since and begin <= until]
    whole: list[tuple[int, int]] = []
    for begin, end in sorted(pieces):
        if whole and begin <= whole[-1][1]:
            whole[-1] = whole[-1][0], max(end, whole[-1][1])
        else:
            whole.append((begin, end))
    return whole


def first_within(times: Ints, within: list[tuple[int, int]]) -> Ints:
    """For each time the first moment, at it or later, that lies in one of these stretches; else NEVER."""
    begins = np.array([*(begin for begin, _ in within), NEVER], dtype=np.int64)
    ends = np.array([end for _, end in within], dtype=np.int64)
    first: Ints = np.maximum(times, begins[np.searchsorted(ends, times, side="right")])
    return first


def _of_days(calendar: Calendar, first: date, last: date) -> list[tuple[int, int]]:
    """The stretches that belong to these days, in order."""
    days = (first + _DAY * place for place in range((last - first).days + 1))
    chosen = (day for day in days if day.weekday() in calendar.days and day not in calendar.but)
    stretch = (_stretch(calendar.zone, day, calendar.begin, calendar.end) for day in chosen)
    return [(begin, end) for begin, end in stretch if begin < end]


@lru_cache(maxsize=10_000)
def _stretch(zone: str, day: date, begin: time, end: time) -> tuple[int, int]:
    """From when to when a calendar of these times applies on this day."""
    ends_on = day if end > begin else day + _DAY
    return (
        _moment(datetime.combine(day, begin), zone, last=False),
        _moment(datetime.combine(ends_on, end), zone, last=True),
    )


def _moment(wall: datetime, name: str, *, last: bool) -> int:
    """The moment (µs UTC) at which the clocks show this, or first show more."""
    zone = ZoneInfo(name)
    early, late = sorted((wall.replace(tzinfo=zone, fold=fold) - EPOCH) // _MICROSECOND for fold in (0, 1))
    if early == late or _wall(early, zone) == wall:
        return late if last else early
    # In a gap the clocks show less at `early` and more at `late`: the change lies between.
    low, high = early // SECOND, -(-late // SECOND)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _wall(middle * SECOND, zone) >= wall else (middle, high)
    return high * SECOND


def _wall(moment: int, zone: ZoneInfo) -> datetime:
    """What the clocks show."""
    return to_datetime(moment).astimezone(zone).replace(tzinfo=None, fold=0)
