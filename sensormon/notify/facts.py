"""Events as planning sees them at one moment: columns in order of start and id, and what was told of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

from sensormon.model.entries import FROM_CASES
from sensormon.model.readings import Bools, Ints
from sensormon.model.tags import TagTable
from sensormon.model.timestamps import micros
from sensormon.notify.matching import RANKS, Facets
from sensormon.notify.told import Told

Quiet = Callable[[str, int], bool]
"""Whether nothing of a tag is told at a moment (µs UTC, now or past): it is shelved, or maintained."""


def never_quiet(_tag: str, _moment: int) -> bool:
    """No tag is shelved or maintained."""
    return False


@dataclass(frozen=True, eq=False)
class Facts:
    """An item of each column for each event, times in µs UTC, `acted` and `shelved_until` 0 for never.

    `row` is the event's place in the frame that it came from. `quiet` is whether nothing of its tag is told
    now, `ended_quietly` whether nothing was when it ended, `imported` whether all its readings are of an
    import, or came with a case.
    """

    row: Ints
    id: Ints
    start: Ints
    end: Ints
    over: Bools
    acted: Ints
    shelved_until: Ints
    rank: Ints
    facets: Facets
    quiet: Bools
    ended_quietly: Bools
    imported: Bools

    def __len__(self) -> int:
        return len(self.id)


class Past(Protocol):
    """What was told before, an item for each event; times in µs UTC, 0 for never."""

    def first(self, rule: str, contact: str, kind: str) -> Ints:
        """When this rule first told this contact of each event by a message of this kind."""

    def last(self, rule: str, contact: str, kind: str) -> Ints:
        """When it last did."""

    def sent(self, contact: str, since: int) -> Sequence[int]:
        """When messages on events to this contact were made, after `since`, in order."""


def facts_of(
    events: pd.DataFrame, tags: TagTable, quiet: Quiet, imported: Sequence[tuple[int, int]], now: int
) -> tuple[Facts, Ints, Ints]:
    """The facts of a frame as `EventReader.between` returns it, in any order; then ids and edges by event.

    `imported` are first and last ids of imported readings, in order.
    """
    frame_start = micros(events["start"])
    row = np.lexsort((events["id"].to_numpy(dtype=np.int64), frame_start))
    ids, edges = _readings(events, row)
    end, over = micros(events["end"])[row], events["over"].to_numpy(dtype=np.bool_)[row]
    facets = Facets.of(events, row, tags)
    names = facets.tag.different
    ended_quietly = np.zeros(len(row), dtype=np.bool_)
    if quiet is not never_quiet:
        places = np.flatnonzero(over)
        of_tag = facets.tag.places[places].tolist()
        ended_quietly[places] = [
            quiet(names[tag], moment) for tag, moment in zip(of_tag, end[places].tolist(), strict=True)
        ]
    facts = Facts(
        row=row,
        id=events["id"].to_numpy(dtype=np.int64)[row],
        start=np.minimum(frame_start[row], now),  # a sender's clock may be ahead of ours
        end=end,
        over=over,
        acted=_moments(events["acted"])[row],
        shelved_until=_moments(events["shelved_until"])[row],
        rank=np.array([*map(_rank, facets.severity.different)])[facets.severity.places],
        facets=facets,
        quiet=facets.tag.rows(lambda tag: quiet(tag, now)),
        ended_quietly=ended_quietly,
        imported=_all_within(ids, edges, imported)
        | (events["settings"].to_numpy(dtype=np.int64)[row] >= FROM_CASES),
    )
    return facts, ids, edges


class PastOf:
    """What messages told of these events: each by any of its readings."""

    def __init__(self, record: Told, ids: Ints, edges: Ints) -> None:
        self._record = record
        self._order = np.argsort(ids, kind="stable")
        self._sorted = ids[self._order]
        self._event = np.repeat(np.arange(len(edges) - 1), np.diff(edges))[self._order]
        self._events = len(edges) - 1
        self._answers: dict[tuple[str, str, str], tuple[Ints, Ints]] = {}

    def first(self, rule: str, contact: str, kind: str) -> Ints:
        return self._both(rule, contact, kind)[0]

    def last(self, rule: str, contact: str, kind: str) -> Ints:
        return self._both(rule, contact, kind)[1]

    def sent(self, contact: str, since: int) -> Sequence[int]:
        return self._record.sent(contact, since)

    def _both(self, rule: str, contact: str, kind: str) -> tuple[Ints, Ints]:
        key = (rule, contact, str(kind))
        if key not in self._answers:
            self._answers[key] = self._asked(*key)
        return self._answers[key]

    def _asked(self, rule: str, contact: str, kind: str) -> tuple[Ints, Ints]:
        ids, times = self._record.by(rule, contact, kind)
        first = np.zeros(self._events, dtype=np.int64)
        if not len(ids) or not len(self._sorted):
            return first, first
        place = np.minimum(np.searchsorted(self._sorted, ids), len(self._sorted) - 1)
        known = self._sorted[place] == ids
        event, times = self._event[place[known]], times[known]
        last = first.copy()
        np.maximum.at(last, event, times)
        first[:] = last
        np.minimum.at(first, event, times)
        return first, last


def _readings(events: pd.DataFrame, row: Ints) -> tuple[Ints, Ints]:
    """The ids of all readings, event by event in this order, and the edges between events."""
    lists = pa.array(events["ids"]).take(pa.array(row))
    if not len(lists):
        return np.zeros(0, dtype=np.int64), np.zeros(1, dtype=np.int64)
    edges = lists.offsets.to_numpy().astype(np.int64)
    return lists.values.to_numpy()[edges[0] : edges[-1]].astype(np.int64), edges - edges[0]


def _all_within(ids: Ints, edges: Ints, ranges: Sequence[tuple[int, int]]) -> Bools:
    """For each event whether all its readings lie in these ranges."""
    if not ranges or len(edges) < 2:
        return np.zeros(len(edges) - 1, dtype=np.bool_)
    firsts, lasts = np.array(sorted(ranges), dtype=np.int64).T
    place = np.searchsorted(firsts, ids, side="right") - 1
    within = (place >= 0) & (ids <= lasts[place])
    all_of: Bools = np.logical_and.reduceat(within, edges[:-1])
    return all_of


def _moments(column: pd.Series[Any]) -> Ints:
    """Times in µs UTC, 0 for none."""
    missing = column.isna().to_numpy()
    times = micros(column).copy()
    times[missing] = 0
    return times


def _rank(word: str) -> int:
    return RANKS.get(word, 0)
