"""Times in payloads: ISO 8601, or a number of seconds, milliseconds, microseconds or nanoseconds since 1970.

A number says its unit by its size: below 10^11 seconds, below 10^14 milliseconds, below 10^17 microseconds,
below 10^20 nanoseconds; that is right from March 1973 on. Smaller numbers are refused unless a unit is set.
A text without a zone is refused unless a zone is set; so is a local time that a change of the clocks
skips or repeats.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from sensormon.model import timestamps
from sensormon.model.clock import SECOND

UNITS: Mapping[str, int] = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""How many of each unit are a second."""
LEAST = 10**8
"""Smaller numbers could be anything."""
_BOUNDS = ((10**11, "s"), (10**14, "ms"), (10**17, "us"), (10**20, "ns"))
_ISO = re.compile(timestamps.ISO, re.ASCII)
_NUMBER = re.compile(r"\d{9,10}(?:\.\d{1,9})?|\d{13}(?:\.\d{1,9})?|\d{16}|\d{19}")
"""Numbers that come as text, and are no date."""
_LONGEST = 60


def read_time(value: object, unit: str = "", zone: ZoneInfo | None = None) -> int:
    """Microseconds UTC of a time in a payload. Raises ValueError, which says what is wrong with it.

    >>> read_time(1_790_000_000) == read_time(1_790_000_000_000) == read_time("2026-09-21T14:13:20Z")
    True
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("the time is neither a number nor a text")
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _LONGEST:
            raise ValueError("the time is a long text")
        if not _NUMBER.fullmatch(text):
            return _read_text(text, zone)
        value = float(text) if "." in text else int(text)
    return _read_number(value, unit)


def _read_number(value: float, unit: str) -> int:
    if not abs(value) < _BOUNDS[-1][0]:
        raise ValueError("the time is a number beyond all units")
    if not unit:
        if value < LEAST:
            raise ValueError(f"the time {value:g} is too small to tell its unit; set time_unit")
        unit = next(name for bound, name in _BOUNDS if value < bound)
    parts = UNITS[unit]
    if isinstance(value, int):
        time = value * SECOND // parts
    else:
        whole, fraction = divmod(value, parts)
        time = int(whole) * SECOND + round(fraction * SECOND / parts)
    if not timestamps.FIRST <= time <= timestamps.LAST:
        raise ValueError(f"the time {value:g} {unit} is not in the years 1 to 9999")
    return time


def _read_text(text: str, zone: ZoneInfo | None) -> int:
    time = timestamps.parse(text)
    parts = _ISO.fullmatch(text.upper().replace("\u2212", "-"))
    if parts is None or parts["zone"]:
        return time
    if zone is None:
        raise ValueError(f"the time {text!r} has no zone; set zone")
    local = timestamps.to_datetime(time).replace(tzinfo=None)
    try:
        first, last = timestamps.from_local(local, zone), timestamps.from_local(local, zone, last=True)
        shown = timestamps.to_datetime(first).astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        raise ValueError(f"the time {text!r} is not in the years 1 to 9999") from None
    if shown != local:
        raise ValueError(f"the time {text!r} is skipped when the clocks change in {zone.key}")
    if first != last:
        raise ValueError(f"the time {text!r} occurs twice when the clocks change in {zone.key}")
    return first
