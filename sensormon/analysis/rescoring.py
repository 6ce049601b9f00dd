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
import pyarrow as pa
from numpy.typing import NDArray

from sensormon.detectors.profile_state import ProfileState
from sensormon.detectors.row_state import no_scores
from sensormon.model.errors import UsageError
from sensormon.model.event_rate import counted_seconds
from sensormon.model.profiles import DEFAULT_PROFILE, Profile, Profiles
from sensormon.model.readings import UNLEARNED, Bools, Floats, Ints, Scores, Withheld, is_good
from sensormon.model.tags import Tag
from sensormon.model.timestamps import FOREVER, micros

Columns = dict[str, np.ndarray[tuple[int], np.dtype[np.generic]]]
_NEEDED = ("id", "time", "value", "quality", "n", "withheld")
_PIECE = (
    32_768  # what a piece needs for a moment stays in the processor's cache, and its memory is used again
)
_STRETCH = 1_000  # rows of one word, on average, from which on each stretch is a piece of its own
_WORD = pa.large_string()


@dataclass(frozen=True, eq=False)
class History:
    """Readings of one tag in order of arrival, read once and scored any number of times.

    `lead` are learned readings before the first of `rows`. Detectors learn from them; they are
    never shown. `watched` has the readings of other tags that conditions may look at, from before
    the lead on: id, time, value and quality, in order of arrival. `until` is the end of the span that was
    read (µs UTC), None for the last reading's. `is_cut` if earlier readings of the span were left out.
    """

    tag: Tag
    lead: pd.DataFrame
    rows: pd.DataFrame
    watched: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    until: int | None = None
    is_cut: bool = False

    def scored(self, profile: Profile) -> pd.DataFrame:
        """The rows as this profile scores them.

        Raises UsageError if its condition looks at a tag whose readings are not in `watched`.
        """
        if self.rows.empty:
            return self.rows
        # All of it if the detectors have no lead.
        first, _, _ = slice(-2 * _state(profile, self.tag).lead, None).indices(len(self.lead))
        columns = _scored(self._stored.since(first), profile, self.tag, self.watched)
        return _with(self.rows.reset_index(drop=True), columns, profile, len(self.lead) - first)

    @cached_property
    def _stored(self) -> _Stored:
        """Lead and rows, read once from their frames for all profiles."""
        needed = [name for name in _NEEDED if name in self.rows]
        return _Stored.of(pd.concat([self.lead[needed], self.rows[needed]]) if len(self.lead) else self.rows)

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
        """The time over which events are counted: from the first reading to the end of the span."""
        return self.seconds_within(0, FOREVER)

    def seconds_within(self, since: int, until: int) -> float:
        """That time within since <= time < until (µs UTC)."""
        if not len(self.time):
            return 0.0
        end = int(self.time[-1]) if self.until is None else self.until
        return counted_seconds(since, min(end, until), int(self.time[0]))


def rescore(
    readings: pd.DataFrame, profile: Profile, tag: Tag, watched: Mapping[str, pd.DataFrame] | None = None
) -> pd.DataFrame:
    """These readings of one tag, in order of arrival, with the scores of this profile.

    Without history before the first row the first rows serve as the lead and are not scored; a caller
    that wants every shown row scored puts the profile's lead before them. The scores of a recursive
    detector that begins in the middle are nearly the same, not to the last bit.
    """
    return _with(readings, _scored(_Stored.of(readings), profile, tag, watched or {}), profile, 0)


