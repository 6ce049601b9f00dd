"""Event frames: batches, cycles and runs, found in the readings of tags by a start and an end.

A frame starts when a condition becomes true. It ends when that condition becomes false, when another one
becomes true, or after a fixed time; so frames of a rule never overlap. A start or an
end that lies in a gap of the data is never guessed: the frame says so. One that has not ended is open: the
live batch.

A reading counts until the next one of its tag, or until a gap begins. With a hysteresis a comparison that has
become true stays true until the value is back by that much. Times are microseconds UTC, lengths of a rule are
seconds. Pure functions on arrays. What it is not: a reader of the store, or a place for words of a page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from sensormon.analysis.frame_rules import CHANGES, FrameRule, Trigger
from sensormon.analysis.spans import Span, merged
from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.readings import Bools, Floats, Ints
from sensormon.model.state_words import codes_of

MOST_FRAMES = 5_000
"""The most frames of a rule in a span."""


class Outcome(StrEnum):
    """How a frame ended."""

    CLOSED = "closed"
    GAP = "gap"
    """Its end was not seen: the data have a gap there."""
    OPEN = "open"
    """It has not ended yet, or the span ends before it does."""


@dataclass(frozen=True, eq=False)
class Course:
    """The readings of one tag in order of time, up to `until`; `gaps` are stretches without readings.

    Of a tag of states the values are codes, and `words` says what they stand for.
    """

    time: Ints
    value: Floats
    until: int
    gaps: Sequence[Span] = ()
    words: Mapping[float, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Windows:
    """When a condition holds, in order of time: from `begin` to `end`.

    `seen` says whether it became true there, rather than being true when the data began or came back;
    `outcome` whether it became false at the end, or a gap or the end of the data cut it off.
    """

    begin: Ints
    end: Ints
    seen: Bools
    outcome: Sequence[Outcome]


@dataclass(frozen=True)
class Frame:
    """From `start` to `end`; `missing` µs of it have no data.

    Without `start_seen` it had begun before the data did. An open one ends, so far, where the span ends.
    """

    start: int
    end: int
    outcome: Outcome = Outcome.CLOSED
    missing: int = 0
    start_seen: bool = True

    @property
    def seconds(self) -> float:
        """How long it lasts, so far."""
        return (self.end - self.start) / SECOND

    @property
    def whole(self) -> bool:
        """Whether its start and its end are known, so that it can be a model for others."""
        return self.start_seen and self.outcome is Outcome.CLOSED


@dataclass(frozen=True)
class Frames:
    """The frames of a rule in order of time, and how many were left out as too short or too long."""

    frames: tuple[Frame, ...]
    too_short: int = 0
    too_long: int = 0

    @property
    def live(self) -> Frame | None:
        """The open frame."""
        return self.frames[-1] if self.frames and self.frames[-1].outcome is Outcome.OPEN else None


def find_frames(rule: FrameRule, courses: Mapping[str, Course], until: int) -> Frames:
    """The frames of this rule; `courses` has its tags, all read up to `until`.

    Raises UsageError if there are more than `MOST_FRAMES`.
    """
    starts = holding(rule.start, courses[rule.start.tag])
    end = rule.end
    if end is None and rule.start.comparison == CHANGES and not rule.lasting:
        end = rule.start
    gaps = [gap for name in rule.tags for gap in courses[name].gaps]
    missing = _Missing(gaps)
    shortest = round(rule.shortest * SECOND)
    longest = round(rule.longest * SECOND) if rule.longest else None
    if end is None and not rule.lasting:
        candidates: Iterable[Frame] = (
            Frame(int(begin), int(last), outcome, 0, bool(seen))
            for begin, last, outcome, seen in zip(
                starts.begin.tolist(), starts.end.tolist(), starts.outcome, starts.seen, strict=True
            )
        )
        return _kept(candidates, shortest, longest)
    ends = holding(end, courses[end.tag]) if end is not None else None
    return _walked(starts, ends, round(rule.lasting * SECOND), until, missing, (shortest, longest))


def holding(trigger: Trigger, course: Course) -> Windows:
    """When the trigger's condition holds. A change is a moment: it begins and ends at the same time."""
    time, value = course.time, course.value
    rows = len(time)
    if not rows:
        none = np.zeros(0, dtype=np.int64)
        return Windows(none, none, none.astype(np.bool_), ())
    fresh, lasts = _unknown_before(course), _lasts(course)
    if trigger.comparison == CHANGES:
        at = time[1:][(np.diff(value) != 0) & ~fresh[1:]]
        return Windows(at, at, np.ones(len(at), dtype=np.bool_), (Outcome.CLOSED,) * len(at))
    on, stays = met(trigger, value, course.words)
    code = np.where(on, 1, np.where(stays & ~fresh, -1, 0))
    state = code[np.maximum.accumulate(np.where(code >= 0, np.arange(rows), 0))] == 1
    edge = fresh.copy()
    edge[1:] |= state[1:] != state[:-1]
    first = np.flatnonzero(edge)
    last = np.append(first[1:], rows) - 1
    first, last = first[state[first]], last[state[first]]
    after = np.minimum(last + 1, rows - 1)
    false = (last + 1 < rows) & ~fresh[after]
    end = np.where(false, time[after], lasts[last])
    kept = end - time[first] >= round(trigger.hold * SECOND)
    outcome = [
        Outcome.CLOSED if became else Outcome.OPEN if at_end else Outcome.GAP
        for became, at_end in zip(false[kept].tolist(), (end == course.until)[kept].tolist(), strict=True)
    ]
    return Windows(time[first][kept], end[kept], ~fresh[first][kept], outcome)


