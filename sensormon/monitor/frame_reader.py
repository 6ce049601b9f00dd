"""Reads what event frames are found from, and what they are compared by, over spans of any length.

The overview of a span has the lowest and the highest reading of each part of it, from the store's summary.
Only parts in which a condition may change are then read at full resolution, so the edges of frames are exact
to the reading. Where that would be too much, or only roll-ups are left, `edge` says how far off they may be.
Good readings only. What it is not: a place that keeps or draws anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from sensormon.analysis.downsample import WORST, Overview
from sensormon.analysis.event_frames import Course, undecided
from sensormon.analysis.frame_figures import Samples
from sensormon.analysis.frame_rules import Trigger
from sensormon.analysis.spans import Span, merged, place_in
from sensormon.analysis.state_course import Stretch
from sensormon.model.clock import MINUTE, SECOND
from sensormon.model.readings import Bools, Floats, Ints, is_good
from sensormon.model.state_words import folded
from sensormon.model.timestamps import micros
from sensormon.monitor.explorer import Explorer
from sensormon.stores.protocol import Store
from sensormon.stores.recent import RecentReadings

PARTS = 2_000
"""The fewest parts of a span; from `PARTS` times two minutes on a part is two or three minutes."""
MOST_REFINED = 1_500_000
"""The most readings of a tag that are read at full resolution to find the edges of frames."""
MOST_SAMPLES = 200_000
"""The most readings of a tag that are read one by one to compare frames; of more, the means of minutes."""
MOST_AMONG = 60_000_000
"""The most readings of all tags in a stretch: to find those of one tag, a store looks at all of them.

