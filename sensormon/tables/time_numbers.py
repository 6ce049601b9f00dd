"""Times written as numbers: counts since an epoch, dates in digits, days of a spreadsheet.

What a column means follows from the size of its numbers, and only if it lies in 1990 to 2100. A count
since some start is refused: read as a time it lands in 1970 or on an arbitrary day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensormon.model import timestamps
from sensormon.model.readings import Bools, Floats, Ints

SINCE_1990 = timestamps.parse("1990-01-01")
UNTIL_2100 = timestamps.parse("2100-12-31T23:59:59.999999Z")
"""Between these times (µs UTC) a number is a time without being asked for."""

_DAY = 86_400_000_000


@dataclass(frozen=True, eq=False)
class Moments:
    """Times as numbers say them: µs UTC, or µs by the clock of a zone if `by_clock`; 0 if `wrong`.

    `far` are numbers outside 1990 to 2100, in whatever way they are read; wrong too.
    """

    time: Ints
    wrong: Bools
    far: Bools
    by_clock: bool
    said: str


@dataclass(frozen=True)
class Count:
    """A count of units of `micros` µs from `start` (µs since 1970)."""

    said: str
    micros: float
    start: int = 0
    by_clock: bool = False


COUNTS = {
    "s": Count("s since 1970", 1e6),
    "ms": Count("ms since 1970", 1e3),
    "us": Count("µs since 1970", 1.0),
    "ns": Count("ns since 1970", 1e-3),
    "excel": Count("Excel serial days", _DAY, timestamps.parse("1899-12-30"), by_clock=True),
    "excel1904": Count("Excel serial days since 1904", _DAY, timestamps.parse("1904-01-01"), by_clock=True),
    "matlab": Count("MATLAB day numbers", _DAY, timestamps.parse("0001-01-01") - 367 * _DAY, by_clock=True),
    "filetime": Count("FILETIME (100 ns since 1601)", 0.1, timestamps.parse("1601-01-01")),
    "ticks": Count(
        ".NET ticks (100 ns since the year 1)", 0.1, timestamps.parse("0001-01-01"), by_clock=True
    ),
    "labview": Count("LabVIEW seconds since 1904", 1e6, timestamps.parse("1904-01-01")),
}
"""Counts by the word that asks for them."""

DIGITS = {
    "%Y%m%d": 8,
    "%Y%m%d%H": 10,
    "%y%m%d%H%M": 10,
    "%Y%m%d%H%M": 12,
    "%Y%m%d%H%M%S": 14,
}
"""Dates in digits, with how many there are."""

_BY_SIZE = ["excel", "%Y%m%d", "s", "%Y%m%d%H%M", "ms", "%Y%m%d%H%M%S", "us", "ns"]
"""Ways without being asked. The numbers that they make times in 1990 to 2100 do not overlap."""

_SPREADSHEET = 0.9
"""Of a column of spreadsheet days so many are in 1990 to 2100: a counter passes through these numbers."""


def moments(values: Floats, whole: Ints | None, way: str) -> Moments:
    """These numbers read in one way, a key of COUNTS or DIGITS. `whole` are the same if all are whole.

    Times outside the years 1 to 9000 are wrong.
    """
    if way in DIGITS:
        time, wrong = _in_digits(values, way)
        return _moments(time, wrong, by_clock=True, said=_as_digits(way))
    count = COUNTS[way]
    if count.micros == _DAY:
        time, wrong = _days(values, count.start)
    elif whole is not None and count.micros < 1:
        time, wrong = whole // round(1 / count.micros) + count.start, ~np.isfinite(values)
    else:
        wrong = ~(np.abs(values) * count.micros < 1e18)
        time = np.round(np.where(wrong, 0, values) * count.micros).astype(np.int64) + count.start
    return _moments(time, wrong, by_clock=count.by_clock, said=count.said)


def way_of(values: Floats) -> str:
    """How these numbers are times, by their size: a key of COUNTS or DIGITS; empty if they are none.

    Most of the numbers decide; of spreadsheet days nine in ten must be in 1990 to 2100.
    """
    values = values[np.isfinite(values)]
    counts = {way: int(_within(values, way).sum()) for way in _BY_SIZE}
    way = max(counts, key=lambda way: counts[way])
    if not counts[way] or (way == "excel" and counts[way] < _SPREADSHEET * len(values)):
        return ""
    return way


def ways_too(values: Floats, way: str) -> list[str]:
    """Other ways in which these numbers are times as well, by a rule that is no less likely.

    Seconds since 1970 that are also hours in digits; seconds so late that they rather count from 1904;
    ns of 1990 that are .NET ticks of our day; and, where no way fits, MATLAB's days and FILETIME.
    """
    values = values[np.isfinite(values) & _within(values, way)] if way else values[np.isfinite(values)]
    if not len(values):
        return []
    if way == "s":
        others = [other for other in ("%Y%m%d%H", "%y%m%d%H%M") if _all_are(values, other)]
        late = bool((values > _LATE).all())
        return others + (["labview"] if late and _all_are(values, "labview") else [])
    if way == "ns":
        return ["ticks"] if _all_are(values, "ticks") else []
    return [] if way else [other for other in ("matlab", "filetime") if _all_are(values, other)]


_LATE = 2_840_140_800
"""2060-01-01 in s since 1970."""


def _all_are(values: Floats, way: str) -> bool:
    read = moments(values, None, way)
    return not (read.wrong | read.far).any()


def _within(values: Floats, way: str) -> Bools:
    """Which numbers are in 1990 to 2100 in this way; of dates in digits, those of a day that exists."""
    if way in DIGITS:
        # Most columns have no number of so many digits, and reading fields takes ten times their memory.
        least = 10.0 ** (DIGITS[way] - 1) if way.startswith("%Y") else 0.0
        inside: Bools = (values >= least) & (values < 10.0 ** DIGITS[way])
        read = moments(values[inside], None, way)
        inside[inside] = ~(read.wrong | read.far)
        return inside
    count = COUNTS[way]
    time = values * count.micros + count.start
    within: Bools = (time >= SINCE_1990) & (time <= UNTIL_2100)
    return within


def _moments(time: Ints, wrong: Bools, *, by_clock: bool, said: str) -> Moments:
    wrong = wrong | (time < timestamps.FIRST) | (time > timestamps.FOREVER)
    far = ~wrong & ((time < SINCE_1990) | (time > UNTIL_2100))
    return Moments(np.where(wrong, 0, time), wrong, far, by_clock, said)


def _days(values: Floats, start: int) -> tuple[Ints, Bools]:
    """Days since `start` (µs), to the second if all of them can be seconds by their digits, else to the ms.

    46053.50069 is 12:01:00, not 12:00:59.616.
    """
    wrong = ~(np.abs(values) < 4e6)
    days = np.where(wrong, 0, values)
    whole = np.floor(days)
    seconds = (days - whole) * 86_400
    digits = next((digits for digits in _ROUGH if (np.round(days, digits) == days).all()), 12)
    to_second = (np.abs(seconds - np.round(seconds)) <= 43_201 / 10**digits).all()
    unit = 1_000_000 if to_second else 1_000
    parts = np.round(seconds * (1_000_000 / unit)).astype(np.int64) * unit
    return start + whole.astype(np.int64) * _DAY + parts, wrong


_ROUGH = (5, 6, 7)
"""Decimals of a day that are coarser than a millisecond."""


def _in_digits(values: Floats, way: str) -> tuple[Ints, Bools]:
    """µs of dates in digits such as 20260131120000; only seconds may have a fraction, read to the ms."""
    width = DIGITS[way]
    wrong = ~((values >= 0) & (values < 10**width))
    numbers = np.where(wrong, 0, values)
    whole = np.floor(numbers).astype(np.int64)
    fraction = numbers - whole
    if way.endswith("%S"):
        micros = np.round(fraction * 1_000).astype(np.int64) * 1_000
    else:
        micros = np.zeros(len(whole), dtype=np.int64)
        wrong |= fraction > 0
    fields = dict.fromkeys(("%m", "%d", "%H", "%M", "%S"), np.zeros(len(whole), dtype=np.int64))
    for field in reversed([way[place : place + 2] for place in range(2, len(way), 2)]):
        whole, fields[field] = whole // 100, whole % 100
    month, day, hour, minute, second = fields.values()
    years = whole if way.startswith("%Y") else whole + np.where(whole >= 69, 1900, 2000)
    months = (np.clip(years, 1, 9999) - 1970).astype("datetime64[Y]").astype("datetime64[M]")
    months = months + np.clip(month - 1, 0, 11)
    days = months.astype("datetime64[D]") + (day - 1)
    micros += (hour * 3600 + minute * 60 + second) * 1_000_000
    wrong |= (years < 1) | (month < 1) | (month > 12) | (day < 1) | (days.astype("datetime64[M]") != months)
    wrong |= (minute > 59) | (second > 59) | (micros > _DAY)
    return days.astype(np.int64) * _DAY + micros, wrong


def _as_digits(way: str) -> str:
    words = {"%Y": "yyyy", "%y": "yy", "%m": "mm", "%d": "dd", "%H": "hh", "%M": "mm", "%S": "ss"}
    return "digits " + "".join(words[way[place : place + 2]] for place in range(0, len(way), 2))
