"""The stored flags beside those that other settings would have raised.

Everything the Tuning page shows is computed here from readings already in memory, so that a
moved slider costs only the scoring. Pure: no store, no page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
from sensormon.detectors import PER_TAG, make
from sensormon.detectors.base import Detector, Parameter
from sensormon.model.errors import UsageError
from sensormon.model.events import Delays
from sensormon.model.readings import Ints
from sensormon.model.timestamps import micros

CURVE = 12
"""How many thresholds a precision-recall curve has."""


@dataclass(frozen=True)
class Load:
    """Events of one or more tags, now and with other settings, in `seconds` of readings, gaps excluded."""

    before: int
    after: int
    seconds: float

    def pace(self, count: int) -> float:
        """`count` events as a number per 10 minutes; 0 if no time has passed."""
        return count * 600 / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of the readings: rows of injected faults and labelled events.

    `complete` has the tags with no other faults than the injected ones.
    """

    faults: pd.DataFrame
    labelled: pd.DataFrame
    complete: frozenset[str]


@dataclass(frozen=True, eq=False)
class Comparison:
    """One tag: its readings as stored and as rescored, and how well each meets the truth."""

    before: pd.DataFrame
    after: pd.DataFrame
    load: Load
    interval: float  # s
    scores_before: EventScores
    scores_after: EventScores
    lost: pd.DataFrame  # rows of `labelled`


def compare(history: History, detector: Detector, known: Known) -> Comparison:
    """The history as this detector would have scored it; it must have readings."""
    after = history.scored(detector)
    interval = _interval(history)
    truth = _truth(history, known, interval)
    old, new = flagged_times(history.rows), flagged_times(after)
    return Comparison(
        before=history.rows,
        after=after,
        load=_load(history, old, new, interval),
        interval=interval / 1e6,
        scores_before=_scored(old, truth, interval),
        scores_after=_scored(new, truth, interval),
        lost=lost(known.labelled, history.tag.name, old, new),
    )


def loads(histories: Sequence[History], detector: Detector) -> dict[str, Load]:
    """The alarm load of each tag that has readings; the highest with these settings first."""
    by_tag = {}
    for history in histories:
        if len(history.rows):
            new = flagged_times(history.scored(detector))
            by_tag[history.tag.name] = _load(history, flagged_times(history.rows), new, _interval(history))
    return sorted_loads(by_tag)


def sorted_loads(by_tag: Mapping[str, Load]) -> dict[str, Load]:
    """The loads, the highest with the new settings first."""
    return dict(sorted(by_tag.items(), key=lambda item: (-item[1].after, -item[1].before)))


def total(tags: Mapping[str, Load]) -> Load:
    """The load of all tags together, each extrapolated to the longest of their times.

    A tag that reports often is looked at over a shorter time; its events alone would be too few.
    """
    longest = max((load.seconds for load in tags.values()), default=0.0)
    shares = [(load, longest / load.seconds) for load in tags.values() if load.seconds > 0]
    return Load(
        before=round(sum(load.before * share for load, share in shares)),
        after=round(sum(load.after * share for load, share in shares)),
        seconds=longest,
    )


def all_lost(histories: Sequence[History], detector: Detector, labelled: pd.DataFrame) -> pd.DataFrame:
    """The events of all tags labelled true that are flagged now and would not be with this detector."""
    parts = []
    for history in histories:
        if len(history.rows) and (labelled["tag"] == history.tag.name).any():
            new = flagged_times(history.scored(detector))
            parts.append(lost(labelled, history.tag.name, flagged_times(history.rows), new))
    return pd.concat(parts) if parts else labelled.iloc[:0]


def curve(history: History, name: str, params: Mapping[str, float], swept: str, known: Known) -> pd.DataFrame:
    """Threshold, precision, recall and their n over the range of the parameter `swept`.

    The history is rescored at each of `CURVE` thresholds: the threshold of most detectors decides
    what they learn, so that one column of scores does not serve all thresholds. Thresholds that
    the detector refuses are left out.
    """
    (parameter,) = [parameter for parameter in PER_TAG[name].PARAMETERS if parameter.name == swept]
    interval = _interval(history)
    truth = _truth(history, known, interval)
    rows = []
    for threshold in thresholds(parameter):
        try:
            detector = make(name, **{**params, swept: threshold})
        except UsageError:
            continue
        scores = _scored(flagged_times(history.scored(detector)), truth, interval)
        rows.append((threshold, scores.precision, scores.recall, scores.judged, scores.known))
    return pd.DataFrame(rows, columns=["threshold", "precision", "recall", "judged", "known"])


def thresholds(parameter: Parameter, count: int = CURVE) -> list[float]:
    """Values over the whole range of a parameter, by equal factors."""
    low = max(parameter.low, parameter.step)
    steps = np.round(np.geomspace(low, parameter.high, count) / parameter.step)
    whole = parameter.step == int(parameter.step)
    values = sorted({float(min(parameter.high, max(parameter.low, step * parameter.step))) for step in steps})
    return [int(value) if whole else round(value, 6) for value in values]


def flagged_times(frame: pd.DataFrame) -> Ints:
    """The times of the flagged readings (µs UTC), in ascending order."""
    flagged = frame["is_anomaly"].to_numpy(dtype=np.bool_)
    return np.sort(micros(frame["time"][flagged]))


def off_delay(interval: float) -> float:
    """How far apart (µs) the flags of one event may be: the off-delay at this usual interval (µs)."""
    delays = Delays()
    return min(max(delays.off_seconds * 1e6, delays.off_readings * interval), delays.longest * 1e6)


def _interval(history: History) -> float:
    """The usual time between two readings (µs); a second if there are too few to tell."""
    steps = np.diff(np.sort(micros(history.rows["time"])))
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) else 1e6


def _truth(history: History, known: Known, interval: float) -> Truth:
    time = micros(history.rows["time"])
    name = history.tag.name
    inside = truth_of(name, known.faults, known.labelled, JOIN * interval, name in known.complete)
    # A fault that began before the first reading or after the last cannot be found here.
    keep = (inside.events.start >= time.min()) & (inside.events.start <= time.max())
    events = type(inside.events)(inside.events.start[keep], inside.events.end[keep])
    return Truth(events, inside.ordinary, inside.complete)


def _scored(flagged: Ints, truth: Truth, interval: float) -> EventScores:
    return score(flagged, truth, off_delay(interval), TOLERANCE * interval)


def _load(history: History, old: Ints, new: Ints, interval: float) -> Load:
    steps = np.diff(np.sort(micros(history.rows["time"]))).astype(np.int64)
    seconds = float(steps[steps <= int(JOIN * interval)].sum()) / 1e6
    join = off_delay(interval)
    return Load(len(grouped(old, join)), len(grouped(new, join)), seconds)
