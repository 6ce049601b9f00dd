"""How well flags meet the known events: precision, recall and delay, counted in events.

Times are µs UTC. Flagged readings of a tag that lie close together are one event, and so
are the rows of one injected fault. A true event is detected if a reading is
flagged from its start to a tolerance after its end. A flagged event is right if one of
its readings lies in a true event.

If the truth is complete (a simulator records everything it does), every other flagged event is
wrong. If it is only what people have labelled, the others are unknown and left out: precision
is then the share among the labelled ones.

What it is not: a measure that rewards flagging every reading of a fault (an operator is called
once), or one that favours long events.

Reference: Tatbul, Lee, Zdonik, Alam and Gottschlich, Precision and Recall for Time Series,
NeurIPS 2018 (here with existence alone); Wilson, Journal of the American Statistical
Association 22 (1927) 209, for the interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sensormon.model.readings import Bools, Ints
from sensormon.model.timestamps import micros

MINIMUM = 10
"""With fewer events a share of them is not measurable."""

JOIN = 3
"""Rows of an injected fault at most this many usual intervals apart are one event."""

TOLERANCE = 2
"""A fault may be found up to this many usual intervals after its end: only the next reading reveals a gap."""

NEVER_JUDGED = frozenset({"duplicates", "out_of_range"})
"""Injected faults whose readings validation keeps from every detector; they are left out."""

TRUE, WRONG = frozenset({"true"}), frozenset({"false", "benign"})
"""The labels that say whether an event was a fault; the others do not say."""


@dataclass(frozen=True, eq=False)
class Events:
    """Stretches of time, both ends included, in order of their start."""

    start: Ints
    end: Ints

    def __len__(self) -> int:
        return len(self.start)

    @classmethod
    def of(cls, start: Ints, end: Ints) -> Events:
        """These stretches, sorted."""
        order = np.lexsort((end, start))
        return cls(np.asarray(start, np.int64)[order], np.asarray(end, np.int64)[order])


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of one tag: `events` that were faults, `ordinary` events that were not.

    `complete`: nothing else can have happened.
    """

    events: Events
    ordinary: Events
    complete: bool


@dataclass(frozen=True)
class EventScores:
    """Flagged events that are `right`, `wrong` or `unknown`; true events `detected` and `missed`.

    `delay` is the median time from the start of a detected event to its first flag (s), NaN
    if none was detected.
    """

    right: int
    wrong: int
    unknown: int
    detected: int
    missed: int
    delay: float

    @property
    def judged(self) -> int:
        """The number of flagged events known to be right or wrong: the n of precision."""
        return self.right + self.wrong

    @property
    def known(self) -> int:
        """The number of events in the truth: the n of recall."""
        return self.detected + self.missed

    @property
    def precision(self) -> float:
        """The share of the judged flagged events that are right; NaN without any."""
        return self.right / self.judged if self.judged else float("nan")

    @property
    def recall(self) -> float:
        """The share of the true events that were detected; NaN without any."""
        return self.detected / self.known if self.known else float("nan")


@dataclass(frozen=True)
class EventCounts:
    """Events flagged rightly, flagged wrongly, and missed."""

    detected: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """The share of the flags that are right; NaN without a flag."""
        flags = self.detected + self.wrong
        return self.detected / flags if flags else float("nan")

    @property
    def recall(self) -> float:
        """The share of the events that were flagged; NaN without an event."""
        events = self.detected + self.missed
        return self.detected / events if events else float("nan")


def grouped(time: Ints, join: float) -> Events:
    """Times in ascending order as events: times at most `join` µs apart are one event."""
    if not len(time):
        return Events(np.zeros(0, np.int64), np.zeros(0, np.int64))
    first = _firsts(time, join)
    return Events(time[first], time[np.append(first[1:], len(time)) - 1])


def truth_of(tag: str, faults: pd.DataFrame, labelled: pd.DataFrame, join: float, complete: bool) -> Truth:
    """What is known of this tag.

    `faults` has tag, time and fault, a row for each reading that a fault touched; rows of
    one fault at most `join` µs apart are one event. `labelled` has tag, start, end and
    label. An event labelled true that overlaps an injected one is not counted twice.
    """
    start, end = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    own = faults[(faults["tag"] == tag) & ~faults["fault"].isin(NEVER_JUDGED)]
    for _, rows in own.groupby("fault", sort=False):
        events = grouped(np.sort(micros(rows["time"])), join)
        start.append(events.start)
        end.append(events.end)
    injected = Events.of(np.concatenate(start), np.concatenate(end))
    confirmed = labelled_as(labelled, tag, TRUE)
    new = ~_overlap(confirmed, injected)
    events = Events.of(
        np.concatenate((injected.start, confirmed.start[new])),
        np.concatenate((injected.end, confirmed.end[new])),
    )
    return Truth(events, labelled_as(labelled, tag, WRONG), complete)


