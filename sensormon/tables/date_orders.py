"""Dates as text, and the order of day, month and year that a whole column has.

An order is decided by a part above 12, by dots (every country that writes dates with dots puts the day
first), by a decimal comma elsewhere in the file, or by whoever is asked. Never by the first row alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

import numpy as np

from sensormon.model.readings import Bools, Ints
from sensormon.model.timestamps import DAY, EPOCH

ORDERS = {"dmy": "day/month/year", "mdy": "month/day/year", "ymd": "year/month/day"}
"""Orders of a date by the word that chooses them."""

NEVER = np.iinfo(np.int64).min
"""No such day."""

_ODD = 0.02
"""The share of dates that may contradict the others, each a mistake of its own row."""
_NUMBERS = re.compile(r"(\d+)([-/.])(\d+)([-/.])(\d+)")
_COMPACT = re.compile(r"\d{8}")
_NAMED = re.compile(r"[\W_]*(?:(\d+)[\W_]*)?([^\W\d_]+)[\W_]*(\d+)?(?:ST|ND|RD|TH)?[\W_]*(\d+)?")
_MONTHS = [
    {"JAN", "JANUARY", "JANUAR", "JÄNNER", "JANVIER", "JANV"},
    {"FEB", "FEBRUARY", "FEBRUAR", "FÉVRIER", "FÉVR"},
    {"MAR", "MARCH", "MÄRZ", "MRZ", "MARS", "MÄR", "MARZ"},
    {"APR", "APRIL", "AVRIL", "AVR"},
    {"MAY", "MAI"},
    {"JUN", "JUNE", "JUNI", "JUIN"},
    {"JUL", "JULY", "JULI", "JUILLET", "JUIL"},
    {"AUG", "AUGUST", "AOÛT"},
    {"SEP", "SEPT", "SEPTEMBER", "SEPTEMBRE"},
    {"OCT", "OCTOBER", "OKT", "OKTOBER", "OCTOBRE"},
    {"NOV", "NOVEMBER", "NOVEMBRE"},
    {"DEC", "DECEMBER", "DEZ", "DEZEMBER", "DÉC", "DÉCEMBRE"},
]
"""English, German and French."""
_MONTH = {name: number for number, names in enumerate(_MONTHS, 1) for name in names}


@dataclass(frozen=True, eq=False)
class Dates:
    """Days since 1970 of distinct dates in each order, `NEVER` if there is no such day.

    `open` ones differ by the order; the others are the same in each. `dotted` and `dashed` are open ones
    written so.
    """

    days: dict[str, Ints]
    open: Bools
    dotted: Bools
    dashed: Bools


@dataclass(frozen=True)
class Order:
    """The order of a column: the word for it, and why. Without a word there are several `possible`."""

    word: str
    why: str = ""
    possible: tuple[str, ...] = ()


def read_dates(texts: list[str]) -> Dates:
    """The days that these texts (in capitals) can mean."""
    texts = [text.replace(". ", ".") for text in texts]
    rows = [_read(text) for text in texts]
    days = {order: np.array([row[order] for row in rows], dtype=np.int64) for order in ORDERS}
    differs = (days["dmy"] != days["mdy"]) | (days["dmy"] != days["ymd"])
    marks = np.array([_mark(text) for text in texts], dtype=object)
    return Dates(days, differs, differs & (marks == "."), differs & (marks == "-"))


def order_of(dates: Dates, *, decimal_comma: bool, latest: int) -> Order:
    """The order of these dates; times after `latest` (µs UTC) are mistakes if another order has none."""
    days = {order: column[dates.open] for order, column in dates.days.items()}
    possible = [order for order in ORDERS if (days[order] != NEVER).any()]
    if not possible:
        return Order("dmy")
    best = max(int((days[order] != NEVER).sum()) for order in possible)
    possible = [order for order in possible if (days[order] != NEVER).sum() >= best * (1 - 2 * _ODD)]
    possible = _by_year(possible, days, latest, dashed=bool(dates.dashed.any()))
    if possible == ["ymd"]:
        return Order("ymd", "no other order fits")
    if all((days[order] == days[possible[0]]).all() for order in possible):
        return Order(possible[0])
    if "ymd" in possible:
        return Order("", possible=tuple(possible))
    return _day_or_month(dates, days, decimal_comma=decimal_comma)


def _day_or_month(dates: Dates, days: dict[str, Ints], *, decimal_comma: bool) -> Order:
    """Which of day and month is first in these days of open dates that end in the year."""
    day_first = int(((days["dmy"] != NEVER) & (days["mdy"] == NEVER)).sum())
    month_first = int(((days["mdy"] != NEVER) & (days["dmy"] == NEVER)).sum())
    if max(day_first, month_first) and min(day_first, month_first) <= _ODD * max(day_first, month_first):
        return Order("dmy" if day_first > month_first else "mdy", "shown")
    if (days["dmy"] == days["mdy"]).all():
        return Order("dmy")
    if bool(dates.dotted[dates.open].all()):
        return Order("dmy", "dates with dots put the day first")
    if decimal_comma and not (day_first or month_first):
        return Order("dmy", "the file has decimal commas")
    return Order("", possible=("dmy", "mdy"))


def _by_year(possible: list[str], days: dict[str, Ints], latest: int, *, dashed: bool) -> list[str]:
    """The orders that put the years of two digits where they can be.

    With the year in the wrong place the days of one month become the years of three decades.
    """
    if "ymd" not in possible or possible == ["ymd"]:
        return possible
    last = latest // (DAY * 1_000_000)
    timely = [order for order in possible if _in_time(days[order], last)]
    possible = timely or possible
    if "ymd" not in possible or possible == ["ymd"]:
        return possible
    spans = {order: int(np.ptp(days[order][days[order] != NEVER])) for order in possible}
    others = min(span for order, span in spans.items() if order != "ymd")
    if spans["ymd"] < others or (spans["ymd"] == others and dashed):
        return possible
    return [order for order in possible if order != "ymd"]


def _in_time(days: Ints, last: int) -> bool:
    return bool((days[days != NEVER] <= last).all())


def _mark(text: str) -> str:
    parts = _NUMBERS.fullmatch(text)
    return parts[2] if parts else ""


def _read(text: str) -> dict[str, int]:
    if _COMPACT.fullmatch(text):
        return _alike(_day(int(text[:4]), int(text[4:6]), int(text[6:])))
    if parts := _NUMBERS.fullmatch(text):
        return _numbered(parts)
    if parts := _NAMED.fullmatch(text):
        return _alike(_named(*parts.groups()))
    return _alike(NEVER)


def _numbered(parts: re.Match[str]) -> dict[str, int]:
    first, second, third = parts[1], parts[3], parts[5]
    if parts[2] != parts[4]:
        return _alike(NEVER)
    if len(first) == 4 and len(third) <= 2:
        return _alike(_day(int(first), int(second), int(third)))
    if len(first) > 2 or len(third) not in {2, 4}:
        return _alike(NEVER)
    year = _year(third)
    days = {
        "dmy": _day(year, int(second), int(first)),
        "mdy": _day(year, int(first), int(second)),
        "ymd": NEVER,
    }
    if len(third) == 2 == len(first):
        days["ymd"] = _day(_year(first), int(second), int(third))
    return days


def _named(first: str | None, name: str, second: str | None, third: str | None) -> int:
    month = _MONTH.get(name, 0)
    numbers = [number for number in (first, second, third) if number]
    if len(numbers) != 2 or not month:
        return NEVER
    day, year = numbers
    if len(day) == 4 and len(year) <= 2:
        day, year = year, day
    if len(day) > 2 or len(year) not in {2, 4}:
        return NEVER
    return _day(_year(year), month, int(day))


def _year(text: str) -> int:
    """The year; of two digits as POSIX has it: 69 to 99 are 1969 to 1999, the others 2000 to 2068."""
    year = int(text)
    return year if len(text) == 4 else year + (1900 if year >= 69 else 2000)


def _day(year: int, month: int, day: int) -> int:
    try:
        return date(year, month, day).toordinal() - EPOCH.toordinal()
    except ValueError:
        return NEVER


def _alike(day: int) -> dict[str, int]:
    return dict.fromkeys(ORDERS, day)
