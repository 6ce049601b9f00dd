"""The newest readings of each tag in the journal, for a restart, gathered from columns of many records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sensormon.journal.outlines import Columns, Outline, Stretch
from sensormon.model.readings import Bools, Floats, Ints, Origin, is_good, is_learned
from sensormon.stores.readings import LastArrival, TagHistory

_ROOM = 250_000
"""So many readings are gathered before those that are not needed go."""


@dataclass(frozen=True, eq=False)
class _Gathered:
    """Readings in order of arrival; `tag` is a code of the tags known here."""

    tag: Ints
    time: Ints
    value: Floats
    learned: Bools
    good: Bools
    n: Ints

    def rows(self, chosen: Ints | Bools) -> _Gathered:
        return _Gathered(
            self.tag[chosen],
            self.time[chosen],
            self.value[chosen],
            self.learned[chosen],
            self.good[chosen],
            self.n[chosen],
        )


class NewestReadings:
    """Of each tag the last `kept` readings that a detector learned and the last `kept` others.

    Without those of imports.
    """

    def __init__(self) -> None:
        self.arrivals: dict[str, LastArrival] = {}
        """By tag, its newest live reading."""
        self._codes: dict[str, int] = {}
        self._parts: list[_Gathered] = []
        self._readings = 0
        self._enough = _ROOM

    def add(self, stretch: Stretch, kept: int) -> None:
        """Take in the readings of a stretch that follows those taken in before."""
        columns = stretch.columns
        if not len(columns.tag):
            return
        outlines = stretch.entries
        origins = [entry.common.origin if isinstance(entry, Outline) else Origin.IMPORT for entry in outlines]
        live = np.array([origin is Origin.LIVE for origin in origins])[columns.entry]
        streamed = np.array([origin is not Origin.IMPORT for origin in origins])[columns.entry]
        self._note_arrivals(columns, outlines, live)
        codes = np.array([self._codes.setdefault(name, len(self._codes)) for name in columns.names])
        gathered = _Gathered(
            codes[columns.tag],
            columns.time,
            columns.value,
            is_learned(columns.quality, columns.withheld),
            is_good(columns.quality),
            columns.n,
        )
        # History was scored apart from the live stream, which knows nothing of it.
        self._parts.append(gathered if streamed.all() else gathered.rows(streamed))
        self._readings += len(self._parts[-1].tag)
        if self._readings > self._enough:
            self._trim(kept)
            self._enough = max(_ROOM, 2 * self._readings)

    def histories(self, before: Mapping[str, TagHistory], kept: int) -> dict[str, TagHistory]:
        """The histories `before`, with these readings after theirs."""
        histories = dict(before)
        if not self._parts:
            return histories
        self._trim(kept)
        (gathered,) = self._parts
        order = _stable_order(gathered.tag, len(self._codes))
        ends = np.cumsum(np.bincount(gathered.tag, minlength=len(self._codes)))
        for name, code in self._codes.items():
            rows = order[ends[code - 1] if code else 0 : ends[code]]
            if len(rows):
                histories[name] = _after(before.get(name), name, gathered.rows(rows), kept)
        return histories

    def _note_arrivals(self, columns: Columns, entries: Sequence[object], live: Bools) -> None:
        tag, entry, time = columns.tag[live], columns.entry[live], columns.time[live]
        last = np.full(len(columns.names), -1, dtype=np.int64)
        np.maximum.at(last, tag, entry)
        newest = np.full(len(columns.names), np.iinfo(np.int64).min, dtype=np.int64)
        rows = entry == last[tag]
        np.maximum.at(newest, tag[rows], time[rows])
        for code in np.flatnonzero(last >= 0).tolist():
            outline = entries[last[code]]
            if isinstance(outline, Outline):
                arrival = LastArrival(outline.received, int(newest[code]), outline.source)
                self.arrivals[columns.names[code]] = arrival

    def _trim(self, kept: int) -> None:
        parts = self._parts
        columns = [
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("tag", "time", "value", "learned", "good", "n")
        ]
        gathered = _Gathered(*columns)
        kind = 2 * gathered.tag + gathered.learned
        counts = np.bincount(kind, minlength=2 * len(self._codes))
        order = _stable_order(kind, len(counts))
        ends = np.cumsum(counts)[kind[order]]
        newest = np.zeros(len(kind), dtype=np.bool_)
        newest[order[ends - np.arange(len(order)) <= kept]] = True
        self._parts = [gathered if newest.all() else gathered.rows(newest)]
        self._readings = len(self._parts[0].tag)


def _stable_order(code: Ints, codes: int) -> Ints:
    """The places of these codes below `codes` in ascending order, equal ones in the order they have."""
    # NumPy sorts numbers of 16 bits by their digits, several times as fast as longer ones.
    return np.argsort(code.astype(np.uint16) if codes <= 1 << 16 else code, kind="stable")


def _after(old: TagHistory | None, tag: str, rows: _Gathered, kept: int) -> TagHistory:
    n = int(rows.n[-1]) + int(rows.learned[-1])
    if old is None:
        return TagHistory(tag, n, rows.time, rows.value, rows.learned, rows.good)
    learned = np.concatenate([old.learned, rows.learned])
    chosen = np.sort(np.concatenate([np.flatnonzero(learned == kind)[-kept:] for kind in (False, True)]))
    return TagHistory(
        tag,
        n,
        np.concatenate([old.time, rows.time])[chosen],
        np.concatenate([old.value, rows.value])[chosen],
        learned[chosen],
        np.concatenate([old.good, rows.good])[chosen],
    )
