"""Maintenance windows in words: a calendar by day, and what a window is for.

Pure functions: windows in, plain text out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from sensormon.events.maintenance import Maintenance
from sensormon.events.quiet import until_words
from sensormon.model.format import listed
from sensormon.model.tags import TagTable
from sensormon.model.timestamps import from_local, local_time

DAYS = 14
"""How many days the calendar has."""
_NAMED = 4


@dataclass(frozen=True)
class Entry:
    """A window on one day: its times of day, what it is for, and whether it is under way."""

    times: str
    tags: str
    reason: str
    who: str
    now: bool
    weekly: bool


@dataclass(frozen=True)
class Day:
    """A day of the calendar with its windows, in order of time."""

    date: date
    title: str
    entries: tuple[Entry, ...]


def calendar(windows: Sequence[Maintenance], tags: TagTable, now: int, zone: tzinfo) -> list[Day]:
    """The days from today that have windows, of `DAYS`, in this zone."""
    today = local_time(now, zone).date()
    days = []
    for number in range(DAYS):
        day = today + timedelta(days=number)
        since, until = (
            from_local(datetime.combine(day + timedelta(days=more), time()), zone) for more in (0, 1)
        )
        spans = (
            sorted((span, window.id, window) for window in windows for span in window.between(since, until))
            if windows
            else []
        )
        entries = tuple(
            Entry(
                _times(span, since, until, zone),
                for_words(window, tags),
                window.reason,
                window.who,
                span[0] <= now < span[1],
                window.weekly,
            )
            for span, _, window in spans
            if span[1] > now
        )
        if entries:
            days.append(Day(day, _title(day, today), entries))
    return days


def _title(day: date, today: date) -> str:
    named = {0: "Today", 1: "Tomorrow"}.get((day - today).days)
    return f"{named}, {day:%a %Y-%m-%d}" if named else f"{day:%a %Y-%m-%d}"


def _times(span: tuple[int, int], since: int, until: int, zone: tzinfo) -> str:
    """The part of a window on this day: "22:00–24:00", "all day"."""
    if span[0] <= since and span[1] >= until:
        return "all day"
    begin = "00:00" if span[0] <= since else f"{local_time(span[0], zone):%H:%M}"
    end = "24:00" if span[1] >= until else f"{local_time(span[1], zone):%H:%M}"
    return f"{begin}–{end}"


def for_words(window: Maintenance, tags: TagTable) -> str:
    """What a window is for: "all tags", "group CIP, line1_*"."""
    if "*" in window.patterns:
        return "all tags"
    groups = [f"group {name}" for name in window.groups]
    names = [tags.title(name) if name in tags else name for name in window.patterns]
    return listed([*groups, *names], _NAMED)


def window_words(window: Maintenance, tags: TagTable, now: int, zone: tzinfo) -> str:
    """A window in a line, for choosing it from a list."""
    begin, end = until_words(window.since, now, zone), until_words(window.until, now, zone)
    if window.weekly:
        first, last = local_time(window.since, zone), local_time(window.until, zone)
        until = f" until {local_time(window.last, zone):%Y-%m-%d}" if window.last else ""
        when = f"every {first:%a %H:%M} to {last:%a %H:%M}{until}"
    else:
        when = f"{begin} to {end}"
    return f"{when} · {for_words(window, tags)} · {window.reason}"
