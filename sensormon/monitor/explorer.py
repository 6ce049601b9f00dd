"""The whole history of single tags: over any span, in pairs, as a distribution, against control limits.

Reads the store, and for the line of a chart also unstored readings. What it is not: a place
that keeps or draws anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sensormon.analysis.control_chart import ControlLimits, control_limits
from sensormon.analysis.correlation import Relation, lag_cell, pairs, relate
from sensormon.analysis.downsample import PARTS, Overview, joined, part_width, rolled, thinned, whole
from sensormon.analysis.state_course import PARTS as STATE_PARTS
from sensormon.analysis.state_course import Stretch, changes, of_frame, sent_on_change, stretches
from sensormon.model.clock import MINUTE
from sensormon.model.errors import StoreError
from sensormon.model.readings import Floats, Ints
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.similar import Similar, Wanted, similar
from sensormon.monitor.statistics import Statistics, statistics
from sensormon.stores.long_spans import MOST, Distribution, Outside
from sensormon.stores.protocol import Store
from sensormon.stores.recent import RecentReadings

PAIRED = 50_000
"""The most readings of a tag for pairs; of more, an even sample is used."""

BINS = 60
"""Bars of a histogram."""


@dataclass(frozen=True, eq=False)
class Seen:
    """An overview, and whether the store contributed its part."""

    overview: Overview
    stored: bool


@dataclass(frozen=True, eq=False)
class Controlled:
    """Control limits, and the readings of a span outside; `limits` is None if not measurable.

    `outside` is about the good readings of the span. `available` counts the readings of the
    baseline, `used` those that the limits were computed from.
    """

    limits: ControlLimits | None
    outside: Outside
    used: int
    available: int


class Explorer:
    """Of one monitor; `writer` is the id of its journal."""

    def __init__(self, store: Store, recent: RecentReadings, writer: str) -> None:
        self._store = store
        self._writer = writer
        self._recent = recent

    def extent(self, tags: Sequence[str] | None = None) -> tuple[int, int] | None:
        """See `Spans.extent`."""
        return self._store.spans.extent(tags)

    def overview(self, tag: str, since: int, until: int, parts: int = PARTS) -> Seen:
        """The span in few readings, the newest among them, stored or not; never raises.

        Rolled-up readings appear as the lowest and highest of each minute, flagged ones individually.

        If the store is unavailable only readings in memory are included, and `stored` is False.
        """
        return self.overviews((tag,), since, until, parts)[tag]

    def overviews(self, tags: Sequence[str], since: int, until: int, parts: int = PARTS) -> dict[str, Seen]:
        """That of each of these tags: for many tags far less than asking for each."""
        if not tags:
            return {}
        stored: dict[str, Overview] = {}
        cut = 0
        try:
            cut = self._cut()
            seen = self._store.spans.overviews(tags, since, until, parts=parts, below_id=cut)
            ends = self._store.retention.rolled_ends(tags)
            stored = {
                tag: self._with_rollups(tag, own, parts) if ends.get(tag, 0) > since else own
                for tag, own in seen.items()
            }
        except StoreError:
            cut = 0
        fresh = self._recent.from_id(cut, tags, since)
        fresh = fresh[fresh["time"] < pd.Timestamp(until, unit="us", tz="UTC")]
        newest = {str(tag): own for tag, own in fresh.groupby("tag", observed=True)}
        return {
            tag: _seen(stored.get(tag), whole(newest.get(tag, fresh.iloc[:0]), since, until), parts)
            for tag in tags
        }

    def _with_rollups(self, tag: str, stored: Overview, parts: int) -> Overview:
        since, until = stored.since, stored.until
        minutes = self._store.retention.rollups([tag], since, until)
        return joined(stored, rolled(minutes, stored.marks.iloc[:0], since, until), parts)

    def _cut(self) -> int:
        """From this id on readings are in memory, or for a moment in neither; the store has all lower ones.

        As high as it can be: of what the store has, less is read. Raises StoreError.
        """
        kept = self._recent.first_id
        if kept is None:
            return self._store.ledger.next_id()  # of all journals: others may have stored more than ours
        mark = self._store.ledger.watermark(self._writer)
        return max(mark.next_id, kept) if mark else kept

    def state_course(self, tag: str, overview: Overview, parts: int = STATE_PARTS) -> list[Stretch]:
        """In which state a tag of states was over the span of its overview, stored or not; never raises.

        The span is cut into `parts`; in each the first and the last change are seen.
        """
        since, until = overview.since, overview.until
        seen: list[tuple[Ints, Floats, Ints]] = []
        cut, width = 0, part_width(since, until, parts)
        try:
            cut = self._cut()
            seen.append(self._store.spans.changes(tag, since, until, width, below_id=cut))
        except StoreError:
            cut = 0
        fresh = self._recent.from_id(cut, [tag], since)
        seen.append(of_frame(fresh[fresh["time"] < pd.Timestamp(until, unit="us", tz="UTC")]))
        time, value, quality = (np.concatenate(columns) for columns in zip(*seen, strict=True))
        order = np.argsort(time, kind="stable")
        time, value, quality = time[order], value[order], quality[order]
        held = sent_on_change(_told_apart(overview, width), int(changes(value, quality).sum()))
        return stretches(time, value, quality, () if held else overview.gaps(), until)

    def since_whole(self, tags: Sequence[str], since: int) -> int:
        """The time from which all readings of these tags exist individually; `since` without roll-ups.

        Pairs, distributions and control limits begin there: of older readings only the flagged
        ones are left, which are not representative. Raises StoreError.
        """
        return max([since, *self._store.retention.rolled_ends(tags).values()])

    def relation(
        self, tag: str, other: str, since: int, until: int, *, tolerance: int | None = None
    ) -> Relation:
        """How the values of two tags are related: good stored readings, paired by time.

        `tolerance` (µs) is how far apart the two of a pair may lie; without it, half the usual
        step of the slower tag. Raises StoreError.
        """
        since = min(until, self.since_whole((tag, other), since))
        counts = [self._store.spans.count(name, since, until) for name in (tag, other)]
        busier = (tag, other)[int(counts[1] > counts[0])]
        stretches = self._store.spans.stretches(busier, since, until, PAIRED)
        a, b = (self._store.spans.values(name, stretches) for name in (tag, other))
        cell = lag_cell(a, b, (since, until))
        start = since if cell % MINUTE else -(-since // MINUTE) * MINUTE
        means = tuple(self._store.spans.means(name, start, until, cell) for name in (tag, other))
        return relate(
            pairs(a, b, tolerance),
            (means[0], means[1]),
            cell,
            counts=(counts[0], counts[1]),
            share=max(1, -(-max(counts) // PAIRED)),
        )

    def distribution(self, tag: str, since: int, until: int, bins: int = BINS) -> Distribution:
        """How the good stored readings of the span are spread. Raises StoreError."""
        since = self.since_whole((tag,), since)
        return self._store.spans.distribution(tag, since, until, bins=bins)

    def statistics(
        self, tag: str, span: tuple[int, int], limits: tuple[float, float], tags: int
    ) -> Statistics:
        """The usual statistics of one of this number of tags; see `Statistics`. Raises StoreError."""
        return statistics(self._store.spans, tag, self._whole(tag, span), limits, tags)

    def outside_normal(self, tag: Tag, since: int, until: int) -> Outside | None:
        """How many good stored readings lie outside the normal band; None if the tag has none."""
        since = self.since_whole((tag.name,), since)
        return self._store.spans.outside(tag.name, since, until, *tag.normal) if tag.normal else None

    def count(self, tag: str, since: int, until: int) -> int:
        """The approximate number of good stored readings. Raises StoreError."""
        return self._store.spans.count(tag, since, until)

    def controlled(self, tag: str, span: tuple[int, int], baseline: tuple[int, int]) -> Controlled:
        """Control limits from the baseline, and the readings of the span that lie outside.

        Good stored readings. Raises StoreError.
        """
        spans = self._store.spans
        span, baseline = self._whole(tag, span), self._whole(tag, baseline)
        available = spans.count(tag, *baseline)
        time, value = spans.values(tag, spans.stretches(tag, *baseline, MOST))
        limits = control_limits(time, value)
        if limits is None:
            readings = spans.count(tag, *span)
            return Controlled(None, Outside(0, 0, readings, readings), len(value), available)
        outside = spans.outside(tag, *span, limits.lower, limits.upper)
        return Controlled(limits, outside, len(value), available)

    def similar(self, tags: TagTable, wanted: Wanted) -> Similar:
        """Where these tags looked like the wanted stretch. Raises UsageError, StoreError."""
        return similar(self._store.spans, self._store.retention, tags, wanted)

    def _whole(self, tag: str, span: tuple[int, int]) -> tuple[int, int]:
        """The part of the span whose readings all exist individually."""
        since, until = span
        return self.since_whole((tag,), since), until


def _seen(stored: Overview | None, newest: Overview, parts: int) -> Seen:
    """What the store and memory have; without the store only the newest."""
    if stored is not None:
        return Seen(joined(stored, newest, parts), True)
    if newest.readings > 4 * parts:
        newest = thinned(newest, part_width(newest.since, newest.until, parts))
    return Seen(newest, False)


def _told_apart(overview: Overview, width: int) -> int:
    """The readings, at most two of each part of this width (µs) or its own: as many as changes are kept."""
    part = (overview.first - overview.since) // max(width, overview.width)
    return int(np.minimum(np.bincount(part, overview.count), 2).sum())
