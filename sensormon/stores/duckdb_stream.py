"""Long results of the DuckDB store, in order and in pieces, each piece a short query of its own.

Between two pieces nothing is open in the database: no cursor, no transaction, no snapshot. A reader
that pauses keeps neither a checkpoint nor a reopening waiting. The next piece begins after the last
row of the one before.

Sorting the whole table would take gigabytes, and finding good bounds before the first piece would read all
of it. So a piece is looked for in a window of ids, or of times, as wide as the pieces before suggest: a few
times what the last one took, or several times wider if the last window did not fill a piece. The table is in
order of ids except for a few late rows, and so nearly in order of time: a window is a small part of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from sensormon.model.clock import DAY, MINUTE
from sensormon.stores.duckdb_database import Database
from sensormon.stores.duckdb_queries import naive
from sensormon.stores.pieces import deleted_meanwhile, last_id_of

PIECE = 10_000
"""The most rows in a piece of a streamed result."""
WINDOW = 40_000
"""Ids in the first window."""
STRETCH = 122_880
"""Rows of a row group of DuckDB; fewer ids are not found faster."""
_AHEAD, _WIDER = 4, 8
"""A window is this many times what the last piece took, or wider than one that did not fill a piece."""

Values = Sequence[object]


def by_id(database: Database, rows: str, where: str, values: Values, first: int = -1) -> Iterator[pa.Table]:
    """The readings that meet this condition and are stored now, from the id `first` on, in order of id.

    `rows` is what to select from: `readings`, or those flagged.
    """
    ((lowest, highest),) = database.rows("SELECT min(id), max(id) FROM readings")
    if highest is None:
        return
    after, width = max(first, int(lowest)) - 1, WINDOW
    while after < highest:
        bound = min(after + width, int(highest))
        piece = database.table(
            f"SELECT {database.columns_and_own} FROM {rows} WHERE {where} AND id > ? AND id <= ?"
            f" ORDER BY id LIMIT {PIECE}",
            [*values, after, bound],
        )
        if piece.num_rows:
            yield piece
        last = last_id_of(piece) if piece.num_rows == PIECE else bound
        width = _AHEAD * (last - after) if piece.num_rows == PIECE else _WIDER * width
        after = last


def newest(
    database: Database, rows: str, where: str, values: Values, limit: int, highest: int | None = None
) -> tuple[int, int]:
    """Where the newest `limit` readings of this condition begin: the lowest id, the earliest time (µs UTC).

    Looks at the newest ids first, and several times further back until there are enough. `highest` is
    the highest id that can meet the condition, if that is known.
    """
    if highest is None:
        # At most a little more than the highest id there is, which DuckDB asks of every row group.
        ((highest,),) = database.rows("SELECT coalesce(max(next_id), 1) - 1 FROM watermarks")
    reach = max(STRETCH, limit)
    while True:
        after = highest - reach
        within, bounds = f"FROM {rows} WHERE {where} AND id > ?", [*values, after]
        ((count, first, time),) = database.rows(
            f"SELECT count(*), coalesce(min(id), 0), coalesce(epoch_us(min(time)), 0) {within}", bounds
        )
        if count > limit:
            return _newest_of(database, within, bounds, count, limit)
        if count == limit or after < 0:
            return int(first), int(time)
        reach *= min(_WIDER, 2 + limit // max(1, count))  # as far as will do if earlier ones are as dense


def _newest_of(database: Database, within: str, values: Values, count: int, limit: int) -> tuple[int, int]:
    """The lowest id and the earliest time of the newest `limit` of these `count` rows, which are more."""
    if count > _WIDER * limit:  # more than memory should hold; sorting takes five times as long
        ((first, time),) = database.rows(
            f"SELECT coalesce(min(id), 0), coalesce(epoch_us(min(time)), 0)"
            f" FROM (SELECT id, time {within} ORDER BY id DESC LIMIT ?)",
            [*values, limit],
        )
        return int(first), int(time)
    table = database.table(f"SELECT id, epoch_us(time) AS micros {within}", values)
    ids, times = table["id"].to_numpy(), table["micros"].to_numpy()
    if not len(ids):  # deleted meanwhile
        return 0, 0
    place = max(0, len(ids) - limit)
    first = np.partition(ids, place)[place]
    return int(first), int(times[ids >= first].min())


def by_time(
    database: Database, rows: str, where: str, values: Values, since: int, until: int
) -> Iterator[pa.Table]:
    """The readings with since <= time < until that meet this condition and are stored now, by time, then id.

    `rows` is what to select from; `where` has the span too.
    """
    ((earliest, latest, last_id),) = database.rows(
        "SELECT epoch_us(min(time)), epoch_us(max(time)), max(id) FROM readings"
    )
    if last_id is None:
        return
    after, after_id, width = max(since, int(earliest)) - 1, _ALL, MINUTE
    end = min(until, int(latest))
    while after < end:
        bound = min(after + width, end)
        piece = database.table(
            f"SELECT {database.columns_and_own} FROM {rows} WHERE {where} AND id <= ?"
            " AND time >= ? AND (time > ? OR id > ?) AND time <= ?"
            f" ORDER BY time, id LIMIT {PIECE}",
            [*values, last_id, *[naive(after)] * 2, after_id, naive(bound)],
        )
        if piece.num_rows:
            yield piece
        if piece.num_rows == PIECE:
            last = int(piece["time"].cast(pa.int64())[-1].as_py())
            after_id, width = last_id_of(piece), max(_AHEAD * (last - after), 1)
        else:
            last, after_id, width = bound, _ALL, _WIDER * width
        after = last


def by_arrival(
    database: Database, table: str, columns: str, where: str, values: Values
) -> Iterator[pa.Table]:
    """The rows of this table that meet the condition and are stored now, in order of `received`.

    A piece has about `PIECE` rows; rows received at the same moment stay together.
    """
    ((last,),) = database.rows(f"SELECT max(received) FROM {table} WHERE {where}", values)
    after = naive(-1)
    while last is not None and after < last:
        beyond = f"FROM {table} WHERE {where} AND received > ? AND received <= ?"
        ((bound,),) = database.rows(
            f"SELECT max(received) FROM (SELECT received {beyond} ORDER BY received LIMIT {PIECE})",
            [*values, after, last],
        )
        if bound is None:
            return
        yield database.table(f"SELECT {columns} {beyond} ORDER BY received, rowid", [*values, after, bound])
        after = bound


_ALL = (1 << 63) - 1
"""No id is above this one."""


class Deletions:
    """The days (µs UTC) whose readings are being deleted; streams that overlap them fail."""

    def __init__(self) -> None:
        self._days: Counter[tuple[str, int]] = Counter()
        self._notes = 0

    @contextmanager
    def of(self, tag: str, day: int) -> Iterator[None]:
        """Wraps the deletion of this day's readings; counted before and after, so no stream misses it."""
        self._note(tag, day)
        try:
            yield
        finally:
            self._note(tag, day)

    def seen(self) -> Mapping[tuple[str, int], int]:
        """The deletions so far; take it before the first query of a stream."""
        return self._days.copy()

    def watched(
        self,
        pieces: Iterator[pa.Table],
        seen: Mapping[tuple[str, int], int],
        tags: Sequence[str] | None,
        since: int,
        until: int,
    ) -> Iterator[pa.Table]:
        """These pieces, of readings with since <= time < until.

        Raises StoreUnavailable midway if readings of the span were deleted after `seen`.
        """
        checked = -1

        def check() -> None:
            nonlocal checked
            notes = self._notes
            if notes == checked:
                return
            for (tag, day), count in self._days.copy().items():
                within = day < until and day + DAY > since and (tags is None or tag in tags)
                if within and seen.get((tag, day), 0) != count:
                    raise deleted_meanwhile()
            checked = notes

        for piece in pieces:
            check()
            yield piece
        check()

    def _note(self, tag: str, day: int) -> None:
        self._days[tag, day] += 1
        self._notes += 1
