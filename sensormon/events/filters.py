"""Which events of a span are listed, and in what order.

Pure functions on a frame of events.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import pandas as pd

from sensormon.events.actions import ATTENTION, State
from sensormon.model.clock import SECOND
from sensormon.model.timestamps import micros, parse, render

NO_LABEL = "none"

STATES: dict[str, tuple[State, ...]] = {
    "unacknowledged": ATTENTION,
    "going-on": (State.UNACKNOWLEDGED,),
    "returned": (State.RETURNED,),
    "acknowledged": (State.ACKNOWLEDGED,),
    "shelved": (State.SHELVED,),
}
"""The choices of a viewer by their codes, and the states of each: an event that has only returned is
unacknowledged."""
STATE_WORDS = {
    "unacknowledged": "unacknowledged",
    "going-on": "going on, unacknowledged",
    "returned": "returned, unacknowledged",
    "acknowledged": "acknowledged",
    "shelved": "shelved",
}
"""What people read for each of them."""


class First(StrEnum):
    """Which events come first in the list."""

    NEWEST = "newest"
    OLDEST = "oldest"
    WORST = "worst"
    LONGEST = "longest"


@dataclass(frozen=True)
class Filters:
    """What a viewer asks for; empty means all.

    `states` are of STATES; `detectors` spoke at the peak, under one of `profiles`; `stretch` is
    since <= time < until in µs UTC.
    """

    tags: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    detectors: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    least: float = 0.0
    text: str = ""
    stretch: tuple[int, int] | None = None

    @property
    def any(self) -> bool:
        """Whether any filter is set."""
        return self != Filters()

    def without_tags(self) -> Filters:
        """The same for all tags."""
        return replace(self, tags=())

    def without_stretch(self) -> Filters:
        """The same for the whole span."""
        return replace(self, stretch=None)


def matching(events: pd.DataFrame, filters: Filters) -> pd.DataFrame:
    """The events that meet every filter, in the same order.

    The score is that of the peak. The text is searched, regardless of case, in the note and in the
    name of the person who acted last. The stretch is where the event began.
    """
    keep = events["score"] >= filters.least
    if filters.tags:
        keep &= events["tag"].isin(filters.tags)
    if filters.states:
        keep &= events["state"].isin([state for asked in filters.states for state in STATES.get(asked, ())])
    if filters.severities:
        keep &= events["severity"].isin(filters.severities)
    if filters.labels:
        keep &= events["label"].replace("", NO_LABEL).isin(filters.labels)
    if filters.detectors:
        keep &= events["detector"].isin(filters.detectors)
    if filters.profiles:
        keep &= events["profile"].isin(filters.profiles)
    if wanted := filters.text.strip().casefold():
        written = events["note"].str.cat(events["who"], sep="\n").str.casefold()
        keep &= written.str.contains(wanted, regex=False)
    if filters.stretch is not None:
        since, until = filters.stretch
        start = micros(events["start"])
        keep &= (start >= since) & (start < until)
    return events[keep.astype(bool)].reset_index(drop=True)


def in_order(events: pd.DataFrame, first: First) -> pd.DataFrame:
    """The events by start, by peak score over threshold, or by time from first flag to last."""
    if first is First.WORST:
        over = events["score"] / events["threshold"].where(events["threshold"] > 0)
        return _by(events.assign(over_threshold=over.fillna(0.0)), "over_threshold").drop(
            columns="over_threshold"
        )
    if first is First.LONGEST:
        return _by(events, "seconds")
    ascending = first is First.OLDEST
    return events.sort_values(["start", "id"], ascending=[ascending, ascending], ignore_index=True)


def _by(events: pd.DataFrame, column: str) -> pd.DataFrame:
    return events.sort_values([column, "start", "id"], ascending=[False, False, False], ignore_index=True)


def stretch_text(stretch: tuple[int, int]) -> str:
    """A stretch as an address holds it, an ISO 8601 interval.

    >>> stretch_text((0, 3_600_000_000))
    '1970-01-01T00:00:00Z/1970-01-01T01:00:00Z'
    """
    return "/".join(render(time).replace(".000Z", "Z") for time in stretch)


def read_stretch(text: str) -> tuple[int, int] | None:
    """The stretch in an address; None if the text is none."""
    start, _, end = text.partition("/")
    since, until = read_time(start), read_time(end)
    return None if since is None or until is None or since >= until else (since, until)


def read_time(text: str) -> int | None:
    """The time (µs UTC) in an address; None if the text is none, or it is outside the years 1970 to 2200."""
    try:
        time = parse(text)
    except (ValueError, OverflowError):
        return None
    return time if 0 <= time < _LATEST else None


_LATEST = 7_258_118_400 * SECOND
"""The year 2200."""
