"""Where in its history a tag, or another one, looked like it does in one stretch.

Reads the store: the whole history as means over a regular grid, then the best stretches again on a finer one.
What it is not: the distance, which is in `sensormon.analysis.similar`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sensormon.analysis.gaps import usual_interval
from sensormon.analysis.grid import bridged, divided, empty_allowed, step_for
from sensormon.analysis.similar import LEAST, best_start, distances, is_flat, match, nearest
from sensormon.model.clock import MINUTE, SECOND
from sensormon.model.errors import UsageError
from sensormon.model.format import counted, duration
from sensormon.model.readings import Floats
from sensormon.model.tags import TagTable
from sensormon.model.timestamps import LAST
from sensormon.stores.long_spans import Spans
from sensormon.stores.retention import StoredRetention

CELLS = 240
"""Roughly the most cells of the grid in a stretch."""
ENOUGH = 48
"""With this many minutes in the stretch the grid is of whole minutes: a store keeps their sums."""
LONGEST = 4_000_000
"""The most cells of a history; a longer one has a coarser grid."""
FINER = 15
"""The best stretches are moved by steps as fine as this part of a cell."""
MOST_TAGS = 12
"""The most tags of one search."""
_WHERE = "similar stretches"
_SAMPLE = 2_000


@dataclass(frozen=True)
class Wanted:
    """What to search for: a stretch of a tag (µs UTC); in which tags, by shape or by shape and level."""

    tag: str
    since: int
    until: int
    tags: tuple[str, ...]
    level: bool = False
    most: int = 10


@dataclass(frozen=True, eq=False)
class Nearest:
    """A stretch of a tag that resembles the one searched for.

    `distance` and `correlation` as in `sensormon.analysis.similar.Match`; `cells` are its means on the grid.
    """

    tag: str
    since: int
    until: int
    distance: float
    correlation: float
    cells: Floats


@dataclass(frozen=True, eq=False)
class Similar:
    """The nearest stretches, nearest first, and how they were searched for.

    The stretch itself, as searched for, runs from `since` to `until` and has these `cells`, `step` µs each;
    starts are accurate to `fine` µs. `searched` has the time of each tag that was searched, `compared` counts
    the stretches that had no gap and a shape. `left_out` gives the reason for each tag that was not searched.
    """

    since: int
    until: int
    step: int
    fine: int
    cells: Floats
    matches: Sequence[Nearest]
    searched: Mapping[str, tuple[int, int]]
    compared: int
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Grid:
    """A tag's history: the mean of each cell from `since` (µs) on, short absences bridged."""

    tag: str
    since: int
    step: int
    interval: float
    cells: Floats

    @property
    def until(self) -> int:
        return self.since + len(self.cells) * self.step


def similar(spans: Spans, retention: StoredRetention, tags: TagTable, wanted: Wanted) -> Similar:
    """The stretches nearest to the wanted one, which overlap neither it nor each other.

    Raises UsageError if the stretch cannot be searched for: too short, with a gap, flat, rolled up, or alone
    in its history. Raises StoreError.
    """
    if wanted.tag not in tags:
        raise UsageError(
            f"there is no tag {wanted.tag[:128]!r}", where=_WHERE, hint="Choose a tag of the table"
        )
    if not 0 <= wanted.since < wanted.until <= LAST:
        raise UsageError(
            "the stretch does not end after its start, or not by the year 9999",
            where=_WHERE,
            hint="Choose a stretch in the chart",
        )
    if (retention.rolled_until(wanted.tag) or 0) > wanted.since:
        raise UsageError(
            "only one-minute roll-ups are stored of this stretch",
            where=_WHERE,
            hint="Choose a later stretch of time",
        )
    sample = spans.values(wanted.tag, spans.stretches(wanted.tag, wanted.since, wanted.until, _SAMPLE))
    if len(sample[0]) < LEAST:
        raise _too_short(len(sample[0]))
    interval = usual_interval(sample[0])
    whole = _extent(spans, retention, wanted.tag)
    step = _step(interval, wanted.until - wanted.since, whole[1] - whole[0])
    own = _grid(spans, wanted.tag, whole, step, interval)
    first, size = _stretch(own, wanted)
    query = own.cells[first : first + size]
    tag = tags[wanted.tag]
    if not wanted.level and is_flat(query, tag.resolution):
        least = f", {tag.render(tag.resolution)}" if tag.resolution else ""
        raise UsageError(
            f"the stretch is flat: it varies by no more than the sensor resolves{least}, and has no shape to "
            "search for",
            where=_WHERE,
            hint="Choose a stretch in which something happens, or compare shape and level",
        )
    left_out = _left_out(tags, wanted)
    searched: dict[str, tuple[int, int]] = {}
    matches: list[Nearest] = []
    compared = 0
    parts = divided(step, interval, FINER)
    others = _others(
        spans, retention, [n for n in wanted.tags if n not in left_out and n != wanted.tag], step
    )
    for name in wanted.tags:
        if name in left_out:
            continue
        grid = own if name == wanted.tag else next(others)
        if grid is None:
            left_out[name] = "has no readings"
            continue
        searched[name] = (grid.since, grid.until)
        apart = distances(query, grid.cells, level=wanted.level, resolution=tags[name].resolution)
        # Two cells more than the stretch: each match may move by one.
        taken = (first, first) if grid is own else None
        picked = nearest(apart, wanted.most, size + 2, taken)
        compared += int(np.isfinite(apart).sum())
        matches += [_refined(spans, grid, query, at, parts, level=wanted.level) for at, _ in picked]
    best = sorted(matches, key=lambda each: (each.distance, each.since))[: wanted.most]
    since = own.since + first * step
    fine = step // parts
    return Similar(since, since + size * step, step, fine, query, best, searched, compared, left_out)


