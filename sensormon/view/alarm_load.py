"""Texts on the alarm load, for the Anomalies page.

Pure functions: plain data in, text out; whoever shows a text escapes it.
"""

from __future__ import annotations

from datetime import tzinfo

from sensormon.events.alarm_load import MOST, NORM, AlarmLoad
from sensormon.model.event_rate import rate_words
from sensormon.model.format import day_and_time, duration


def load_line(load: AlarmLoad) -> str:
    """The load in one line of Markdown; an average above the limit is abnormal, a short span is not assessed.

    >>> load_line(AlarmLoad(0, 7200, 12, 0, 0, 0, 0))
    'Alarm load **0.0 events per 10 min** on average, target ≤ 1, limit 2'
    """
    average = rate_words(load.events, load.seconds)
    average = f":red[**◆ {average}**]" if load.enough and load.average > MOST else f"**{average}**"
    line = f"Alarm load {average} on average, target ≤ {NORM:g}, limit {MOST:g}"
    if not load.events:
        return line
    line += f" · peak {load.worst:,} in 10 min"
    if not load.enough:
        return f"{line} · {duration(load.seconds)} is not enough data to assess"
    return f"{line} · above {MOST:g} for {share_words(load.over_most, load.windows)} of the time"


def load_rows(load: AlarmLoad, zone: tzinfo) -> list[tuple[str, str, str]]:
    """The figures: name, value, target."""
    at = f"from {day_and_time(load.worst_at, zone)}" if load.events else ""
    return [
        ("Events per 10 min, average", f"{load.average:,.1f}", f"target ≤ {NORM:g}, limit {MOST:g}"),
        ("Peak in 10 min", f"{load.worst:,}", at),
        *(
            (f"10 min periods above {most:g}", share_words(count, load.windows), f"of {load.windows:,}")
            for most, count in ((NORM, load.over_norm), (MOST, load.over_most))
        ),
    ]


def share_words(count: int, total: int) -> str:
    """A share in per cent; only none is 0 %, only all is 100 %.

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
