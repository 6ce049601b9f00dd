"""Flagged readings as events: one stretch of trouble is one thing to look at, not forty points.

Pure functions: a frame of readings in, events out. The same readings give the same events,
so events are not stored; what people did with them is (`event_actions.py`).

A flagged reading belongs to the event before it on its tag when it comes within the
off-delay. An event counts once it has lasted the on-delay. Its id is that of its first
flagged reading. What it is not: an alarm in the sense of ISA-18.2, which needs an
operator's response.

Sources: ANSI/ISA-18.2-2016 and EEMUA 191 for the on-delay and the off-delay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from sensormon.model.clock import SECOND
from sensormon.model.events import Delays, Event


def group_flags(readings: pd.DataFrame, thresholds: Mapping[int, float], delays: Delays) -> list[Event]:
    """Every flagged reading in one event, whether it lasts the on-delay or not, in order of start.

    `readings` has the columns of the store's frames in any order of rows; what is not flagged
    is passed over. `thresholds` are by the id of the detector settings.
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
    passed, learned = np.diff(time), np.diff(n)
    near = (learned > 0) & (learned <= delays.off_readings) & (passed <= delays.longest * SECOND)
    together = (tag[1:] == tag[:-1]) & (near | (passed <= delays.off_seconds * SECOND))
    starts = np.concatenate(([0], np.flatnonzero(~together) + 1))
    stops = np.append(starts[1:], len(rows))
    known = {one: thresholds.get(one, 0.0) for one in np.unique(settings).tolist()}
    threshold = np.array([known[one] for one in settings.tolist()])
    ratio = np.nan_to_num(score / np.where(threshold > 0, threshold, np.nan), nan=0.0)
    highest = np.maximum.reduceat(ratio, starts)
    # The first row of each event that reaches the event's highest ratio.
    reaching = np.flatnonzero(ratio == np.repeat(highest, stops - starts))
    peaks = reaching[np.searchsorted(reaching, starts)]
    found = [
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
        )
        for first, stop, peak in zip(starts.tolist(), stops.tolist(), peaks.tolist(), strict=True)
    ]
    return sorted(found, key=_order)


def join_events(earlier: Sequence[Event], later: Sequence[Event], delays: Delays) -> list[Event]:
    """Both, with an event that goes on over the border made one. Neither has passed the on-delay yet.

    On each tag no flagged reading of `later` is before one of `earlier`.
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
        one, other = last[tag], first[tag]
        if delays.follows(other.start, other.first_n, one.end, one.last_n):
            joined[one.id] = _joined(one, other)
            gone.add(other.id)
    kept = [joined.get(event.id, event) for event in earlier]
    return sorted([*kept, *(event for event in later if event.id not in gone)], key=_order)


def lasting(events: Iterable[Event], delays: Delays) -> list[Event]:
    """Those that last the on-delay."""
    return [
        one
        for one in events
        if one.readings >= delays.on_readings and one.end - one.start >= delays.on_seconds * SECOND
    ]


def is_over(event: Event, now: int, newest: tuple[int, int] | None, delays: Delays) -> bool:
    """Whether the off-delay has passed, so that the tag has returned to normal.

    `newest` is the time (µs UTC) of the tag's newest good reading and how many it had learned
    before that one; without it nothing is known to have come since, and the event goes on
    until `longest` has passed.
    """
    if now - event.end > delays.longest * SECOND:
        return True
    if newest is None or newest[0] <= event.end:
        return False
    time, n = newest
    return not delays.follows(time, n, event.end, event.last_n)


def _joined(one: Event, other: Event) -> Event:
    peak = other if other.ratio > one.ratio else one
    return replace(
        peak,
        ids=one.ids + other.ids,
        start=one.start,
        end=other.end,
        first_n=one.first_n,
        last_n=other.last_n,
    )


def _order(event: Event) -> tuple[int, str, int]:
    return event.start, event.tag, event.id
