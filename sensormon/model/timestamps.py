"""Conversion of text and local clock times to microseconds UTC and back.

Text is ISO 8601, with or without a zone; a time without a zone is UTC. The patterns here are also what
columns of times in files are read with (`tables.times`); they keep to what both Python and RE2 know.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import numpy as np
import pandas as pd

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = 253_402_300_799_999_999
"""The last moment of the year 9999, the last that datetime can represent."""
FOREVER = 221_845_392_000_000_000
"""9000-01-01: a time for queries without an end, within what every store and zone can hold."""
FIRST = -62_135_596_800_000_000
"""The first moment of the year 1, the first that datetime can represent."""
DAY = 86_400
"""Seconds of a day."""
_MICROSECOND = timedelta(microseconds=1)
_EPOCH_DAY = EPOCH.toordinal()

ZONE = r"Z|(?:UTC|GMT)?(?:[+-]\d{2}(?::?\d{2})?|[+-]\d{2}:\d{2}:\d{2}|[+-]\d(?::\d{2})?)|UTC|GMT"
"""An offset, in capitals."""
ISO = (
    r"(?P<date>\d{4}-\d{2}-\d{2}|\d{8})"
    r"(?:(?:T| +)(?P<clock>\d{1,2}:\d{2}(?::\d{2})?|\d{6}|\d{4}|\d{2})"
    r"(?P<fraction>[.,]\d+)?"
    rf"(?: *(?P<zone>{ZONE})(?:\[[A-Z0-9_+/-]+\])?)?)?"
)
"""A time in ISO 8601, in capitals, with the name of a zone behind the offset as Java writes it."""
_ISO = re.compile(ISO, re.ASCII)
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
"""The usual forms, which the standard library reads faster. It takes others too, some of them no times:
2026-01-31T12:00:00.1234567W89Z."""


def parse(text: str) -> int:
    """Microseconds UTC of an ISO 8601 date and time.

    `T` or a space before the clock, a point or comma before the fraction, an offset as `Z`, `UTC`,
    `GMT`, `+02`, `+0200` or `+02:00`. Digits past the microsecond are dropped, a date alone is midnight,
    and 24:00 is the next midnight. What it is not: a guess at other orders of day, month and year.

    Raises ValueError if the text is not such a time, or before the year 1 or after 9999 in UTC.

    >>> parse("1970-01-01T00:00:01.5Z")
    1500000
    >>> parse("1970-01-01T02:00:00+02") == parse("1969-12-31 24:00:00")
    True
    """
    text = text.strip().upper()
    if _PLAIN.fullmatch(text) and text[11:13] != "24":
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        time = (moment - EPOCH) // _MICROSECOND
    else:
        time = _parsed(text)
    if not FIRST <= time <= LAST:
        raise ValueError(f"{text[:40]!r} is not in the years 1 to 9999 in UTC")
    return time


def _parsed(text: str) -> int:
    parts = _ISO.fullmatch(text.replace("\u2212", "-"))
    if parts is None:
        raise ValueError(f"{text[:40]!r} is not an ISO 8601 time")
    days = date.fromisoformat(parts["date"]).toordinal() - _EPOCH_DAY
    seconds = seconds_of_clock(parts["clock"] or "0:00")
    fraction = int((parts["fraction"] or ".")[1:7].ljust(6, "0"))
    if parts["fraction"] and not has_seconds(parts["clock"]):
        raise ValueError(f"{text[:40]!r} has a fraction without seconds")
    if seconds == DAY and fraction:
        raise ValueError(f"{text[:40]!r}: no time is later than 24:00")
    return (days * DAY + seconds - seconds_of_offset(parts["zone"] or "Z")) * 1_000_000 + fraction


def has_seconds(clock: str) -> bool:
    """Whether this time of day has seconds, so that a fraction of them may follow."""
    return len(clock) == 6 if clock.isdecimal() else clock.count(":") + clock.count(".") == 2


def seconds_of_clock(text: str) -> int:
    """Seconds from midnight of `12`, `12:00`, `1200`, `12:00:00`, `120000` or `12.00.00`; at most 24:00.

    Raises ValueError for anything else.
    """
    if text.isdecimal() and len(text) > 2:
        parts = [text[place : place + 2] for place in range(0, len(text), 2)]
    else:
        parts = text.replace(".", ":").split(":")
    hour, minute, second = (int(part) for part in [*parts, "0", "0"][:3])
    seconds = hour * 3600 + minute * 60 + second
    if len(parts) > 3 or minute > 59 or second > 59 or seconds > DAY:
        raise ValueError(f"{text!r} is not a time of day")
    return seconds


def seconds_of_offset(text: str) -> int:
    """Seconds by which a clock is ahead of UTC: `Z`, `UTC`, `+02`, `+0200`, `-02:00`, `UTC+2`.

    Raises ValueError for a day or more.
    """
    text = text.removeprefix("UTC").removeprefix("GMT")
    if text in {"", "Z"}:
        return 0
    digits = text[1:].replace(":", "")
    digits = digits.zfill(len(digits) + len(digits) % 2).ljust(6, "0")
    hours, minutes, seconds = (int(digits[place : place + 2]) for place in (0, 2, 4))
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError(f"{text!r} is not an offset from UTC")
    return (hours * 3600 + minutes * 60 + seconds) * (-1 if text.startswith("-") else 1)


def to_datetime(time: int) -> datetime:
    """The aware datetime (UTC) of microseconds UTC."""
    return EPOCH + timedelta(microseconds=time)


def render(time: int) -> str:
    """ISO 8601 in UTC with Z; milliseconds, or microseconds if there are any.

    >>> render(1500000)
    '1970-01-01T00:00:01.500Z'
    """
    precision = "milliseconds" if time % 1_000 == 0 else "microseconds"
    return to_datetime(time).isoformat(timespec=precision).replace("+00:00", "Z")


def local_time(time: int, zone: tzinfo) -> datetime:
    """The local time in this zone, without the zone, to the second, as a time field holds it."""
    return to_datetime(time).astimezone(zone).replace(tzinfo=None, microsecond=0)


def from_local(time: datetime, zone: tzinfo, *, last: bool = False) -> int:
    """Microseconds UTC of a local time; in an hour that occurs twice, the first or the last one.

    >>> from zoneinfo import ZoneInfo
    >>> twice, berlin = datetime(2026, 10, 25, 2, 30), ZoneInfo("Europe/Berlin")
    >>> from_local(twice, berlin, last=True) - from_local(twice, berlin)
    3600000000
    """
    folds = (0, 1) if last else (0,)
    return max((time.replace(tzinfo=zone, fold=fold) - EPOCH) // _MICROSECOND for fold in folds)


def micros(times: pd.Series[Any]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The times of a frame's column in µs UTC; a column of µs is returned as it is.

    A time without a zone is UTC.

    >>> micros(pd.Series(pd.to_datetime(["1970-01-01T00:00:01.5Z"]))).tolist()
    [1500000]
    """
    if not len(times):
        return np.zeros(0, dtype=np.int64)
    if times.dtype.kind in "iu":
        return times.to_numpy(dtype=np.int64)
    return times.to_numpy(dtype="datetime64[us]").view(np.int64)  # in UTC, of whichever zone they are
