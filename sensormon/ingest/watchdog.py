"""When each tag last reported, by our clock: silent tags, and tags whose clock is ahead of ours.

A gap never arrives as a reading, so the clock has to find it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormon.detectors.gap import Gap
from sensormon.ingest.tag_codes import TagCodes
from sensormon.model import timestamps
from sensormon.model.clock import SECOND
from sensormon.model.readings import Batch, Bools, Ints, Origin, Reason, Rejection
from sensormon.model.status import AHEAD, Silence, TagAge
from sensormon.model.tags import TagTable
from sensormon.stores.readings import LastArrival

QUIET = 300.0
"""A tag whose usual interval is not known is silent after this many seconds without a reading."""

LATE = 5.0
"""Seconds by which readings of another collector may be known here later than there."""

_LAST, _SINCE, _LONGEST, _NEWEST, _REJECTED = range(5)
"""Rows of `Watchdog._seen`, all in µs: the last arrival; what a silence is counted from, 0 while nothing is
owed; the longest time between two arrivals; the newest own time of a reading; the newest own time of those
rejected as too far ahead since the last accepted one, 0 for none."""
_NONE = np.zeros(0, dtype=np.int64)


class Watchdog:
    """Learns how often each tag reports from arrival times, not from the readings' own times.

    The same rule as the detector `gap` at its defaults: 5 usual intervals. Until 21 readings of a tag
    have arrived one by one since the start, it is silent after `QUIET` seconds, or after 5 of the longest
    intervals so far if that is longer. A tag that reported before the start is expected to report
    again (see `remember`); one without a live reading is never silent. A tag of states may be sent when its
    state changes only: it needs 21 readings and 5 of its longest intervals to be silent. Any reading counts,
    of any quality; filled-in and imported ones do not.
    """

    def __init__(self, tags: TagTable) -> None:
        self._tags = tags
        self._codes = TagCodes(tags)
        self._gaps = Gap()
        self._state = self._gaps.start(np.zeros(len(tags)))
        self._seen = np.zeros((5, len(tags)), dtype=np.int64)
        self._sources = np.full(len(tags), "", dtype=object)
        self._elsewhere = np.zeros(len(tags), dtype=np.bool_)
        """Whether the tag's last reading came in at another collector."""
        self._stateful = _stateful(tags)

    def retag(self, tags: TagTable) -> None:
        """Watch these tags from now on, keeping what was learned of those that stay."""
        state, seen = self._gaps.start(np.zeros(len(tags))), np.zeros((5, len(tags)), dtype=np.int64)
        sources, elsewhere = np.full(len(tags), "", dtype=object), np.zeros(len(tags), dtype=np.bool_)
        for code, name in enumerate(tags.names):
            old = self._tags.code(name)
            if old >= 0:
                state.load(code, self._state.save(old))
                seen[:, code], sources[code] = self._seen[:, old], self._sources[old]
                elsewhere[code] = self._elsewhere[old]
        self._tags, self._state, self._seen, self._sources = tags, state, seen, sources
        self._elsewhere = elsewhere
        self._codes, self._stateful = TagCodes(tags), _stateful(tags)

    def remember(self, earlier: Mapping[str, LastArrival], delivering: Collection[str], now: int) -> None:
        """Take over what arrived before the start, at `now` (µs UTC), of tags that have no reading since.

        Only tags whose source is among those `delivering` now are expected to report again.
        """
        for name, arrival in earlier.items():
            code = self._tags.code(name)
            if code >= 0 and not self._seen[_LAST, code]:
                owed = now if arrival.source in delivering else 0
                self._seen[:, code] = min(arrival.received, now), owed, 0, arrival.time, 0
                self._sources[code] = arrival.source

    def expect(self, sources: Collection[str], now: int) -> None:
        """Expect the tags whose last reading was of one of these sources to report again, from `now` on."""
        again = np.isin(self._sources, list(sources)) & (self._seen[_LAST] > 0)
        fresh = self._gaps.start(np.zeros(1)).save(0)
        for code in np.flatnonzero(again).tolist():
            self._state.load(code, fresh)
            self._seen[_SINCE, code] = now

    def note(self, batch: Batch, rejected: Iterable[Rejection] = ()) -> None:
        """Record the arrival of these readings, and the clocks of those that were rejected beside them.

        A rejected reading ends no silence; one rejected because its own time is too far after now
        shows that its tag's clock is ahead, until a reading of the tag is accepted.
        """
        if batch.origin is Origin.LIVE:
            self._elsewhere[self._arrived(batch)] = False
            self._note_clocks(rejected)

    def follow(self, batch: Batch) -> None:
        """Record the arrival of live readings at another collector, by its clock."""
        self._elsewhere[self._arrived(batch)] = True

    def _note_clocks(self, rejected: Iterable[Rejection]) -> None:
        for rejection in rejected:
            code = self._tags.code(rejection.tag)
            if rejection.reason is not Reason.FUTURE_TIMESTAMP or code < 0:
                continue
            try:
                time = timestamps.parse(rejection.time)
            except (ValueError, OverflowError):
                continue  # no calendar has it: more than a clock is wrong
            self._seen[_REJECTED, code] = max(self._seen[_REJECTED, code], time)
            self._sources[code] = self._sources[code] or rejection.source

    def _arrived(self, batch: Batch) -> NDArray[np.integer[Any]]:
        """Record these arrivals; the codes of their tags."""
        if not len(batch):
            return _NONE
        of_rows = self._codes.of(batch)
        known = of_rows >= 0
        codes = np.unique(of_rows[known])
        if not len(codes):
            return _NONE
        arrived, seen = batch.received, self._seen
        if arrived < seen[_LAST, codes].max():  # the clock was set back
            self._state = self._gaps.start(np.zeros(len(self._tags)))
            seen[:_LONGEST] = np.minimum(seen[:_LONGEST], arrived)
            seen[_LONGEST] = 0
        again = codes[seen[_SINCE, codes] == seen[_LAST, codes]]  # both are from before the first one
        again = again[seen[_LAST, again] > 0]
        seen[_LONGEST, again] = np.maximum(seen[_LONGEST, again], arrived - seen[_LAST, again])
        seen[_LAST, codes] = seen[_SINCE, codes] = arrived
        np.maximum.at(seen[_NEWEST], of_rows[known], batch.time[known])
        seen[_REJECTED, codes] = 0
        self._sources[codes] = batch.source
        rows = len(codes)
        self._state.run(
            codes, np.zeros(rows), np.ones(rows, dtype=np.bool_), np.full(rows, arrived, dtype=np.int64)
        )
        return codes

    def silent(self, now: int) -> tuple[Silence, ...]:
        """The tags that are overdue at `now` (µs UTC), the longest silence first."""
        names = self._tags.names
        silences = [
            Silence(names[code], self._tags[names[code]].label, self._age(code, now), self._sources[code])
            for code in np.flatnonzero(self._overdue(now)).tolist()
        ]
        return tuple(sorted(silences, key=lambda silence: -silence.seconds))

    def ahead(self, now: int) -> tuple[TagAge, ...]:
        """The tags whose newest own time is more than `AHEAD` after `now`, the farthest first.

        Readings that were rejected because of it count too, see `note`.
        """
        codes = np.flatnonzero(self._newest() - now > AHEAD * SECOND)
        return tuple(sorted(self._ages(codes.tolist(), now), key=lambda age: -age.ahead))

    def newest(self, tags: Collection[str]) -> dict[str, int]:
        """By tag, the newest own time (µs UTC) of its live readings, of those of these tags that have any."""
        codes = {name: self._tags.code(name) for name in tags}
        return {
            name: int(self._seen[_NEWEST, code])
            for name, code in codes.items()
            if code >= 0 and self._seen[_LAST, code]
        }

    def ages(self, now: int) -> tuple[TagAge, ...]:
        """Every tag at `now` (µs UTC), in the order of the table."""
        return tuple(self._ages(range(len(self._tags)), now))

    def _ages(self, codes: Collection[int], now: int) -> list[TagAge]:
        overdue, names = self._overdue(now), self._tags.names
        ahead = np.maximum(0, self._newest() - now) / SECOND
        return [
            TagAge(
                tag=names[code],
                label=self._tags.title(names[code]),
                source=self._sources[code],
                seconds=self._age(code, now) if self._seen[_LAST, code] else None,
                silent=bool(overdue[code]),
                ahead=float(ahead[code]) if ahead[code] > AHEAD else 0.0,
            )
            for code in codes
        ]

    def _newest(self) -> Ints:
        """The newest own time of each tag, accepted or rejected as too far ahead (µs UTC)."""
        newest: Ints = np.maximum(self._seen[_NEWEST], self._seen[_REJECTED])
        return newest

    def _age(self, code: int, now: int) -> float:
        return max(0, now - int(self._seen[_LAST, code])) / SECOND

    def _overdue(self, now: int) -> Bools:
        since, longest = self._seen[_SINCE], self._seen[_LONGEST]
        at = now - np.where(self._elsewhere, round(LATE * SECOND), 0)
        patience = np.maximum(QUIET * SECOND, self._gaps.factor * longest)
        unusual = ~self._state.learned & (since > 0) & (at - since > patience)
        overdue: Bools = np.where(
            self._stateful,
            self._state.silent(at) & (at - since > self._gaps.factor * longest),
            unusual | self._state.silent(at),
        )
        return overdue


def _stateful(tags: TagTable) -> Bools:
    return np.array([tag.has_states for tag in tags], dtype=np.bool_)