def _scored(stored: _Stored, profile: Profile, tag: Tag, watched: Mapping[str, pd.DataFrame]) -> Columns:
    """The columns that `rescore` gives these readings."""
    course = _Course.of(stored, _others(profile, tag, watched))
    state = _state(profile, tag)
    n = stored.n
    withheld = np.zeros(len(n), dtype=np.uint8)
    columns = _unfilled(len(n))
    unjudged = np.zeros(len(course.ok), dtype=np.bool_)
    done = 0  # rows of the course that the state has seen
    for start, stop in _runs(len(n), stored.jumps):
        first = min(start + state.lead, stop) if start == 0 and n[0] > 0 else start
        if first > start:  # these are only learned from; conditions look at them all the same
            end = course.end(first)
            scores = course.run(state, done, end, unjudged)
            withheld[start:first] = scores.verdicts.withheld if scores.verdicts else 0
            _write(columns, no_scores(n[start:first]), slice(start, first))
            done = end
        if first < stop:
            own = course.own_ok[:first] & ~np.isin(withheld[:first], UNLEARNED)
            before = np.flatnonzero(own)[-state.lead :] if state.lead else np.zeros(0, dtype=np.int64)
            state.restore(0, int(n[first]), course.own_value[before], course.own_time[before])
            for piece in range(first, stop, _PIECE):
                rows = slice(piece, min(piece + _PIECE, stop))
                end = course.end(rows.stop)
                _write(columns, course.run(state, done, end, course.ok), rows)
                done = end
            withheld[first:stop] = columns["withheld"][first:stop]
    return columns


def _with(readings: pd.DataFrame, columns: Columns, profile: Profile, first: int) -> pd.DataFrame:
    """The readings with these columns from row `first` on in place of their own."""
    scored = readings.copy(deep=False)
    for name in [name for name in columns if name != "detector"]:
        scored[name] = pd.Series(columns[name][first:], index=scored.index, copy=False)
    names = dict.fromkeys(choice.detector for choice in profile.detectors)  # as `Verdicts.detectors` has them
    spoke = columns["detector"][first:].astype(np.int8, copy=False)
    scored["detector"] = pd.array(_words(list(names), spoke), dtype="str")
    scored["profile"] = pd.array(_repeated(profile.name, len(spoke)), dtype="str")
    return scored


def _words(words: list[str], places: NDArray[np.int8]) -> pa.ChunkedArray:
    """The word at each of these places, none at -1."""
    edges = [0, *(np.flatnonzero(places[1:] != places[:-1]) + 1).tolist(), len(places)]
    if len(edges) * _STRETCH > len(places):
        column = pa.DictionaryArray.from_arrays(pa.array(places, mask=places < 0), pa.array(words, _WORD))
        return pa.chunked_array([column.cast(_WORD)])
    stretches = [
        _repeated(words[places[start]] if places[start] >= 0 else None, stop - start)
        for start, stop in pairwise(edges)
    ]
    return pa.chunked_array([piece for stretch in stretches for piece in stretch.chunks], _WORD)


def _repeated(word: str | None, rows: int) -> pa.ChunkedArray:
    """A column of one word, whose pieces share their memory."""
    piece = pa.repeat(pa.scalar(word, _WORD), min(rows, _PIECE))
    whole, rest = divmod(rows, _PIECE)
    return pa.chunked_array([*[piece] * whole, piece.slice(0, rest)])


def learned(readings: pd.DataFrame) -> Bools:
    """Which of these stored readings were learned: good numbers that no condition withheld."""
    ok = _good(readings)
    if "withheld" in readings:  # not in readings from before there were profiles
        ok &= ~readings["withheld"].isin(UNLEARNED).to_numpy(dtype=np.bool_)
    return ok


def _late(readings: pd.DataFrame) -> Bools:
    """Which of these readings came late, which no other profile changes."""
    if "withheld" not in readings:
        return np.zeros(len(readings), dtype=np.bool_)
    late: Bools = (readings["withheld"] == Withheld.LATE).to_numpy(dtype=np.bool_)
    return late


def _good(readings: pd.DataFrame) -> Bools:
    """Which of these readings are good numbers."""
    finite = np.isfinite(readings["value"].to_numpy(dtype=np.float64))
    good: Bools = is_good(readings["quality"].to_numpy(dtype=np.uint32)) & finite
    return good