Up to about this many, that takes less time than the means of minutes do.
"""
MOST_STRETCHES = 100
"""The most pieces of a span that are asked for at once."""
MOST_IN_PIECES = 0.5
"""Pieces that cover more than this share of their extent are read as one."""
LATE = 60 * SECOND
"""At the end of a span the last reading still counts for up to this long (µs): another may come."""
STATE_PARTS = 1_000_000
"""A span is cut into this many parts; in each the first and the last change of a state are seen."""


@dataclass(frozen=True, eq=False)
class Conditions:
    """The courses of the tags of a rule, and the `extremes` of those that are numbers.

    The edges of frames are exact to the reading if `edge` (µs) is 0, otherwise off by as much at most. Before
    `whole` (µs UTC) only one-minute roll-ups are stored: there they are off by a minute.
    """

    courses: Mapping[str, Course]
    extremes: Mapping[str, tuple[float, float]]
    edge: int
    whole: int


class FrameReader:
    """Of one monitor; `writer` is the id of its journal."""

    def __init__(self, store: Store, recent: RecentReadings, writer: str) -> None:
        self._explorer = Explorer(store, recent, writer)
        self._spans = store.spans
        self._readings = store.readings
        self._retention = store.retention
        self._recent = recent

    def conditions(
        self, triggers: Sequence[Trigger], words: Mapping[str, Mapping[float, str]], since: int, until: int
    ) -> Conditions:
        """The courses of the tags that these conditions are about; `words` are those of tags of states.

        Raises StoreError.
        """
        courses: dict[str, Course] = {}
        extremes: dict[str, tuple[float, float]] = {}
        edge = 0
        for name in dict.fromkeys(trigger.tag for trigger in triggers):
            overview = self._overview(name, since, until)
            if name in words:
                courses[name] = self._states(name, words[name], overview)
                edge = max(edge, (until - since) // STATE_PARTS if len(courses[name].time) > PARTS else 0)
                continue
            own = [trigger for trigger in triggers if trigger.tag == name]
            time, value, off = self._refined(name, own, overview)
            courses[name] = Course(time, value, until, _but_late(overview.gaps(), until))
            edge = max(edge, off)
            if len(value):
                extremes[name] = float(value.min()), float(value.max())
        return Conditions(courses, extremes, edge, self._explorer.since_whole(list(courses), since))

    def samples_of(
        self, tags: Sequence[str], since: int, until: int, spans: Sequence[Span]
    ) -> dict[str, Samples]:
        """`samples` of each of these tags; the store looks for the readings of all at once.

        Raises StoreError.
        """
        if len(tags) < 2 or not spans:
            return {tag: self.samples(tag, since, until, spans) for tag in tags}
        first, last = max(since, spans[0][0]), min(until, spans[-1][1])
        whole = [tag for tag in tags if self._is_read_whole(tag, first, last, spans)]
        stretches = _joined(spans, MOST_STRETCHES)
        read = self._whole_of(whole, stretches, (first, last))
        return {
            tag: Samples(*read[tag], *read[tag], 0) if tag in read else self._means(tag, first, last)
            for tag in tags
        }

    def samples(self, tag: str, since: int, until: int, spans: Sequence[Span]) -> Samples:
        """The readings of this tag in these spans, which are in order and lie in the whole one, to compare.

        Raises StoreError.
        """
        if not spans:
            nothing = np.zeros(0, dtype=np.int64)
            return Samples(nothing, np.zeros(0), nothing, np.zeros(0), 0)
        since, until = max(since, spans[0][0]), min(until, spans[-1][1])
        if self._is_read_whole(tag, since, until, spans):
            time, value = self._whole(tag, _joined(spans, MOST_STRETCHES), (since, until))
            return Samples(time, value, time, value, 0)
        return self._means(tag, since, until)

    def _is_read_whole(self, tag: str, since: int, until: int, spans: Sequence[Span]) -> bool:
        """Whether all readings exist individually and those of the spans are few enough to read."""
        if (self._retention.rolled_until(tag) or 0) > since:
            return False
        covered = sum(end - start for start, end in spans) / max(1, until - since)
        count = self._spans.count(tag, since, until) * covered
        return count <= MOST_SAMPLES and count * self._tags() <= MOST_AMONG

    def _means(self, tag: str, since: int, until: int) -> Samples:
        """The means of minutes, or more, and the extremes of the overview."""
        rolled = self._retention.rolled_until(tag) or 0
        overview = self._overview(tag, since, until)
        start = since // MINUTE * MINUTE
        step = MINUTE * max(1, (until - start) // (50_000 * MINUTE))
        if rolled > since:
            return Samples(overview.time, overview.value, overview.time, overview.value, MINUTE)
        means = self._spans.means(tag, start, until, step)
        known = np.isfinite(means)
        middle = start + np.arange(len(means), dtype=np.int64) * step + step // 2
        return Samples(middle[known], means[known], overview.time, overview.value, step)

    def _tags(self) -> int:
        """How many tags a stretch of the store's readings is about."""
        return max(1, len(self._readings.live_tags()))

    def _overview(self, tag: str, since: int, until: int) -> Overview:
        parts = max(PARTS, (until - since) // (2 * MINUTE))
        return self._explorer.overview(tag, since, until, parts).overview

    def _refined(self, tag: str, triggers: Sequence[Trigger], overview: Overview) -> tuple[Ints, Floats, int]:
        """The points of the overview, all readings where a condition may change, how far edges are off."""
        time, value, width = overview.time, overview.value, overview.width
        if not width or not len(time):
            kept = ~_doubtful(overview, time, value)
            return time[kept], value[kept], MINUTE if overview.minutes else 0
        part = time // width
        first = np.flatnonzero(np.diff(part, prepend=part[0] - 1))
        low, high = np.minimum.reduceat(value, first), np.maximum.reduceat(value, first)
        open_: Bools = np.isin(part[first], _unsure_parts(overview))
        for trigger in triggers:
            open_ |= undecided(trigger, low, high)
        places = part[first][open_]
        if not len(places):
            return time, value, 0
        stretches = _joined([(int(at) * width, int(at + 1) * width) for at in places], MOST_STRETCHES)
        starts = overview.first // width * width
        count = sum(
            int(overview.count[(starts >= left) & (starts < right)].sum()) for left, right in stretches
        )
        if count > MOST_REFINED or count * self._tags() > MOST_AMONG:
            return time, value, width
        fine_time, fine_value = self._whole(tag, stretches, (overview.since, overview.until))
        outside = place_in(time, stretches) < 0
        time = np.concatenate((time[outside], fine_time))
        value = np.concatenate((value[outside], fine_value))
        order = np.argsort(time, kind="stable")
        return time[order], value[order], 0

    def _whole(self, tag: str, stretches: Sequence[Span], span: Span) -> tuple[Ints, Floats]:
        """All good readings in these stretches of the span, stored or not."""
        return self._whole_of([tag], stretches, span)[tag]

    def _whole_of(
        self, tags: Sequence[str], stretches: Sequence[Span], span: Span
    ) -> dict[str, tuple[Ints, Floats]]:
        """Those of each of these tags."""
        cut = [(max(left, span[0]), min(right, span[1])) for left, right in stretches]
        cut = [(left, right) for left, right in cut if left < right]
        if not cut:
            return {tag: (np.zeros(0, dtype=np.int64), np.zeros(0)) for tag in tags}
        fresh = self._recent.from_id(0, tags, cut[0][0])  # before the store, or one could slip through
        fresh = fresh[is_good(fresh["quality"].to_numpy(dtype=np.uint32))]
        fresh_time, fresh_value = micros(fresh["time"]), fresh["value"].to_numpy(dtype=np.float64)
        fresh_tag, inside = fresh["tag"].to_numpy(), place_in(fresh_time, cut) >= 0
        read = {}
        for tag, (time, value) in self._spans.values_of(tags, cut).items():
            own = inside & (fresh_tag == tag)
            read[tag] = _each_once(
                np.concatenate((time, fresh_time[own])), np.concatenate((value, fresh_value[own]))
            )
        return read

    def _states(self, tag: str, words: Mapping[float, str], overview: Overview) -> Course:
        """The changes of a tag of states; a second code of a word becomes its first one."""
        same: dict[str, float] = {}
        codes = {code: same.setdefault(folded(word), code) for code, word in words.items()}
        course = self._explorer.state_course(tag, overview, STATE_PARTS)
        known = [stretch for stretch in course if stretch.quality == 0]
        time = np.array([stretch.start for stretch in known], dtype=np.int64)
        value = np.array([codes.get(stretch.code, stretch.code) for stretch in known], dtype=np.float64)
        return Course(
            time, value, overview.until, _but_late(list(_holes(known, overview)), overview.until), words
        )


def _holes(known: Sequence[Stretch], overview: Overview) -> Iterator[Span]:
    """What lies between these stretches of states, and after the last one."""
    if not known:
        return
    ends = [*(stretch.start for stretch in known[1:]), overview.until]
    for stretch, following in zip(known, ends, strict=True):
        if stretch.end < following:
            yield stretch.end, following


def _but_late(gaps: list[Span], until: int) -> list[Span]:
    """The gaps without a short one at the end of the span, which the next reading may close."""
    return [gap for gap in gaps if gap[1] < until or gap[1] - gap[0] > LATE]


def _joined(spans: Sequence[Span], most: int) -> list[Span]:
    """These spans, in order, joined where they touch, and the nearest, too, until at most `most` are left.

    A single one if that is not much longer.
    """
    joined = merged(spans)
    extent = joined[-1][1] - joined[0][0]
    if sum(end - start for start, end in joined) > MOST_IN_PIECES * extent:
        return [(joined[0][0], joined[-1][1])]
    if len(joined) <= most:
        return joined
    apart = [after[0] - before[1] for before, after in pairwise(joined)]
    breaks = sorted(np.argsort(apart, kind="stable")[::-1][: most - 1].tolist())
    edges = [0, *(place + 1 for place in breaks), len(joined)]
    return [(joined[left][0], joined[right - 1][1]) for left, right in pairwise(edges)]


def _each_once(time: Ints, value: Floats) -> tuple[Ints, Floats]:
    """In order of time, without a second reading of a time and value: one may be in memory and stored."""
    order = np.argsort(time, kind="stable")
    time, value = time[order], value[order]
    kept: Bools = np.ones(len(time), dtype=np.bool_)
    kept[1:] = (np.diff(time) != 0) | (np.diff(value) != 0)
    return time[kept], value[kept]


def _doubtful(overview: Overview, time: Ints, value: Floats) -> Bools:
    """Which points of an overview without parts are readings that are not good."""
    marks = _not_good(overview.marks)
    pairs = set(zip(micros(marks["time"]).tolist(), marks["value"].tolist(), strict=True))
    if not pairs:
        return np.zeros(len(time), dtype=np.bool_)
    at = zip(time.tolist(), value.tolist(), strict=True)
    return np.array([pair in pairs for pair in at], dtype=np.bool_)


def _unsure_parts(overview: Overview) -> Ints:
    """The parts that may have a reading that is not good: of marks only some of each part may be kept."""
    marks, width = overview.marks, overview.width
    parts = micros(_not_good(marks)["time"]) // width
    if overview.marked > len(marks):
        flagged, counts = np.unique(micros(marks["time"]) // width, return_counts=True)
        parts = np.concatenate((parts, flagged[counts >= WORST]))
    return np.unique(parts)


def _not_good(marks: pd.DataFrame) -> pd.DataFrame:
    return marks[~is_good(marks["quality"].to_numpy(dtype=np.uint32))]
