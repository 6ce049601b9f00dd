"""A span of one tag in few readings: the first, lowest, highest and last of each part of the span.

So a spike of a single reading stays visible in a span of any length, and so does a gap longer
than a part. Parts begin at whole multiples of their width, so that a chart does not shimmer
when it is moved. Times are microseconds UTC.

What it is not: an average, or a reader of the store.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sensormon.analysis.gaps import GAP
from sensormon.model.clock import MINUTE
from sensormon.model.readings import Bools, Floats, Ints
from sensormon.model.timestamps import micros

PARTS = 500
"""Parts of a span; each has at most four readings."""

MARKS = 2_000
"""Up to this many flagged or not good readings are all kept; of more, the worst of each part."""


@dataclass(frozen=True, eq=False)
class Overview:
    """What to draw of one tag's readings with since <= time < until.

    `time` and `value` are the readings of the line, in order of time, none of bad quality; the
    marks are among them. `width` (µs) is that of a part, 0 if every reading is here.

    `first`, `last` (times) and `count` describe the readings of each part that has any, or each
    reading if there are no parts; `drawn` counts those that are not bad. They show the gaps.
    `marks` are the flagged and the not good readings, with all columns, in order of time. Before
    any were left out there were `readings`, of which `marked` were marks and `flagged` were flagged.
    """

    since: int
    until: int
    width: int
    time: Ints
    value: Floats
    first: Ints
    last: Ints
    count: Ints
    drawn: Ints
    marks: pd.DataFrame
    readings: int
    flagged: int
    marked: int

    @property
    def interval(self) -> float:
        """The usual step between two readings (µs); 0 if there are too few to tell."""
        inside = self.count > 1
        if self.width and inside.sum() >= len(self.count) / 2:
            return float(np.median(_steps(self)[inside]))
        apart = np.diff(self.first)
        apart = apart[apart > 0]
        return float(np.median(apart)) if len(apart) > 1 else 0.0

    @property
    def minutes(self) -> bool:
        """Whether some readings were rolled up to minutes; only known without parts."""
        return not self.width and bool((self.count > 1).any())

    def within(self, since: int, until: int) -> int:
        """The number of readings in a shorter span, exact to a part at each end."""
        inside = (self.first >= since) & (self.first < until)
        return int(self.count[inside].sum())

    def first_half(self, since: int, until: int) -> tuple[int, int]:
        """The first half of the readings' extent in a shorter span; half the span without readings."""
        inside = np.flatnonzero((self.last >= since) & (self.first < until))
        if not len(inside):
            return since, since + (until - since) // 2
        start, end = max(since, int(self.first[inside[0]])), min(until, int(self.last[inside[-1]]) + 1)
        return start, start + max(1, (end - start) // 2)

    def gaps(self) -> list[tuple[int, int]]:
        """The stretches of the span without a reading, those at its ends included."""
        return _gaps(self, self.count > 0, ends=True)

    def breaks(self) -> list[tuple[int, int]]:
        """The stretches at which the line breaks: those without a reading to draw it through."""
        return _gaps(self, self.drawn > 0, ends=False)


def part_width(since: int, until: int, parts: int = PARTS) -> int:
    """The width (µs) of a part, if about `parts` of them make the span; at least 1.

    From two minutes on whole minutes, as a store keeps sums of them.
    """
    width = max(1, -(-(until - since) // max(1, parts)))
    return width if width < 2 * MINUTE else -(-width // MINUTE) * MINUTE


def whole(readings: pd.DataFrame, since: int, until: int) -> Overview:
    """An overview with all of these readings, a frame from a store, of one tag and this span."""
    time = micros(readings["time"])
    order = np.argsort(time, kind="stable")
    rows, time = readings.iloc[order], time[order]
    quality = rows["quality"].to_numpy(dtype=np.uint32)
    flagged = rows["is_anomaly"].to_numpy(dtype=bool)
    marked = flagged | (quality != 0)
    drawn = (quality >> np.uint32(30)) < 2
    return Overview(
        since,
        until,
        0,
        time[drawn],
        rows["value"].to_numpy(dtype=np.float64)[drawn],
        time,
        time,
        np.ones(len(rows), dtype=np.int64),
        drawn.astype(np.int64),
        rows[marked].reset_index(drop=True),
        len(rows),
        int(flagged.sum()),
        int(marked.sum()),
    )


def rolled(rollups: pd.DataFrame, none: pd.DataFrame, since: int, until: int) -> Overview:
    """An overview of readings that were rolled up to minutes: the lowest and highest of each minute.

    `rollups` come from `Store.rollups`, of one tag. Readings counted in them that still exist are
    left out: another overview has them. The roll-up does not say when in its minute a value was:
    the lowest is drawn at one third, the highest at two thirds. `none` is a frame of readings
    without rows.
    """
    time = micros(rollups["time"])
    counts = (rollups["count"] - rollups["kept"]).to_numpy(dtype=np.int64)
    drawn = np.where(rollups["quality"].to_numpy(dtype=np.int64) < 2, counts, 0)
    minutes, place = np.unique(time, return_inverse=True)
    count, seen = (np.bincount(place, column, len(minutes)).astype(np.int64) for column in (counts, drawn))
    good = rollups["quality"].to_numpy(dtype=np.int64) < 2
    low, high = (rollups[name].to_numpy(dtype=np.float64)[good] for name in ("min", "max"))
    x = np.concatenate((time[good] + MINUTE // 3, time[good] + 2 * MINUTE // 3))
    order = np.argsort(x, kind="stable")
    return Overview(
        since,
        until,
        0,
        x[order],
        np.concatenate((low, high))[order],
        minutes,
        minutes + MINUTE - 1,
        count,
        seen,
        none,
        int(count.sum()),
        0,
        0,
    )


def thinned(overview: Overview, width: int) -> Overview:
    """The overview in parts of this width (µs); only the worst marks if there are too many."""
    if not len(overview.first):
        return overview
    part = overview.first // width
    start = np.flatnonzero(np.diff(part, prepend=part[0] - 1))
    sums = [np.add.reduceat(column, start) for column in (overview.count, overview.drawn)]
    time, value = extremes(overview.time, overview.value, width)
    marks = worst(overview.marks, width)
    time, value = with_marks(time, value, marks)
    return Overview(
        overview.since,
        overview.until,
        width,
        time,
        value,
        overview.first[start],
        np.maximum.reduceat(overview.last, start),
        sums[0],
        sums[1],
        marks,
        overview.readings,
        overview.flagged,
        overview.marked,
    )


def joined(a: Overview, b: Overview, parts: int = PARTS) -> Overview:
    """One overview made of two of the same span that have no reading in common."""
    if not b.readings:
        return a
    if not a.readings:
        return b
    time, value = np.concatenate((a.time, b.time)), np.concatenate((a.value, b.value))
    order = np.argsort(time, kind="stable")
    at = np.argsort(np.concatenate((a.first, b.first)), kind="stable")
    marks = pd.concat([part.marks for part in (a, b) if len(part.marks)] or [a.marks], ignore_index=True)
    both = Overview(
        a.since,
        a.until,
        max(a.width, b.width),
        time[order],
        value[order],
        np.concatenate((a.first, b.first))[at],
        np.concatenate((a.last, b.last))[at],
        np.concatenate((a.count, b.count))[at],
        np.concatenate((a.drawn, b.drawn))[at],
        marks.sort_values("time", kind="stable", ignore_index=True),
        a.readings + b.readings,
        a.flagged + b.flagged,
        a.marked + b.marked,
    )
    if both.width or len(both.first) > 4 * parts:
        return thinned(both, both.width or part_width(a.since, a.until, parts))
    return both


def extremes(time: Ints, value: Floats, width: int) -> tuple[Ints, Floats]:
    """The first, lowest, highest and last of each part, each once, of readings in order of time."""
    rows = len(time)
    if not rows:
        return time, value
    part = time // width
    first = np.flatnonzero(np.diff(part, prepend=part[0] - 1))
    last = np.append(first[1:], rows) - 1
    order = np.lexsort((value, part))
    keep: Bools = np.zeros(rows, dtype=np.bool_)
    for rows_kept in (first, last, order[first], order[last]):
        keep[rows_kept] = True
    return time[keep], value[keep]


def with_marks(time: Ints, value: Floats, marks: pd.DataFrame) -> tuple[Ints, Floats]:
    """The points of the line with the marks of good or uncertain quality added, each point once."""
    good = marks[(marks["quality"].to_numpy(dtype=np.uint32) >> np.uint32(30)) < 2]
    time = np.concatenate((time, micros(good["time"])))
    value = np.concatenate((value, good["value"].to_numpy(dtype=np.float64)))
    order = np.lexsort((value, time))
    time, value = time[order], value[order]
    fresh = np.ones(len(time), dtype=np.bool_)
    fresh[1:] = (np.diff(time) != 0) | (np.diff(value) != 0)
    return time[fresh], value[fresh]


def worst(marks: pd.DataFrame, width: int, most: int = MARKS) -> pd.DataFrame:
    """The marks; if there are more than `most`, the flagged ones with the highest scores of each part.

    With them one mark of each part that is only not good, to show that there are some.
    """
    if len(marks) <= most:
        return marks
    table = pd.DataFrame(
        {
            "part": micros(marks["time"]) // width,
            "flagged": marks["is_anomaly"].to_numpy(dtype=bool),
            "score": marks["score"].fillna(np.inf).to_numpy(dtype=np.float64),
            "id": marks["id"].to_numpy(),
        }
    ).sort_values(["part", "flagged", "score", "id"], ascending=[True, False, False, True])
    place = table.groupby(["part", "flagged"]).cumcount()
    kept = table.index[(place < WORST) & (table["flagged"] | (place == 0))]
    return marks.loc[marks.index.isin(marks.index[kept])].reset_index(drop=True)


WORST = 4
"""How many flagged readings are kept of each part if there are too many."""


def _steps(overview: Overview) -> Floats:
    steps: Floats = (overview.last - overview.first) / np.maximum(overview.count - 1, 1)
    return steps


def _gaps(overview: Overview, present: Bools, *, ends: bool) -> list[tuple[int, int]]:
    first, last = overview.first[present], overview.last[present]
    if not len(first):
        return [(overview.since, overview.until)] if ends else []
    usual = overview.interval
    if usual <= 0:
        return []
    # If readings come more rarely somewhere (roll-ups, a slower sender), the step usual there counts.
    own = np.where(overview.count[present] > 2, _steps(overview)[present], 0.0)
    left, right = last[:-1], first[1:]
    limit = GAP * np.maximum(usual, np.maximum(own[:-1], own[1:]))
    at = np.flatnonzero(right - left > limit)
    stretches = [(int(left[i]), int(right[i])) for i in at]
    if ends:
        if first[0] - overview.since > GAP * max(usual, own[0]):
            stretches.insert(0, (overview.since, int(first[0])))
        if overview.until - last[-1] > GAP * max(usual, own[-1]):
            stretches.append((int(last[-1]), overview.until))
    return stretches
