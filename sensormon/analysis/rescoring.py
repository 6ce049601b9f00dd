"""History rescored under another profile, as the collector would have scored it.

It runs the kernels of the live stream from the same learned values: under the profile that
was in force the scores are the same to the last bit, those of recursive detectors nearly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensormon.analysis.event_scores import JOIN
from sensormon.detectors.profile_state import ProfileState
from sensormon.detectors.row_state import no_scores
from sensormon.model.errors import UsageError
from sensormon.model.profiles import DEFAULT_PROFILE, Profile, Profiles
from sensormon.model.readings import UNLEARNED, Bools, Floats, Ints, Scores, is_good
from sensormon.model.tags import Tag
from sensormon.model.timestamps import micros

Columns = dict[str, np.ndarray[tuple[int], np.dtype[np.generic]]]
_NEEDED = ("id", "time", "value", "quality", "n", "withheld")


@dataclass(frozen=True, eq=False)
class History:
    """Readings of one tag in order of arrival, read once and scored any number of times.

    `lead` are learned readings before the first of `rows`. Detectors learn from them; they are
    never shown. `watched` has the readings of other tags that conditions may look at, from before
    the lead on: id, time, value and quality, in order of arrival.
    """

    tag: Tag
    lead: pd.DataFrame
    rows: pd.DataFrame
    watched: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def scored(self, profile: Profile) -> pd.DataFrame:
        """The rows as this profile scores them.

        Raises UsageError if its condition looks at a tag whose readings are not in `watched`.
        """
        if self.rows.empty:
            return self.rows
        lead = self.lead.iloc[-2 * _state(profile, self.tag).lead :]
        needed = [name for name in _NEEDED if name in self.rows]
        both = pd.concat([lead[needed], self.rows[needed]]) if len(lead) else self.rows
        columns = _scored(both, profile, self.tag, self.watched)
        return _with(self.rows.reset_index(drop=True), columns, profile, len(lead))

    @cached_property
    def time(self) -> Ints:
        """The times of the rows (µs UTC), in ascending order."""
        return np.sort(micros(self.rows["time"]))

    @cached_property
    def interval(self) -> float:
        """The usual time between two readings (µs); a second if there are too few to tell."""
        steps = np.diff(self.time)
        steps = steps[steps > 0]
        return float(np.median(steps)) if len(steps) else 1e6

    @cached_property
    def seconds(self) -> float:
        """How long the tag reported, gaps excluded."""
        return observed(self.time, self.interval)


def rescore(
    readings: pd.DataFrame, profile: Profile, tag: Tag, watched: Mapping[str, pd.DataFrame] | None = None
) -> pd.DataFrame:
    """These readings of one tag, in order of arrival, with the scores of this profile.

    Without history before the first row the first rows serve as the lead and are not scored; a caller
    that wants every shown row scored puts the profile's lead before them. The scores of a recursive
    detector that begins in the middle are nearly the same, not to the last bit.
    """
    return _with(readings, _scored(readings, profile, tag, watched or {}), profile, 0)


def _scored(
    readings: pd.DataFrame, profile: Profile, tag: Tag, watched: Mapping[str, pd.DataFrame]
) -> Columns:
    """The columns that `rescore` gives these readings."""
    course = _Course.of(readings, _others(profile, tag, watched))
    state = _state(profile, tag)
    n = readings["n"].to_numpy(dtype=np.int64)
    rows = len(readings)
    withheld = np.zeros(rows, dtype=np.uint8)
    columns = _empty_columns(n)
    unjudged = np.zeros(len(course.ok), dtype=np.bool_)
    done = 0  # rows of the course that the state has seen
    for start, stop in _runs(n, learned(readings)):
        first = min(start + state.lead, stop) if start == 0 and n[0] > 0 else start
        if first > start:  # these are only learned from; conditions look at them all the same
            end = int(course.place[first - 1]) + 1
            scores = course.run(state, done, end, unjudged)
            withheld[start:first] = scores.verdicts.withheld if scores.verdicts else 0
            done = end
        if first < stop:
            own = course.own_ok[:first] & ~np.isin(withheld[:first], UNLEARNED)
            before = np.flatnonzero(own)[-state.lead :] if state.lead else np.zeros(0, dtype=np.int64)
            state.restore(0, int(n[first]), course.own_value[before], course.own_time[before])
            end = int(course.place[stop - 1]) + 1
            _write(columns, course.run(state, done, end, course.ok), slice(first, stop))
            withheld[first:stop] = columns["withheld"][first:stop]
            done = end
    return columns


def _with(readings: pd.DataFrame, columns: Columns, profile: Profile, first: int) -> pd.DataFrame:
    """The readings with these columns from row `first` on in place of their own."""
    scored = readings.copy(deep=False)
    for name in columns.keys() - {"detector"}:
        scored[name] = columns[name][first:]
    names = dict.fromkeys(choice.detector for choice in profile.detectors)  # as `Verdicts.detectors` has them
    spoke = columns["detector"][first:].astype(np.int64)
    scored["detector"] = pd.array([*names, None], dtype="str").take(spoke)
    scored["profile"] = profile.name
    return scored


def observed(time: Ints, interval: float) -> float:
    """How long (s) a tag reported, gaps excluded: its times (µs UTC) and usual interval (µs)."""
    steps = np.diff(np.sort(time)).astype(np.int64)
    return float(steps[steps <= int(JOIN * interval)].sum()) / 1e6


def learned(readings: pd.DataFrame) -> Bools:
    """Which of these stored readings were learned: good numbers that no condition withheld."""
    value = readings["value"].to_numpy(dtype=np.float64)
    ok: Bools = is_good(readings["quality"].to_numpy(dtype=np.uint32)) & np.isfinite(value)
    if "withheld" in readings:  # not in readings from before there were profiles
        ok &= ~readings["withheld"].isin(UNLEARNED).to_numpy(dtype=np.bool_)
    return ok


@dataclass(frozen=True, eq=False)
class _Course:
    """The readings of a tag among those its condition looks at, in order of arrival."""

    alone: bool  # there are no others
    code: NDArray[np.int32]  # 0 the tag, 1 the tag of its condition
    value: Floats
    ok: Bools
    good: Bools
    time: Ints
    place: Ints  # of the tag's own readings

    @classmethod
    def of(cls, readings: pd.DataFrame, others: pd.DataFrame | None) -> _Course:
        own = readings[["id", "time", "value", "quality"]]
        both = own if others is None else pd.concat([own, others[list(own)]], ignore_index=True)
        value = both["value"].to_numpy(dtype=np.float64)
        good = is_good(both["quality"].to_numpy(dtype=np.uint32)) & np.isfinite(value)
        time = micros(both["time"])
        if others is None:
            code = np.zeros(len(own), dtype=np.int32)
            return cls(True, code, value, good, good, time, np.arange(len(own)))
        order = np.argsort(both["id"].to_numpy(dtype=np.int64), kind="stable")
        mine = order < len(own)
        value, good = value[order], good[order]
        return cls(
            alone=False,
            code=np.where(mine, 0, 1).astype(np.int32),
            value=value,
            ok=good & mine,
            good=good,
            time=time[order],
            place=np.flatnonzero(mine),
        )

    @property
    def own_ok(self) -> Bools:
        ok: Bools = self.ok if self.alone else self.ok[self.place]
        return ok

    @property
    def own_value(self) -> Floats:
        value: Floats = self.value if self.alone else self.value[self.place]
        return value

    @property
    def own_time(self) -> Ints:
        time: Ints = self.time if self.alone else self.time[self.place]
        return time

    def run(self, state: ProfileState, start: int, stop: int, ok: Bools) -> Scores:
        """The scores of the tag's own readings between two places; those that are `ok` are judged."""
        span = slice(start, stop)
        scores = state.run(self.code[span], self.value[span], ok[span], self.time[span], self.good[span])
        return scores if self.alone else scores.take(self.code[span] == 0)


