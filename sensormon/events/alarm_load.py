"""The load that events put on an operator: their rate against the norm, and the tags that cause it.

Pure functions: a frame of events in, numbers out. Times are µs UTC.
What it is not: a count of alarms in the sense of ISA-18.2, which require a response; it applies
that norm to events.

Sources: ANSI/ISA-18.2-2016 clause 16 and EEMUA 191 (3rd edition): about 1 alarm per 10 minutes is
acceptable, 2 are the limit; chattering and long-standing alarms are listed individually.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sensormon.model.clock import SECOND
from sensormon.model.event_rate import counted_seconds, per_10_min
from sensormon.model.readings import Ints
from sensormon.model.timestamps import micros

NORM, MOST = 1.0, 2.0
"""Alarms per 10 minutes for one operator: acceptable, and the limit (ISA-18.2, EEMUA 191)."""

WINDOW = 600 * SECOND
"""The norm is per 10 minutes."""
ENOUGH = 5
"""With fewer whole windows of 10 minutes the rate allows no verdict; a bit less than an hour has 5."""
CHATTER = 3
"""A tag with this many events that begin within a minute chatters."""
_MINUTE = 60 * SECOND


@dataclass(frozen=True)
class AlarmLoad:
    """Events in a span of `seconds`.

    `windows` is the number of whole 10 minutes, counted back from its end; in `over_norm` of them
    more than 1 event began, in `over_most` more than 2. `worst` is the highest number that began
    within any 10 minutes, and `worst_at` is when those began (0 without events).
    """

    events: int
    seconds: float
    windows: int
    over_norm: int
    over_most: int
    worst: int
    worst_at: int

    @property
    def average(self) -> float:
        """Events per 10 minutes; 0 if no time has passed."""
        return per_10_min(self.events, self.seconds)

    @property
    def enough(self) -> bool:
        """Whether the span is long enough for a verdict."""
        return self.windows >= ENOUGH


@dataclass(frozen=True)
class Chatter:
    """A tag whose events come and go: at most `most` within a minute, from `at` on; `times` such minutes."""

    tag: str
    most: int
    at: int
    times: int


def alarm_load(starts: Ints, since: int, until: int) -> AlarmLoad:
    """The load of events that began at `starts`, in any order, in since <= time < until."""
    times = np.sort(starts)
    windows = max(0, until - since) // WINDOW
    edges = until - WINDOW * np.arange(windows, -1, -1, dtype=np.int64)
    places = np.searchsorted(times, edges, side="left")
    each = np.diff(places)
    worst, at = _most_within(times, WINDOW)
    return AlarmLoad(
        events=len(times),
        seconds=counted_seconds(since, until, None),
        windows=int(windows),
        over_norm=int((each > NORM).sum()),
        over_most=int((each > MOST).sum()),
        worst=worst,
        worst_at=at,
    )


def load_of(events: pd.DataFrame, since: int, until: int, first: int | None) -> AlarmLoad:
    """The load of those of these events that began in since <= time < until.

    `first` is when the first reading came; the time before is not counted, see `event_rate`. Nor are events
    that had begun before `since`: each span would count them again.
    """
    starts = micros(events["start"])
    begun = starts[(starts >= since) & (starts < until)]
    return alarm_load(begun, since if first is None else max(since, first), until)


def chattering(events: pd.DataFrame) -> list[Chatter]:
    """The tags that chatter, the worst first. The counted minutes of a tag do not overlap."""
    tags = []
    for tag, starts in events["start"].groupby(events["tag"]):
        times = np.sort(micros(starts))
        most, at = _most_within(times, _MINUTE)
        if most >= CHATTER:
            tags.append(Chatter(str(tag), most, at, _separate(times)))
    return sorted(tags, key=lambda chatter: (-chatter.most, -chatter.times, chatter.tag))


def top_tags(events: pd.DataFrame, most: int = 10) -> pd.DataFrame:
    """The tags with the most events: tag, events, share (of all, 0 to 1); equal ones by name."""
    counted = events["tag"].value_counts().rename_axis("tag").reset_index(name="events")
    counted = counted.sort_values(["events", "tag"], ascending=[False, True], ignore_index=True)
    counted["share"] = counted["events"] / max(1, len(events))
    return counted.head(most)


def longest_standing(events: pd.DataFrame, most: int = 5) -> pd.DataFrame:
    """The events that lasted longest from the first flag to the last, the longest first.

    Events of a single reading are left out. Rows are those of `events`.
    """
    lasting = events[events["seconds"] > 0]
    return lasting.sort_values(["seconds", "id"], ascending=[False, True], ignore_index=True).head(most)


def _most_within(times: Ints, window: int) -> tuple[int, int]:
    """The most of these ascending times in begin <= time < begin + window, and the first such begin."""
    if not len(times):
        return 0, 0
    each = np.searchsorted(times, times + window, side="left") - np.arange(len(times))
    first = int(np.argmax(each))
    return int(each[first]), int(times[first])


def _separate(times: Ints) -> int:
    """The number of minutes without overlap that have enough events for chattering."""
    ends = np.searchsorted(times, times + _MINUTE, side="left")
    minutes = place = 0
    while place < len(times):
        if ends[place] - place >= CHATTER:
            minutes, place = minutes + 1, int(ends[place])
        else:
            place += 1
    return minutes
