"""The flags of one profile, or those stored, beside those that another profile would have raised.

Everything the Tuning page shows is computed here from readings already in memory, so that a
moved slider costs only the scoring. Pure: no store, no page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from sensormon.analysis.event_scores import (
    JOIN,
    TOLERANCE,
    EventScores,
    Truth,
    grouped,
    lost,
    score,
    truth_of,
)
from sensormon.analysis.rescoring import History
from sensormon.detectors import PER_TAG
from sensormon.detectors.base import Parameter
from sensormon.model.errors import UsageError
from sensormon.model.event_rate import per_10_min
from sensormon.model.events import Delays
from sensormon.model.profiles import Choice, Profile
from sensormon.model.readings import Ints
from sensormon.model.timestamps import micros

CURVE = 12
"""How many thresholds a precision-recall curve has."""


@dataclass(frozen=True)
class Load:
    """Events of one or more tags, now and with other settings, in `seconds`, counted as in `event_rate`.

    `is_cut` if earlier readings of the span were left out.
    """

    before: int
    after: int
    seconds: float
    is_cut: bool = False

    def rate(self, count: int) -> float:
        """`count` events per 10 minutes; 0 if no time has passed."""
        return per_10_min(count, self.seconds)


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of the readings: rows of injected faults and labelled events.

    `complete` has the tags with no other faults than the injected ones.
    """

    faults: pd.DataFrame
    labelled: pd.DataFrame
    complete: frozenset[str]
    _truths: dict[tuple[str, float], Truth] = field(default_factory=dict, init=False, repr=False)

    def truth(self, tag: str, join: float) -> Truth:
        """What is known of this tag, worked out once: see `truth_of`."""
        if (truth := self._truths.get((tag, join))) is None:
            truth = truth_of(tag, self.faults, self.labelled, join, tag in self.complete)
            self._truths[tag, join] = truth
        return truth


@dataclass(frozen=True, eq=False)
class Side:
    """Readings of one tag with the flags of one side of a comparison.

    Flags up to `off_delay` seconds apart are one event.
    """

    frame: pd.DataFrame
    off_delay: float

    @cached_property
    def flagged(self) -> Ints:
        """The times of the flagged readings (µs UTC), in ascending order."""
        return flagged_times(self.frame)

    @property
    def spoke(self) -> dict[str, int]:
        """How many flagged readings each detector spoke for, most first; empty if none is known."""
        if "detector" not in self.frame:
            return {}
        counts = self.frame.loc[self.frame["is_anomaly"].astype(bool), "detector"].value_counts()
        return {str(name): int(count) for name, count in counts.items()}


def as_stored(history: History, profile: Profile) -> Side:
    """The flags as they were raised; `profile` is the tag's, whose off-delay makes events of them."""
    return Side(history.rows, profile.off_delay)


def rescored(history: History, profile: Profile) -> Side:
    """The flags that this profile would have raised. Raises UsageError like `History.scored`."""
    return Side(history.scored(profile), profile.off_delay)


@dataclass(frozen=True, eq=False)
class Outcome:
    """One tag: events on both sides, how well each side meets the truth, and what would be lost."""

    load: Load
    scores_before: EventScores
    scores_after: EventScores
    lost: pd.DataFrame  # rows of `labelled`


@dataclass(frozen=True, eq=False)
class Comparison(Outcome):
    """The same with the readings of both sides."""

    before: Side
    after: Side
    interval: float  # s


def compare(history: History, before: Side, after: Side, known: Known) -> Comparison:
    """Both sides of a history, which must have readings."""
    outcome = outcome_of(history, before, after, known)
    return Comparison(
        load=outcome.load,
        scores_before=outcome.scores_before,
        scores_after=outcome.scores_after,
        lost=outcome.lost,
        before=before,
        after=after,
        interval=history.interval / 1e6,
    )


def outcome_of(history: History, before: Side, after: Side, known: Known) -> Outcome:
    """The figures of `compare`, without the readings."""
    interval = history.interval
    truth = truth_in(history, known, interval)
    return Outcome(
        load=_load(history, before, after, interval),
        scores_before=_scored(before, truth, interval),
        scores_after=_scored(after, truth, interval),
        lost=lost(known.labelled, history.tag.name, before.flagged, after.flagged),
    )


def sorted_outcomes(by_tag: Mapping[str, Outcome]) -> dict[str, Outcome]:
    """By tag, the most events with the new settings first."""
    return dict(sorted(by_tag.items(), key=lambda item: (-item[1].load.after, -item[1].load.before)))


