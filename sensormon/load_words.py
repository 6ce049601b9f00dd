"""What the Anomalies page says of the alarm load.

Pure functions: plain data in, text out; whoever shows a text escapes it.
"""

from __future__ import annotations

from datetime import tzinfo

from sensormon.alarm_load import AlarmLoad
from sensormon.comparison import MOST, NORM
from sensormon.words import Phrase, counted, day_and_time, duration

NORM_WORDS = f"about {NORM:g} per 10 min is acceptable for one operator, {MOST:g} are the most"


def load_phrases(load: AlarmLoad, zone: tzinfo) -> list[Phrase]:
    """The load in a line of phrases; an average above the most is abnormal, a short span no verdict."""
    average = Phrase(
        f"{load.average:,.1f} per 10 min on average", load.enough and load.average > MOST
    )
    if not load.events:
        return [average]
    phrases = [average, Phrase(f"most in 10 min {load.worst:,}")]
    if not load.enough:
        span = duration(load.seconds)
        return [*phrases, Phrase(f"{span} are too short for a verdict")]
    return [
        *phrases,
        Phrase(f"over {NORM:g} in {share_words(load.over_norm, load.windows)} of the time"),
        Phrase(f"over {MOST:g} in {share_words(load.over_most, load.windows)}"),
    ]


def load_rows(load: AlarmLoad, zone: tzinfo) -> list[tuple[str, str, str]]:
    """The figures one by one: what, how much, the norm."""
    n = counted(load.windows, "whole 10 minute").replace("minutes", "min").replace("minute", "min")
    worst = f"{load.worst:,}, from {day_and_time(load.worst_at, zone)}" if load.events else "0"
    return [
        ("Events per 10 min, average", f"{load.average:,.2f}", f"{NORM:g} acceptable, {MOST:g} the most"),
        ("Most within 10 min", worst, ""),
        (f"10 minutes with more than {NORM:g}", f"{share_words(load.over_norm, load.windows)} of {n}", ""),
        (f"10 minutes with more than {MOST:g}", f"{share_words(load.over_most, load.windows)} of {n}", ""),
    ]


def share_words(count: int, total: int) -> str:
    """A share in per cent; what is not 0 or all is not said to be.

    >>> share_words(0, 9), share_words(1, 4_000), share_words(3_999, 4_000), share_words(9, 9)
    ('0 %', 'under 1 %', 'over 99 %', '100 %')
    """
    if not total:
        return "–"
    share = 100 * count / total
    if 0 < share < 1:
        return "under 1 %"
    if 99 < share < 100:
        return "over 99 %"
    return f"{share:.0f} %"
