"""Lengths of time, counts, sizes and times of day as text, for pages and the command line alike.

Pure functions: plain data in, text out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from sensormon.model.timestamps import to_datetime


def duration(seconds: float) -> str:
    """A length of time in its two largest units.

    >>> duration(0.84), duration(14.2), duration(200), duration(7500)
    ('0.8 s', '14 s', '3 min 20 s', '2 h 5 min')
    """
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, part, smaller in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size:,} {unit} {rest} {smaller}" if rest else f"{whole // size:,} {unit}"
    return f"{whole} s"


def latency(seconds: float) -> str:
    """The time of one operation.

    >>> latency(0.00034), latency(0.0123), latency(2.5)
    ('0.3 ms', '12 ms', '2.5 s')
    """
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1e3:.1f} ms" if seconds < 0.00995 else f"{seconds * 1e3:.0f} ms"


def size(count: int) -> str:
    """A number of bytes.

    >>> size(900), size(12_500_000)
    ('900 B', '12.5 MB')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"


def listed(names: Sequence[object], most: int) -> str:
    """The first `most` of these, separated by commas, and how many more there are.

    >>> listed(["a", "b", "c"], 2), listed([1, 2], 2)
    ('a, b and 1 more', '1, 2')
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more


def counted(count: int, noun: str) -> str:
    """A number with its noun, which takes an s or, for -y behind a consonant, -ies.

    >>> counted(1, "anomaly"), counted(1200, "anomaly"), counted(0, "reading"), counted(30, "day")
    ('1 anomaly', '1,200 anomalies', '0 readings', '30 days')
    """
    if count == 1:
        return f"1 {noun}"
    ies = noun.endswith("y") and noun[-2:-1] not in "aeou"
    return f"{count:,} {noun[:-1]}ies" if ies else f"{count:,} {noun}s"


def every(seconds: float) -> str:
    """How often a source delivers.

    >>> every(1), every(60), every(0.5)
    ('every second', 'every minute', 'every 0.5 s')
    """
    round_ones = {1.0: "every second", 60.0: "every minute", 3600.0: "every hour"}
    return round_ones.get(seconds) or f"every {duration(seconds)}"


def clock_time(time: int, zone: tzinfo) -> str:
    """The time of day of µs UTC, in this zone."""
    return to_datetime(time).astimezone(zone).strftime("%H:%M:%S")


def day_and_time(time: int, zone: tzinfo) -> str:
    """The date and time of µs UTC, in this zone."""
    return to_datetime(time).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def moment_words(time: int, now: int, zone: tzinfo) -> str:
    """The time of day of µs UTC, with its date unless that is today in this zone."""
    said, today = day_and_time(time, zone), day_and_time(now, zone)
    return clock_time(time, zone) if said[:10] == today[:10] else said