@dataclass(frozen=True, eq=False)
class _Stored:
    """What scoring needs of readings of one tag, in order of arrival."""

    id: Ints
    time: Ints
    value: Floats
    good: Bools
    late: Bools
    n: Ints
    jumps: Ints  # rows before which the learned count has a jump; a restart may cause one

    @classmethod
    def of(cls, readings: pd.DataFrame) -> _Stored:
        n = readings["n"].to_numpy(dtype=np.int64)
        return cls(
            id=readings["id"].to_numpy(dtype=np.int64),
            time=micros(readings["time"]),
            value=readings["value"].to_numpy(dtype=np.float64),
            good=_good(readings),
            late=_late(readings),
            n=n,
            jumps=np.flatnonzero(n[1:] != n[:-1] + learned(readings)[:-1]) + 1,
        )

    def since(self, row: int) -> _Stored:
        """Without the rows before this one."""
        return _Stored(
            id=self.id[row:],
            time=self.time[row:],
            value=self.value[row:],
            good=self.good[row:],
            late=self.late[row:],
            n=self.n[row:],
            jumps=self.jumps[self.jumps > row] - row,
        )


@dataclass(frozen=True, eq=False)
class _Course:
    """The readings of a tag among those its condition looks at, in order of arrival."""

    alone: bool  # there are no others
    code: NDArray[np.int32]  # 0 the tag, 1 the tag of its condition
    value: Floats
    ok: Bools
    good: Bools
    late: Bools
    time: Ints
    place: Ints  # of the tag's own readings among others

    @classmethod
    def of(cls, stored: _Stored, others: pd.DataFrame | None) -> _Course:
        own = len(stored.id)
        if others is None:
            alone = np.zeros(own, dtype=np.int32)
            good, nowhere = stored.good, np.zeros(0, np.int64)
            return cls(True, alone, stored.value, good, good, stored.late, stored.time, nowhere)
        order = np.argsort(np.concatenate([stored.id, others["id"].to_numpy(dtype=np.int64)]), kind="stable")
        mine = order < own
        good = np.concatenate([stored.good, _good(others)])[order]
        return cls(
            alone=False,
            code=np.where(mine, 0, 1).astype(np.int32),
            value=np.concatenate([stored.value, others["value"].to_numpy(dtype=np.float64)])[order],
            ok=good & mine,
            good=good,
            late=np.concatenate([stored.late, np.zeros(len(others), dtype=np.bool_)])[order],
            time=np.concatenate([stored.time, micros(others["time"])])[order],
            place=np.flatnonzero(mine),
        )

    def end(self, rows: int) -> int:
        """The length of the course up to and including the tag's own reading number `rows`."""
        return rows if self.alone else int(self.place[rows - 1]) + 1

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
        scores = state.run(
            self.code[span], self.value[span], ok[span], self.time[span], self.good[span], self.late[span]
        )
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
            hint="Choose a numeric tag that exists",
        )
    return watched[name]


def _state(profile: Profile, tag: Tag) -> ProfileState:
    """Of this tag, code 0, and of the tag that its condition looks at, code 1."""
    tags = [tag]
    if profile.condition is not None and profile.condition.tag != tag.name:
        tags.append(replace(tag, name=profile.condition.tag))
    return ProfileState(Profiles((replace(profile, name=DEFAULT_PROFILE),)), tags)


def _unfilled(rows: int) -> Columns:
    """Uninitialised columns for `rows` readings; `detector` has places in the profile's detectors."""
    columns: Columns = {name: np.empty(rows) for name in ("score", "expected", "lower", "upper", "threshold")}
    columns["n"] = np.empty(rows, dtype=np.int64)
    columns["is_anomaly"] = np.empty(rows, dtype=np.bool_)
    columns["detector"] = np.empty(rows, dtype=np.int8)
    columns["withheld"] = np.empty(rows, dtype=np.uint8)
    return columns


def _write(columns: Columns, scores: Scores, rows: slice) -> None:
    """Write these rows; without verdicts, as what nothing has judged."""
    for name in ("n", "score", "expected", "lower", "upper", "is_anomaly"):
        columns[name][rows] = getattr(scores, name)
    verdicts = scores.verdicts
    columns["threshold"][rows] = verdicts.threshold if verdicts else np.nan
    columns["detector"][rows] = verdicts.detector if verdicts else -1
    columns["withheld"][rows] = verdicts.withheld if verdicts else 0


def _runs(rows: int, jumps: Ints) -> list[tuple[int, int]]:
    """The spans of `rows` rows between the jumps of the learned count."""
    return list(pairwise([0, *jumps.tolist(), rows])) if rows else []