def labelled_as(labelled: pd.DataFrame, tag: str, labels: frozenset[str]) -> Events:
    """The events of the tag with one of these labels."""
    rows = labelled[(labelled["tag"] == tag) & labelled["label"].isin(labels)]
    return Events.of(micros(rows["start"]), micros(rows["end"]))


def score(flagged: Ints, truth: Truth, join: float, tolerance: float) -> EventScores:
    """Compare the times of flagged readings, in ascending order, with the truth.

    `join` (µs) is how far apart the readings of one event may be, `tolerance` (µs) how late a flag may be.
    """
    events, late = truth.events, int(tolerance)
    first = np.searchsorted(flagged, events.start)
    hit = first < len(flagged)
    hit[hit] = flagged[first[hit]] <= events.end[hit] + late
    delays = flagged[first[hit]] - events.start[hit]
    right = _any(covered(flagged, Events(events.start, events.end + late)), flagged, join)
    ordinary = _any(covered(flagged, truth.ordinary), flagged, join)
    wrong = ~right if truth.complete else ~right & ordinary
    return EventScores(
        right=int(right.sum()),
        wrong=int(wrong.sum()),
        unknown=int((~right & ~wrong).sum()),
        detected=int(hit.sum()),
        missed=int((~hit).sum()),
        delay=float(np.median(delays)) / 1e6 if len(delays) else float("nan"),
    )


def lost(labelled: pd.DataFrame, tag: str, before: Ints, after: Ints) -> pd.DataFrame:
    """The events of the tag labelled true that have a flag in `before` and none in `after`.

    Both are times of flagged readings in ascending order.
    """
    rows = labelled[(labelled["tag"] == tag) & labelled["label"].isin(TRUE)]
    start, end = micros(rows["start"]), micros(rows["end"])

    def counted(flagged: Ints) -> Ints:
        inside: Ints = np.searchsorted(flagged, end, "right") - np.searchsorted(flagged, start)
        return inside

    gone: pd.DataFrame = rows[(counted(before) > 0) & (counted(after) == 0)]
    return gone


def count_events(flagged: Bools, truth: Bools, first: int = 0) -> EventCounts:
    """Count each true row as an event of its own, from row `first` on, which leaves out a warm-up."""
    flagged, truth = flagged[first:], truth[first:]
    return EventCounts(
        detected=int((flagged & truth).sum()),
        wrong=int((flagged & ~truth).sum()),
        missed=int((~flagged & truth).sum()),
    )


def covered(time: Ints, events: Events) -> Bools:
    """For each time, whether it lies in one of the events, which may overlap."""
    if not len(events):
        return np.zeros(len(time), dtype=np.bool_)
    furthest = np.maximum.accumulate(events.end)
    before = np.searchsorted(events.start, time, "right") - 1
    inside: Bools = (before >= 0) & (furthest[before] >= time)
    return inside


def wilson(count: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % confidence interval (z 1.96) of a share, by Wilson's score.

    Raises ValueError if `total` is 0.
    """
    if total < 1:
        raise ValueError("no events, no share")
    share, weight = count / total, z * z / total
    centre = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * float(np.sqrt(share * (1 - share) / total + weight / (4 * total)))
    return max(0.0, centre - half), min(1.0, centre + half)


def _firsts(time: Ints, join: float) -> Ints:
    """The indices at which a group begins."""
    firsts: Ints = np.flatnonzero(np.diff(time, prepend=time[0] - int(join) - 1) > join).astype(np.int64)
    return firsts


def _any(inside: Bools, time: Ints, join: float) -> Bools:
    """For each group, whether one of its rows is inside."""
    if not len(time):
        return np.zeros(0, dtype=np.bool_)
    result: Bools = np.logical_or.reduceat(inside, _firsts(time, join))
    return result


def _overlap(events: Events, others: Events) -> Bools:
    """For each event, whether it overlaps one of the others."""
    if not len(others):
        return np.zeros(len(events), dtype=np.bool_)
    furthest = np.maximum.accumulate(others.end)
    before = np.searchsorted(others.start, events.end, "right") - 1
    return (before >= 0) & (furthest[before] >= events.start)