def _step(interval: float, length: int, history: int) -> int:
    least = max(length / CELLS, history / LONGEST)
    if length >= ENOUGH * MINUTE:
        least = max(least, MINUTE)
    return step_for(interval, least)


def _extent(spans: Spans, retention: StoredRetention, name: str) -> tuple[int, int]:
    """The time of a tag's single readings; empty if it has none."""
    first, last = spans.extent([name]) or (0, 0)
    return max(first, retention.rolled_until(name) or first), last + 1


def _grid(spans: Spans, name: str, span: tuple[int, int], step: int, interval: float) -> _Grid:
    since = span[0] // step * step
    cells = spans.means(name, since, max(span[1], since + 1), step)
    return _Grid(name, since, step, interval, bridged(cells, empty_allowed(interval, step)))


def _others(
    spans: Spans, retention: StoredRetention, names: Sequence[str], step: int
) -> Iterator[_Grid | None]:
    """The grids of these tags in this order; None for a tag without readings.

    The store is asked for as many tags at once as have `LONGEST` cells together.
    """
    extents, ends = spans.extents(names), retention.rolled_ends(names)
    whole: dict[str, tuple[int, int]] = {}
    intervals: dict[str, float] = {}
    for name, (first, last) in extents.items():
        since = max(first, ends.get(name, first))
        time, _ = spans.values(name, spans.stretches(name, since, last + 1, _SAMPLE))
        if len(time):
            since = since // step * step
            whole[name] = since, max(last + 1, since + 1)
            intervals[name] = usual_interval(time)
    together = max(1, LONGEST * step // _hull([*whole.values()], step))
    for at in range(0, len(names), together):
        some = {name: whole[name] for name in names[at : at + together] if name in whole}
        begin = min((since for since, _ in some.values()), default=0)
        end = max((until for _, until in some.values()), default=0)
        means = spans.means_of([*some], begin, end, step) if some else {}
        for name in names[at : at + together]:
            if name not in some:
                yield None
                continue
            since, until = some[name]
            first, last = (since - begin) // step, -((begin - until) // step)
            cells = bridged(means[name][first:last].copy(), empty_allowed(intervals[name], step))
            yield _Grid(name, since, step, intervals[name], cells)


def _hull(spans: Sequence[tuple[int, int]], step: int) -> int:
    """How long (µs) the span is that has all these in it, `step` at least."""
    return max(
        step, max((end for _, end in spans), default=0) - min((start for start, _ in spans), default=0)
    )


def _stretch(own: _Grid, wanted: Wanted) -> tuple[int, int]:
    """The first cell of the wanted stretch and their number: whole cells in it, from the first reading to
    the last. Raises UsageError if these have a gap or are too few."""
    first = max(0, -(-(wanted.since - own.since) // own.step))
    last = min(len(own.cells), (wanted.until - own.since) // own.step)
    known = np.flatnonzero(np.isfinite(own.cells[first:last]))
    if not len(known):
        raise _too_short(0)
    first, size = first + int(known[0]), int(known[-1] - known[0]) + 1
    empty = size - len(known)
    if empty:
        raise UsageError(
            f"the stretch has {duration(empty * own.step / SECOND)} without good readings, and a shape is "
            "not compared across a gap",
            where=_WHERE,
            hint="Choose a stretch without a gap",
        )
    if size < LEAST:
        raise _too_short(size)
    return first, size


def _too_short(cells: int) -> UsageError:
    return UsageError(
        f"the stretch has {counted(cells, 'point')} to compare; a shape needs at least {LEAST}",
        where=_WHERE,
        hint="Choose a longer stretch",
    )


def _left_out(tags: TagTable, wanted: Wanted) -> dict[str, str]:
    """The reason for each tag that cannot be searched."""
    unit = tags[wanted.tag].unit
    reasons = {name: "has states, not numbers" for name in wanted.tags if tags[name].has_states}
    if wanted.level:
        reasons |= {
            name: _other_unit(tags[name].unit, unit)
            for name in wanted.tags
            if tags[name].unit != unit and name not in reasons
        }
    return reasons


def _other_unit(unit: str, wanted: str) -> str:
    if unit and wanted:
        return f"is in {unit}, not {wanted}"
    return f"is in {unit}; the stretch has no unit" if unit else f"has no unit; the stretch is in {wanted}"


def _refined(spans: Spans, grid: _Grid, query: Floats, at: int, parts: int, *, level: bool) -> Nearest:
    """The match at this cell, moved by up to a cell to where it fits best."""
    size, step = len(query), grid.step
    since = grid.since + at * step
    stretch = grid.cells[at : at + size]
    best = match(query, stretch, at, level=level)
    fine = step // parts
    if parts > 1:
        start = since - step
        cells = spans.means(grid.tag, start, since + (size + 1) * step, fine)
        cells = bridged(cells, empty_allowed(grid.interval, fine))
        moved = best_start(query, cells, parts, level=level)
        if moved is not None and moved[1].distance <= best.distance:
            offset, best = moved
            since = start + offset * fine
            shifted = cells[offset : offset + size * parts]
            stretch = shifted.reshape(size, parts).mean(axis=1)
    return Nearest(grid.tag, since, since + size * step, best.distance, best.correlation, stretch)
