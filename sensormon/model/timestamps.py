"""Conversion of text and local clock times to microseconds UTC and back.

Text is ISO 8601, with or without a zone; a time without a zone is UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import numpy as np
import pandas as pd

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = 253_402_300_799_999_999
"""The last moment of the year 9999, the last that datetime can represent."""
FOREVER = 221_845_392_000_000_000
"""9000-01-01: a time for queries without an end, within what every store and zone can hold."""
_MICROSECOND = timedelta(microseconds=1)


def parse(text: str) -> int:
    """Microseconds UTC of an ISO 8601 date and time.

    Digits past the microsecond are dropped. A date alone is midnight.

    Raises ValueError if the text is not such a time.

    >>> parse("1970-01-01T00:00:01.5Z")
    1500000
    >>> parse("1970-01-01T02:00:00+02:00") == parse("1970-01-01 00:00:00")
    True
    """
    moment = datetime.fromisoformat(text.strip().upper())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // _MICROSECOND


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
    utc = times if times.dt.tz is None else times.dt.tz_convert("UTC").dt.tz_localize(None)
    stamps = utc.to_numpy(dtype="datetime64[us]")
    return np.asarray(stamps.astype(np.int64))