def _others(profile: Profile, tag: Tag, watched: Mapping[str, pd.DataFrame]) -> pd.DataFrame | None:
    """The readings that the profile's condition looks at, unless they are the tag's own."""
    if profile.condition is None or profile.condition.tag == tag.name:
        return None
    name = profile.condition.tag
    if name not in watched:
        raise UsageError(
            f"the condition looks at {name!r}, whose readings are not at hand",
            where=f"profile {profile.name!r}",
            hint="Choose a tag of numbers that exists",
        )
    return watched[name]


def _state(profile: Profile, tag: Tag) -> ProfileState:
    """Of this tag, code 0, and of the tag that its condition looks at, code 1."""
    tags = [tag]
    if profile.condition is not None and profile.condition.tag != tag.name:
        tags.append(replace(tag, name=profile.condition.tag))
    return ProfileState(Profiles((replace(profile, name=DEFAULT_PROFILE),)), tags)


def _empty_columns(n: Ints) -> Columns:
    """The columns of readings that nothing has judged; `detector` has places in the profile's detectors."""
    scores, rows = no_scores(n), len(n)
    columns: Columns = {
        name: getattr(scores, name).copy()
        for name in ("n", "score", "expected", "lower", "upper", "is_anomaly")
    }
    columns["threshold"] = np.full(rows, np.nan)
    columns["detector"] = np.full(rows, -1, dtype=np.int8)
    columns["withheld"] = np.zeros(rows, dtype=np.uint8)
    return columns


def _write(columns: Columns, scores: Scores, rows: slice) -> None:
    for name in ("n", "score", "expected", "lower", "upper", "is_anomaly"):
        columns[name][rows] = getattr(scores, name)
    verdicts = scores.verdicts
    if verdicts is not None:
        columns["threshold"][rows] = verdicts.threshold
        columns["detector"][rows] = verdicts.detector
        columns["withheld"][rows] = verdicts.withheld


def _runs(n: Ints, was_learned: Bools) -> list[tuple[int, int]]:
    """Spans in which the learned count has no jump; a restart may cause one."""
    if not len(n):
        return []
    jumps = np.flatnonzero(n[1:] != n[:-1] + was_learned[:-1]) + 1
    edges = [0, *jumps.tolist(), len(n)]
    return list(pairwise(edges))
