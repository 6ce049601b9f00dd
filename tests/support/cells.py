"""Times and numbers written as text in many ways, and a slow reference that reads one way back."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

EPOCH = datetime(1970, 1, 1)

ISO_FORMS = ("T", " ", "basic")
ZONES = {"": 0, "Z": 0, " UTC": 0, "GMT": 0, "+02": 120, "-0530": -330, " +05:45": 345, "+00:00": 0}
"""Ends of a time in ISO 8601 with the minutes by which they are ahead of UTC."""

DAY_FIRST = ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d/%m/%y")
NAMED = ("%d-%b-%Y", "%d %B %Y", "%b %d, %Y", "%B %d %Y", "%Y-%b-%d", "%d%b%Y", "%a, %d %b %Y", "%d/%b/%Y")
CLOCKS = ("%H:%M:%S", "%H.%M.%S", "%I:%M:%S %p", "%I:%M:%S%p")


def micros(moment: datetime) -> int:
    """µs since 1970 of a time without a zone."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def iso_text(moment: datetime, form: str, mark: str, digits: int, zone: str) -> str:
    """A time (by the clock of this zone) in ISO 8601 with so many digits of a fraction, cut off."""
    clock = moment.strftime("%H%M%S" if form == "basic" else "%H:%M:%S")
    fraction = f"{mark}{moment.microsecond:06d}000"[: digits + 1] if digits else ""
    day = moment.strftime("%Y%m%d" if form == "basic" else "%Y-%m-%d")
    return day + (" " if form == " " else "T") + clock + fraction + zone


def slow_iso(text: str) -> int:
    """µs UTC of a time in ISO 8601, piece by piece; without a zone in UTC. ValueError for anything else."""
    day, rest = _taken(r"(\d{4})-(\d\d)-(\d\d)|(\d{4})(\d\d)(\d\d)", text.strip().upper())
    moment, seconds, fraction, offset = datetime(day[0], day[1], day[2]), 0, 0, 0
    if rest:
        _, rest = _taken("T| +", rest)
        clock, rest = _taken(r"(\d{1,2}):(\d\d)(?::(\d\d))?|(\d\d)(\d\d)(\d\d)|(\d\d)(\d\d)|(\d\d)", rest)
        hour, minute, second = [*clock, 0, 0][:3]
        seconds = hour * 3600 + minute * 60 + second
        if rest[:1] in {".", ","} and len(clock) == 3:
            digits = rest[1:][: len(rest[1:]) - len(rest[1:].lstrip("0123456789"))]
            rest = rest[1 + len(digits) :]
            fraction = int((digits + "000000")[:6]) if digits else -1
        if fraction < 0 or max(minute, second) > 59 or seconds * 1_000_000 + fraction > 86_400_000_000:
            raise ValueError(text)
        offset = _slow_offset(rest.lstrip(" ")) if rest else 0
    whole = (moment - EPOCH) // timedelta(seconds=1) + seconds - offset * 60
    if not -62_135_596_800 <= whole <= 253_402_300_799:
        raise ValueError(text)
    return whole * 1_000_000 + fraction


def _taken(pattern: str, text: str) -> tuple[list[int], str]:
    """The numbers at the start of the text, and what follows."""
    parts = re.match(pattern, text, re.ASCII)
    if parts is None:
        raise ValueError(text)
    return [int(part) for part in parts.groups() if part], text[parts.end() :]


def _slow_offset(text: str) -> int:
    """Minutes ahead of UTC."""
    if text in {"Z", "UTC", "GMT"}:
        return 0
    sign = text.removeprefix("UTC").removeprefix("GMT") if text[:1] in "UG" else text
    numbers, rest = _taken(r"[+-](?:(\d\d):?(\d\d)|(\d):(\d\d)|(\d\d?))", sign)
    hours, minutes = [*numbers, 0][:2]
    if rest or hours > 23 or minutes > 59:
        raise ValueError(text)
    return (hours * 60 + minutes) * (-1 if sign[0] == "-" else 1)


def grouped(value: float, decimals: int, mark: str, group: str) -> str:
    """A number with these marks, as a spreadsheet shows it."""
    return f"{value:,.{decimals}f}".replace(",", "_").replace(".", mark).replace("_", group)