def met(trigger: Trigger, value: Floats, words: Mapping[float, str]) -> tuple[Bools, Bools]:
    """For each value, whether it makes the condition true, and whether it keeps one true that was."""
    level, back = trigger.value, trigger.hysteresis
    if trigger.word:
        same = np.isin(value, codes_of(words, trigger.word), invert=trigger.comparison == "!=")
        return same, same
    match trigger.comparison:
        case ">":
            return value > level, value > level - back
        case ">=":
            return value >= level, value >= level - back
        case "<":
            return value < level, value < level + back
        case "<=":
            return value <= level, value <= level + back
        case _:
            near = np.abs(value - level) <= back
            equal = value == level
    return (equal, near) if trigger.comparison == "=" else (~near, ~equal)


def undecided(trigger: Trigger, low: Floats, high: Floats) -> Bools:
    """In which stretches of readings, with these lowest and highest values, the condition may change.

    In the others it stays what it is at their first reading.
    """
    if trigger.comparison in ("=", "!="):
        level, back = trigger.value, trigger.hysteresis
        apart: Bools = (low != high) & (high >= level - back) & (low <= level + back)
        return apart
    lows, highs = met(trigger, low, {}), met(trigger, high, {})
    differs: Bools = (lows[0] != highs[0]) | (lows[1] != highs[1])
    return differs


def median_seconds(frames: Sequence[Frame]) -> float:
    """The median length of those whose start and end are known, in seconds; NaN if there are none."""
    lengths = [frame.seconds for frame in frames if frame.whole]
    return float(np.median(lengths)) if lengths else math.nan


def _walked(
    starts: Windows,
    ends: Windows | None,
    lasting: int,
    until: int,
    missing: _Missing,
    limits: tuple[int, int | None],
) -> Frames:
    """From start to end to the next start, for rules whose end does not follow from the start itself."""
    shortest, longest = limits
    frames: list[Frame] = []
    short = long = place = 0
    while place < len(starts.begin):
        start = int(starts.begin[place])
        if ends is None:
            end, outcome = start + lasting, Outcome.CLOSED
            if end > until:
                end, outcome = until, Outcome.OPEN
        else:
            at = int(np.searchsorted(ends.begin, start, side="right"))
            if at < len(ends.begin):
                end, outcome = int(ends.begin[at]), Outcome.CLOSED if ends.seen[at] else Outcome.GAP
            else:
                end, outcome = until, Outcome.OPEN
        frame = Frame(start, end, outcome, missing.between(start, end), bool(starts.seen[place]))
        if longest is not None and end - start > longest:
            long += 1
            place += 1  # its end was missed: the next start begins another frame
            continue
        if frame.whole and end - start < shortest:
            short += 1
        elif end > start:
            frames.append(frame)
            _check_number(frames)
        place = max(place + 1, int(np.searchsorted(starts.begin, end, side="left")))
    return Frames(tuple(frames), short, long)


def _kept(candidates: Iterable[Frame], shortest: int, longest: int | None) -> Frames:
    """Those that are neither too short nor too long; of one that is cut off the true length is not known."""
    frames: list[Frame] = []
    short = long = 0
    for frame in candidates:
        length = frame.end - frame.start
        if longest is not None and length > longest:
            long += 1
        elif length <= 0 or (frame.whole and length < shortest):
            short += 1
        else:
            frames.append(frame)
            _check_number(frames)
    return Frames(tuple(frames), short, long)


def _check_number(frames: Sequence[Frame]) -> None:
    if len(frames) > MOST_FRAMES:
        raise UsageError(
            f"there are more than {MOST_FRAMES:,} frames in view",
            where="event frames",
            hint="Set a hysteresis or a shortest length, or choose a shorter time range",
        )


def _unknown_before(course: Course) -> Bools:
    """For each reading, whether nothing is known of the time just before it: the first, those after a gap."""
    fresh: Bools = np.zeros(len(course.time), dtype=np.bool_)
    fresh[0] = True
    for left, right in course.gaps:
        at = int(np.searchsorted(course.time, right, side="left"))
        if left < right and at < len(fresh):
            fresh[at] = True
    return fresh


def _lasts(course: Course) -> Ints:
    """Until when each reading counts: the next one, a gap, or the end."""
    lasts = np.append(course.time[1:], course.until)
    for left, right in course.gaps:
        at = int(np.searchsorted(course.time, left, side="right")) - 1
        if left < right and at >= 0:
            lasts[at] = min(lasts[at], left)
    return lasts


class _Missing:
    """How much of a span lies in gaps."""

    def __init__(self, gaps: Sequence[Span]) -> None:
        edges = merged(gap for gap in gaps if gap[0] < gap[1])
        self._edges = np.array(edges, dtype=np.float64).ravel()
        lengths = np.diff(self._edges)
        lengths[1::2] = 0
        self._sums = np.concatenate(([0.0], np.cumsum(lengths))) if edges else np.zeros(0)

    def between(self, start: int, end: int) -> int:
        """The µs of gaps in this span."""
        if not len(self._edges):
            return 0
        before, after = np.interp([start, end], self._edges, self._sums)
        return round(after - before)
