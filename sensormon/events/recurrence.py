"""A span of time repeated every week at the same time of day in a zone.

Pure functions; times are µs UTC. Beginning and end keep their time of day when clocks change, so an
occurrence may be an hour longer or shorter. In an hour that occurs twice it begins with the first and ends
with the last; what a change of clocks leaves out is left out.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sensormon.model.clock import DAY
from sensormon.model.errors import UsageError
from sensormon.model.timestamps import from_local, local_time

Span = tuple[int, int]

WEEK, LENGTH = timedelta(days=7), 7 * DAY
MOST = 54
"""The most occurrences that are returned: those of a year."""


@lru_cache(maxsize=64)
def zone_named(name: str) -> ZoneInfo:
    """The time zone of this name. Raises UsageError if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(
            f"there is no time zone {name[:100]!r}", where="zone", hint="Use a name such as Europe/Prague"
        ) from None


def weekly_at(first: Span, zone: ZoneInfo, time: int) -> Span | None:
    """The occurrence at since <= time < until, if there is one. `first` lasts a week at most."""
    week = (time - first[0]) // LENGTH
    for number in (week, week + 1, week - 1):  # its neighbours too: clocks may have changed
        span = _occurrence(first, zone, number)
        if span is not None and span[0] <= time < span[1]:
            return span
    return None


def weekly_between(first: Span, zone: ZoneInfo, since: int, until: int) -> list[Span]:
    """The occurrences that overlap since <= time < until, in order; at most `MOST`."""
    week = max(0, since - first[0]) // LENGTH
    spans: list[Span] = []
    for number in range(max(0, week - 2), week + MOST):
        span = _occurrence(first, zone, number)
        if span is not None and span[0] >= until:
            break
        if span is not None and span[1] > since:
            spans.append(span)
    return spans


@lru_cache(maxsize=4096)
def _occurrence(first: Span, zone: ZoneInfo, number: int) -> Span | None:
    """That of the week with this number, 0 for the first; None if a change of clocks leaves it out."""
    if number < 0:
        return None
    if number == 0:
        return first
    begin, end = (local_time(edge, zone) + number * WEEK for edge in first)
    span = from_local(begin, zone), from_local(end, zone, last=True)
    return span if span[0] < span[1] else None
