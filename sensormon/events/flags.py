"""The newest flagged readings in memory, so that who looks again reads only what has come since.

Exact: whatever changes the flagged readings that are held (dead letters stored late, undone imports, a
database made anew) lets the store say so, and they are read again. Older ones than are held are read
from the store. What it is not: flagged readings that are not stored yet.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model.clock import SECOND
from sensormon.model.readings import Ints
from sensormon.model.timestamps import FOREVER
from sensormon.stores.readings import FlagsUntil, StoredReadings

_WORDS = ("tag", "profile", "detector")
_EVER = -2_208_988_800 * SECOND
"""The year 1900; no reading is earlier."""
_FAR_BEHIND = 2_000_000
"""If more readings than this have come since, the newest flagged ones are read anew."""
_SLACK = 1.25
"""So many times as many as wanted are held before the oldest are let go."""


@dataclass(frozen=True, eq=False)
class _Held:
    """All flagged readings with time >= since of those up to here, in order of time, then of id."""

    flags: pa.Table
    since: int
    until: FlagsUntil


class HeldFlags:
    """At least the newest `most` flagged readings of a store. Thread-safe."""

    def __init__(self, stored: StoredReadings, most: int) -> None:
        self._stored = stored
        self._most = most
        self._lock = threading.Lock()
        self._held: _Held | None = None

    def newest(self, tags: Sequence[str] | None, since: int, until: int, limit: int) -> pa.Table:
        """The newest `limit` flagged readings with since <= time < until, in order of time, then of id.

        The columns are those of `StoredReadings.flags`, words as dictionaries. Raises StoreError.
        """
        with self._lock:
            self._held = held = self._refreshed()
        times = _ints(held.flags, "time")
        first, last = np.searchsorted(times, [since, until], side="left").tolist()
        flags = held.flags.slice(first, max(0, last - first))
        if tags is not None:
            flags = flags.filter(pc.is_in(flags["tag"].cast(pa.string()), pa.array(tags, pa.string())))
        if since < held.since and flags.num_rows < limit:
            flags = _in_order(
                self._stored.flags(tags, since, until, above=-1, upto=held.until.last, limit=limit)
            )
        return flags.slice(max(0, flags.num_rows - limit))

    def _refreshed(self) -> _Held:
        held, until = self._held, self._stored.flags_until()
        if held is None or not _goes_on(held.until, until):
            flags = _in_order(
                self._stored.flags(None, _EVER, FOREVER, above=-1, upto=until.last, limit=self._most)
            )
            whole = flags.num_rows < self._most
            return _Held(flags, _EVER if whole else int(_ints(flags, "time")[0]), until)
        before = [
            held.until.positions[writer]
            for writer, position in until.positions.items()
            if position > held.until.positions[writer]
        ]
        if not before:
            return held
        fresh = self._stored.flags(
            None, held.since, FOREVER, above=min(before), upto=until.last, limit=self._most
        )
        if len(until.positions) > 1:  # those of other journals in between may be known
            known = pc.is_in(fresh["id"], held.flags["id"].combine_chunks())
            fresh = fresh.filter(pc.invert(known))
        if not fresh.num_rows:
            return _Held(held.flags, held.since, until)
        flags = _in_order(pa.concat_tables([held.flags, _with_codes(fresh)]))
        since = held.since
        if flags.num_rows > _SLACK * self._most:
            times = _ints(flags, "time")
            since = int(times[-self._most])
            flags = flags.slice(int(np.searchsorted(times, since)))
            flags = pa.concat_tables([flags]).combine_chunks()
        return _Held(flags, since, until)


def _goes_on(before: FlagsUntil, until: FlagsUntil) -> bool:
    """Whether only later readings of the same journals have come, and not too many."""
    return (
        until.rewritten == before.rewritten
        and until.positions.keys() == before.positions.keys()
        and until.stored - before.stored <= _FAR_BEHIND
    )


def _with_codes(flags: pa.Table) -> pa.Table:
    """The same with words as dictionaries."""
    for name in _WORDS:
        column = flags[name]
        if not pa.types.is_dictionary(column.type):
            flags = flags.set_column(flags.schema.get_field_index(name), name, column.dictionary_encode())
    return flags


def _in_order(flags: pa.Table) -> pa.Table:
    """In order of time, then of id, each column in one piece."""
    flags = _with_codes(flags).unify_dictionaries().combine_chunks()
    time, ids = _ints(flags, "time"), _ints(flags, "id")
    passed = np.diff(time)
    if ((passed > 0) | ((passed == 0) & (np.diff(ids) > 0))).all():
        return flags
    return flags.take(pa.array(np.lexsort((ids, time)))).combine_chunks()


def _ints(flags: pa.Table, name: str) -> Ints:
    column: Ints = flags[name].to_numpy()
    return column