def total(tags: Mapping[str, Load]) -> Load:
    """The load of all tags together over the longest of their times.

    A tag whose history is cut, because it reports often, is extrapolated to it; its events alone would be
    too few. One whose first reading came later had no event before.
    """
    longest = max((load.seconds for load in tags.values()), default=0.0)
    shares = [
        (load, longest / load.seconds if load.is_cut else 1.0) for load in tags.values() if load.seconds > 0
    ]
    return Load(
        before=round(sum(load.before * share for load, share in shares)),
        after=round(sum(load.after * share for load, share in shares)),
        seconds=longest,
        is_cut=any(load.is_cut for load in tags.values()),
    )


def together(scores: Iterable[EventScores]) -> EventScores:
    """The scores of several tags as one; the delay, a median, is that of the tag with most events found."""
    tags = list(scores)
    most = max(tags, key=lambda each: each.detected, default=None)
    return EventScores(
        right=sum(each.right for each in tags),
        wrong=sum(each.wrong for each in tags),
        unknown=sum(each.unknown for each in tags),
        detected=sum(each.detected for each in tags),
        missed=sum(each.missed for each in tags),
        delay=most.delay if most is not None else float("nan"),
    )


def curve(history: History, profile: Profile, detector: str, swept: str, known: Known) -> pd.DataFrame:
    """Threshold, precision, recall and their n over the range of the parameter `swept` of this detector.

    The history is rescored at each of `CURVE` thresholds, beside the profile's other detectors: the
    threshold of most detectors decides what they learn, so that one column of scores does not serve all
    thresholds. Thresholds that the detector refuses are left out.
    """
    (parameter,) = [parameter for parameter in PER_TAG[detector].PARAMETERS if parameter.name == swept]
    interval = history.interval
    truth = truth_in(history, known, interval)
    rows = []
    for threshold in thresholds(parameter):
        try:
            side = rescored(history, with_parameter(profile, detector, swept, threshold))
        except UsageError:
            continue
        scores = _scored(side, truth, interval)
        rows.append((threshold, scores.precision, scores.recall, scores.judged, scores.known))
    return pd.DataFrame(rows, columns=["threshold", "precision", "recall", "judged", "known"])


def with_parameter(profile: Profile, detector: str, name: str, value: float) -> Profile:
    """The profile with another value of this parameter of one of its detectors."""
    choices = [
        Choice(choice.detector, {**choice.params, name: value}) if choice.detector == detector else choice
        for choice in profile.detectors
    ]
    return replace(profile, detectors=tuple(choices))


def thresholds(parameter: Parameter, count: int = CURVE) -> list[float]:
    """Values over the whole range of a parameter, by equal factors."""
    low = max(parameter.low, parameter.step)
    steps = np.round(np.geomspace(low, parameter.high, count) / parameter.step)
    whole = parameter.step == int(parameter.step)
    values = sorted({float(min(parameter.high, max(parameter.low, step * parameter.step))) for step in steps})
    return [int(value) if whole else round(value, 6) for value in values]


def flagged_times(frame: pd.DataFrame) -> Ints:
    """The times of the flagged readings (µs UTC), in ascending order."""
    flagged = np.flatnonzero(frame["is_anomaly"].to_numpy(dtype=np.bool_))
    times = micros(frame["time"])[flagged]
    if np.all(times[1:] >= times[:-1]):  # as readings nearly always arrive
        return times
    return np.sort(times)


def joining(interval: float, off_delay: float) -> float:
    """How far apart (µs) the flags of one event may be, at this usual interval (µs) and off-delay (s)."""
    delays = Delays()
    longest = max(delays.longest, off_delay) * 1e6
    return min(max(off_delay * 1e6, delays.off_readings * interval), longest)


def truth_in(history: History, known: Known, interval: float) -> Truth:
    """What is known of the tag within the history, whose usual interval (µs) this is."""
    time = history.time
    inside = known.truth(history.tag.name, JOIN * interval)
    # A fault that began before the first reading or after the last cannot be found here.
    keep = (inside.events.start >= time[0]) & (inside.events.start <= time[-1])
    events = type(inside.events)(inside.events.start[keep], inside.events.end[keep])
    return Truth(events, inside.ordinary, inside.complete)


def _scored(side: Side, truth: Truth, interval: float) -> EventScores:
    return score(side.flagged, truth, joining(interval, side.off_delay), TOLERANCE * interval)


def _load(history: History, before: Side, after: Side, interval: float) -> Load:
    old, new = (len(grouped(side.flagged, joining(interval, side.off_delay))) for side in (before, after))
    return Load(old, new, history.seconds, history.is_cut)
