"""The rate of events, as every page, message and table states it: events per 10 minutes.

Counted are events (stretches of flagged readings of one tag), as ISA-18.2 counts alarms, never single
flagged readings. The time runs from the first reading of the span to its end. Every rate of the product comes
from here, so that the same events over the same span read the same everywhere.
"""

from __future__ import annotations

UNIT = "events per 10 min"
DEFINITION = (
    "Events divided by the time from the first reading in the time range to its end; gaps after it count, "
    "the time before it does not."
)
"""How the time of a rate is counted, as tooltips say it."""
_MANY = 100
"""From this rate on decimals say nothing."""
_RARE = 0.1
"""Below this rate the number per day says more."""
_DAY = 144  # times 10 minutes


def counted_seconds(since: int, until: int, first: int | None) -> float:
    """The time (s) over which the events of since <= time < until (µs UTC) are counted.

    It begins with the `first` reading: over the time before, a first start would look calmer than it is.
    Gaps after it count: the operator was there.

    >>> counted_seconds(0, 60_000_000, 20_000_000), counted_seconds(0, 60_000_000, None)
    (40.0, 60.0)
    """
    return max(0, until - (since if first is None else max(since, first))) / 1e6


def per_10_min(events: int, seconds: float) -> float:
    """Events per 10 minutes; 0 if no time has passed.

    >>> per_10_min(6, 3_600.0), per_10_min(6, 0.0)
    (1.0, 0.0)
    """
    return events * 600 / seconds if seconds > 0 else 0.0


def rate_words(events: int, seconds: float) -> str:
    """The rate with its unit; a low one per day, a high one without decimals.

    >>> rate_words(7, 3_600), rate_words(14, 7 * 86_400), rate_words(0, 3_600), rate_words(32_512, 3_600)
    ('1.2 events per 10 min', '2 events a day', '0.0 events per 10 min', '5,419 events per 10 min')
    """
    rate = per_10_min(events, seconds)
    if 0 < rate < _RARE:
        return f"{rate * _DAY:.2g} events a day"
    return f"{rate:,.{int(rate < _MANY)}f} {UNIT}"
