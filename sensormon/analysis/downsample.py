"""A span of one tag in few readings: of each part of the span the first, the lowest, the highest, the last.

So a spike of a single reading stays visible however long the span is, and so does a gap that
is longer than a part. Parts lie at whole multiples of their width, so that a picture that is
moved does not shimmer. Times are microseconds UTC.

What it is not: an average, or a reader of the store.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sensormon.analysis.gaps import GAP
from sensormon.model.readings import Bools, Floats, Ints

PARTS = 500
"""Parts of a span; each gives four readings at the most."""

MARKS = 2_000
"""Readings that are flagged or not good are all kept up to so many, beyond that the worst of each part."""


@dataclass(frozen=True, eq=False)
class Overview:
    """What is drawn of one tag's readings with since <= time < until.

    `time` and `value` are the readings of the line, in order of time, none of bad quality; the
    marks are among them. `width` is that of a part, 0 where every reading is there.

    `first`, `last` and `count` tell of the readings of each part that has some (of each reading
    where there are no parts), `drawn` how many of them are not bad: with these gaps are found.
    `marks` are readings with all columns, flagged or not good, in order of time; `flagged` and
    `marked` count all there are of them, `readings` all there are at all.
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
        """The usual step between two readings (µs); 0 where too little is known."""
        inside = self.count > 1
        if self.width and inside.sum() >= len(self.count) / 2:
            return float(np.median(_steps(self)[inside]))
        apart = np.diff(self.first)
        apart = apart[apart > 0]
        return float(np.median(apart)) if len(apart) > 1 else 0.0

    @property
    def minutes(self) -> bool:
        """Whether some of it was rolled up to minutes, where no part says so."""
        return not self.width and bool((self.count > 1).any())

    def within(self, since: int, until: int) -> int:
        """How many readings lie in a shorter span, to within a part at each end."""
        inside = (self.first >= since) & (self.first < until)
        return int(self.count[inside].sum())

    def first_half(self, since: int, until: int) -> tuple[int, int]:
        """From the first reading in a shorter span to halfway to the last; the span's half without any."""
        inside = np.flatnonzero((self.last >= since) & (self.first < until))
        if not len(inside):
            return since, since + (until - since) // 2
        start, end = max(since, int(self.first[inside[0]])), min(until, int(self.last[inside[-1]]) + 1)
        return start, start + max(1, (end - start) // 2)

    def gaps(self) -> list[tuple[int, int]]:
        """The stretches of the span without a reading, its two ends included."""
        return _gaps(self, self.count > 0, ends=True)

    def breaks(self) -> list[tuple[int, int]]:
        """Where the line is broken: stretches without a reading that it could be drawn through."""
        return _gaps(self, self.drawn > 0, ends=False)


def part_width(since: int, until: int, parts: int = PARTS) -> int:
    """The width of a part, so that about `parts` of them make the span; 1 µs at least."""
    return max(1, -(-(until - since) // max(1, parts)))


def whole(readings: pd.DataFrame, since: int, until: int) -> Overview:
    """All of these readings, a frame as stores give it, of one tag and this span."""
    time = _micros(readings["time"])
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
    """What is left of readings that were rolled up to minutes: the lowest and the highest of each.

    `rollups` as `Store.rollups` gives them, of one tag. Readings that are counted in them and are
    still there themselves are left out: they are in another overview. Where in its minute a value
    was is not known: the lowest is drawn at a third, the highest at two thirds. `none` is a frame
    of readings without rows.
    """
    time = _micros(rollups["time"])
    counts = (rollups["count"] - rollups["kept"]).to_numpy(dtype=np.int64)
    drawn = np.where(rollups["quality"].to_numpy(dtype=np.int64) < 2, counts, 0)
    minutes, place = np.unique(time, return_inverse=True)
    count, seen = (np.bincount(place, one, len(minutes)).astype(np.int64) for one in (counts, drawn))
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


def thinned(one: Overview, width: int) -> Overview:
    """The same in parts of this width; of the marks the worst where there are too many."""
    if not len(one.first):
        return one
    part = one.first // width
    start = np.flatnonzero(np.diff(part, prepend=part[0] - 1))
    sums = [np.add.reduceat(column, start) for column in (one.count, one.drawn)]
    time, value = extremes(one.time, one.value, width)
    marks = worst(one.marks, width)
    time, value = with_marks(time, value, marks)
    return Overview(
        one.since,
        one.until,
        width,
        time,
        value,
        one.first[start],
        np.maximum.reduceat(one.last, start),
        sums[0],
        sums[1],
        marks,
        one.readings,
        one.flagged,
        one.marked,
    )


def joined(a: Overview, b: Overview, parts: int = PARTS) -> Overview:
    """One overview of two that have no reading in common and the same span."""
    if not b.readings:
        return a
    if not a.readings:
        return b
    time, value = np.concatenate((a.time, b.time)), np.concatenate((a.value, b.value))
    order = np.argsort(time, kind="stable")
    at = np.argsort(np.concatenate((a.first, b.first)), kind="stable")
    marks = pd.concat([one.marks for one in (a, b) if len(one.marks)] or [a.marks], ignore_index=True)
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
    """Of readings in order of time, the first, lowest, highest and last of each part, each once."""
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
    """The line through the marks that are not of bad quality too, each point once."""
    good = marks[(marks["quality"].to_numpy(dtype=np.uint32) >> np.uint32(30)) < 2]
    time = np.concatenate((time, _micros(good["time"])))
    value = np.concatenate((value, good["value"].to_numpy(dtype=np.float64)))
    order = np.lexsort((value, time))
    time, value = time[order], value[order]
    fresh = np.ones(len(time), dtype=np.bool_)
    fresh[1:] = (np.diff(time) != 0) | (np.diff(value) != 0)
    return time[fresh], value[fresh]


def worst(marks: pd.DataFrame, width: int, most: int = MARKS) -> pd.DataFrame:
    """The marks; where there are more than `most`, of each part the flagged ones with the highest scores.

    And one that is only not good, so that it is seen that there are some.
    """
    if len(marks) <= most:
        return marks
    table = pd.DataFrame(
        {
            "part": _micros(marks["time"]) // width,
            "flagged": marks["is_anomaly"].to_numpy(dtype=bool),
            "score": marks["score"].fillna(np.inf).to_numpy(dtype=np.float64),
            "id": marks["id"].to_numpy(),
        }
    ).sort_values(["part", "flagged", "score", "id"], ascending=[True, False, False, True])
    place = table.groupby(["part", "flagged"]).cumcount()
    kept = table.index[(place < WORST) & (table["flagged"] | (place == 0))]
    return marks.loc[marks.index.isin(marks.index[kept])].reset_index(drop=True)


MINUTE = 60_000_000
"""µs."""

WORST = 4
"""Flagged readings kept of each part where there are too many."""


def _steps(one: Overview) -> Floats:
    steps: Floats = (one.last - one.first) / np.maximum(one.count - 1, 1)
    return steps


def _gaps(one: Overview, there: Bools, *, ends: bool) -> list[tuple[int, int]]:
    first, last = one.first[there], one.last[there]
    if not len(first):
        return [(one.since, one.until)] if ends else []
    usual = one.interval
    if usual <= 0:
        return []
    # Where readings come more rarely (history rolled up, a slower sender), what is usual there counts.
    own = np.where(one.count[there] > 2, _steps(one)[there], 0.0)
    left, right = last[:-1], first[1:]
    limit = GAP * np.maximum(usual, np.maximum(own[:-1], own[1:]))
    at = np.flatnonzero(right - left > limit)
    found = [(int(left[i]), int(right[i])) for i in at]
    if ends:
        if first[0] - one.since > GAP * max(usual, own[0]):
            found.insert(0, (one.since, int(first[0])))
        if one.until - last[-1] > GAP * max(usual, own[-1]):
            found.append((int(last[-1]), one.until))
    return found


def _micros(times: pd.Series[pd.Timestamp]) -> Ints:
    found: Ints = (
        times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]").astype(np.int64)
    )
    return found
