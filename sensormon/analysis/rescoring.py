"""History rescored under another profile, as the collector would have scored it.

It runs the kernels of the live stream from the same learned values: under the profile that
was in force the scores are the same to the last bit, those of recursive detectors nearly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensormon.detectors.profile_state import ProfileState
from sensormon.detectors.row_state import no_scores
from sensormon.model.errors import UsageError
from sensormon.model.profiles import DEFAULT_PROFILE, Profile, Profiles
from sensormon.model.readings import UNLEARNED, Bools, Floats, Ints, Scores, is_good
from sensormon.model.tags import Tag
from sensormon.model.timestamps import micros


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
        both = pd.concat([lead, self.rows], ignore_index=True) if len(lead) else self.rows
        return rescore(both, profile, self.tag, self.watched).iloc[len(lead) :].reset_index(drop=True)


def rescore(
    readings: pd.DataFrame, profile: Profile, tag: Tag, watched: Mapping[str, pd.DataFrame] | None = None
) -> pd.DataFrame:
    """These readings of one tag, in order of arrival, with the scores of this profile.

    Without history before the first row the first rows serve as the lead and are not scored; a caller
    that wants every shown row scored puts the profile's lead before them. The scores of a recursive
    detector that begins in the middle are nearly the same, not to the last bit.
    """
    course = _Course.of(readings, _others(profile, tag, watched or {}))
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
    scored = readings.copy()
    for name, column in columns.items():
        scored[name] = column
    scored["profile"] = profile.name
    return scored


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
        order = np.argsort(both["id"].to_numpy(dtype=np.int64), kind="stable")
        mine = order < len(own)
        value = both["value"].to_numpy(dtype=np.float64)[order]
        good = is_good(both["quality"].to_numpy(dtype=np.uint32)[order]) & np.isfinite(value)
        return cls(
            code=np.where(mine, 0, 1).astype(np.int32),
            value=value,
            ok=good & mine,
            good=good,
            time=micros(both["time"])[order],
            place=np.flatnonzero(mine),
        )

    @property
    def own_ok(self) -> Bools:
        ok: Bools = self.ok[self.place]
        return ok

    @property
    def own_value(self) -> Floats:
        value: Floats = self.value[self.place]
        return value

    @property
    def own_time(self) -> Ints:
        time: Ints = self.time[self.place]
        return time

    def run(self, state: ProfileState, start: int, stop: int, ok: Bools) -> Scores:
        """The scores of the tag's own readings between two places; those that are `ok` are judged."""
        span = slice(start, stop)
        scores = state.run(self.code[span], self.value[span], ok[span], self.time[span], self.good[span])
        return scores.take(self.code[span] == 0)


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


def _empty_columns(n: Ints) -> dict[str, np.ndarray[tuple[int], np.dtype[np.generic]]]:
    """The columns of readings that nothing has judged."""
    scores, rows = no_scores(n), len(n)
    columns: dict[str, np.ndarray[tuple[int], np.dtype[np.generic]]] = {
        name: getattr(scores, name).copy()
        for name in ("n", "score", "expected", "lower", "upper", "is_anomaly")
    }
    columns["threshold"] = np.full(rows, np.nan)
    columns["detector"] = np.full(rows, None, dtype=object)
    columns["withheld"] = np.zeros(rows, dtype=np.uint8)
    return columns


def _write(
    columns: dict[str, np.ndarray[tuple[int], np.dtype[np.generic]]], scores: Scores, rows: slice
) -> None:
    for name in ("n", "score", "expected", "lower", "upper", "is_anomaly"):
        columns[name][rows] = getattr(scores, name)
    verdicts = scores.verdicts
    if verdicts is not None:
        columns["threshold"][rows] = verdicts.threshold
        columns["detector"][rows] = np.array([*verdicts.detectors, None], dtype=object)[verdicts.detector]
        columns["withheld"][rows] = verdicts.withheld


def _runs(n: Ints, was_learned: Bools) -> list[tuple[int, int]]:
    """Spans in which the learned count has no jump; a restart may cause one."""
    if not len(n):
        return []
    jumps = np.flatnonzero(n[1:] != n[:-1] + was_learned[:-1]) + 1
    edges = [0, *jumps.tolist(), len(n)]
    return list(pairwise(edges))
