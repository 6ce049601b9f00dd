"""Flagged readings as events: a stretch of trouble is one thing to look at, not forty points.

Pure functions: a frame of readings in, events out. The same readings give the same events,
so events are not stored; only what people did with them is (`actions.py`).

A flagged reading belongs to the event before it on its tag if it comes within the
off-delay. An event counts once it has lasted the on-delay. Its id is that of its first
flagged reading. What it is not: an alarm in the sense of ISA-18.2, which needs an
operator's response.

Sources: ANSI/ISA-18.2-2016 and EEMUA 191 for the on-delay and the off-delay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from sensormon.analysis.versions import Versions, texts
from sensormon.model.clock import SECOND
from sensormon.model.events import Delays, Event


def group_flags(readings: pd.DataFrame, versions: Versions, delays: Delays) -> list[Event]:
    """The events of these readings, whether they last the on-delay or not, in order of start.

    `readings` has the columns of the store's frames, in any order of rows; readings without a flag
    are ignored. The off-delay after a flag is that of the reading's profile; `delays` has that of readings
    from before there were profiles, and how many readings must pass.
    """
    rows = readings[readings["is_anomaly"].to_numpy(dtype=bool)]
    if rows.empty:
        return []
    rows = rows.sort_values(["tag", "time", "id"], kind="stable")
    tag = rows["tag"].to_numpy(dtype=object)
    time = rows["time"].dt.as_unit("us").astype("int64").to_numpy()
    n, ids, settings = (rows[name].to_numpy(dtype=np.int64) for name in ("n", "id", "settings"))
    score, value, expected, lower, upper = (
        rows[name].to_numpy(dtype=np.float64) for name in ("score", "value", "expected", "lower", "upper")
    )
    profile, speaker = texts(rows, "profile"), versions.of_each(rows, lambda *key: key[2])
    said = versions.of_each(rows, lambda number, name, _: _said(versions, number, name, delays))
    off_seconds = np.array([seconds for seconds, _ in said])
    passed, learned = np.diff(time), np.diff(n)
    near = (learned > 0) & (learned <= delays.off_readings) & (passed <= delays.longest * SECOND)
    together = (tag[1:] == tag[:-1]) & (near | (passed <= off_seconds[:-1] * SECOND))
    starts = np.concatenate(([0], np.flatnonzero(~together) + 1))
    stops = np.append(starts[1:], len(rows))
    threshold = versions.thresholds(rows)
    ratio = np.nan_to_num(score / np.where(threshold > 0, threshold, np.nan), nan=0.0)
    highest = np.maximum.reduceat(ratio, starts)
    # The first row of each event that reaches the event's highest ratio.
    reaching = np.flatnonzero(ratio == np.repeat(highest, stops - starts))
    peaks = reaching[np.searchsorted(reaching, starts)]
    events = [
        Event(
            tag=str(tag[first]),
            ids=tuple(ids[first:stop].tolist()),
            start=int(time[first]),
            end=int(time[stop - 1]),
            first_n=int(n[first]),
            last_n=int(n[stop - 1]),
            peak_id=int(ids[peak]),
            peak_time=int(time[peak]),
            peak_value=float(value[peak]),
            peak_score=float(score[peak]),
            threshold=float(threshold[peak]),
            expected=float(expected[peak]),
            lower=float(lower[peak]),
            upper=float(upper[peak]),
            settings=int(settings[peak]),
            detector=speaker[peak],
            profile=profile[peak],
            set_severity=said[peak][1],
            off_seconds=float(off_seconds[stop - 1]),
        )
        for first, stop, peak in zip(starts.tolist(), stops.tolist(), peaks.tolist(), strict=True)
    ]
    return sorted(events, key=_order)


def join_events(earlier: Sequence[Event], later: Sequence[Event], delays: Delays) -> list[Event]:
    """Both lists as one; an event that crosses the border becomes one event.

    Both come from `group_flags`, without the on-delay. On each tag no flagged reading of `later`
    is before one of `earlier`.
    """
    last: dict[str, Event] = {}
    for event in earlier:
        last[event.tag] = max(last.get(event.tag, event), event, key=_order)
    first: dict[str, Event] = {}
    for event in later:
        first[event.tag] = min(first.get(event.tag, event), event, key=_order)
    joined: dict[int, Event] = {}
    gone: set[int] = set()
    for tag in first.keys() & last.keys():
        before, after = last[tag], first[tag]
        if delays.follows(after.start, after.first_n, before):
            joined[before.id] = _joined(before, after)
            gone.add(after.id)
    kept = [joined.get(event.id, event) for event in earlier]
    return sorted([*kept, *(event for event in later if event.id not in gone)], key=_order)


def lasting(events: Iterable[Event], delays: Delays) -> list[Event]:
    """The events that last the on-delay."""
    return [
        event
        for event in events
        if event.readings >= delays.on_readings and event.end - event.start >= delays.on_seconds * SECOND
    ]


def is_over(event: Event, now: int, newest: tuple[int, int] | None, delays: Delays) -> bool:
    """Whether the off-delay has passed, so that the tag has returned to normal.

    `newest` is the time (µs UTC) of the tag's newest good reading and how many it had learned
    before that one. Without it nothing is known to have come since, and the event lasts
    until `longest` has passed.
    """
    if now - event.end > max(delays.longest, event.off_seconds) * SECOND:
        return True
    if newest is None or newest[0] <= event.end:
        return False
    return not delays.follows(*newest, event)


def _joined(before: Event, after: Event) -> Event:
    peak = after if after.ratio > before.ratio else before
    return replace(
        peak,
        ids=before.ids + after.ids,
        start=before.start,
        end=after.end,
        first_n=before.first_n,
        last_n=after.last_n,
        off_seconds=after.off_seconds,
    )


def _said(versions: Versions, number: int, name: str, delays: Delays) -> tuple[float, str]:
    """The off-delay (seconds) and the severity that a reading's profile sets; empty: by the peak."""
    profile = versions.profile(number, name) if name else None
    return (profile.off_delay, profile.severity) if profile else (delays.off_seconds, "")


def _order(event: Event) -> tuple[int, str, int]:
    return event.start, event.tag, event.id
