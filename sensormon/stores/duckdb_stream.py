"""Long results of the DuckDB store, in order and in pieces, each piece a short query of its own.

Between two pieces nothing is open in the database: no cursor, no transaction, no snapshot. A reader
that pauses keeps neither a checkpoint nor a reopening waiting. The next piece begins after the last
row of the one before.

Sorting the whole table would take gigabytes. The table is in order of ids except for a few late
rows, so its physical stretches give the bounds between which a piece is looked for. For order by
time the bounds are approximate quantiles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from sensormon.model.clock import DAY
from sensormon.model.errors import StoreUnavailable
from sensormon.stores.duckdb_database import Database
from sensormon.stores.duckdb_queries import naive

PIECE = 10_000
"""The most rows in a piece of a streamed result."""
STRETCH = 122_880
"""Rows of the table between two bounds, about; a row group of DuckDB."""

Values = Sequence[object]


@dataclass(frozen=True)
class Stretch:
    """Some neighbouring readings of the table: lowest and highest id, and their number."""

    first: int
    last: int
    count: int


def stretches(database: Database, where: str, values: Values) -> list[Stretch]:
    """The readings that meet this condition, in order of the highest ids."""
    rows = database.rows(
        f"SELECT min(id), max(id), count(*) FROM readings WHERE {where}"
        f" GROUP BY rowid // {STRETCH} ORDER BY 2",
        values,
    )
    return [Stretch(*map(int, row)) for row in rows]


def by_id(
    database: Database, where: str, values: Values, known: Sequence[Stretch], first: int = -1
) -> Iterator[pa.Table]:
    """The readings in the stretches `known` that meet this condition, from the id `first` on, by id."""
    after = first - 1
    for bound in _merged([stretch for stretch in known if stretch.last >= first]):
        condition = f"{where} AND id > ? AND id <= ? ORDER BY id LIMIT {PIECE}"
        full = True
        while full:
            piece = database.table(
                f"SELECT {database.columns_and_own} FROM readings WHERE {condition}", [*values, after, bound]
            )
            full = piece.num_rows == PIECE
            if piece.num_rows:
                after = _last_id(piece)
                yield piece
        after = max(after, bound)


def newest(
    database: Database, where: str, values: Values, known: Sequence[Stretch], limit: int
) -> tuple[int, int]:
    """Where the newest `limit` readings in these stretches begin: the lowest id, the earliest time (µs UTC).

    Only ids and times of these, and of at most a stretch more, are sorted.
    """
    count, lowest = 0, known[-1].first
    for stretch in reversed(known):
        lowest = min(lowest, stretch.first)
        count += stretch.count
        if count >= limit:
            break
    newest_rows = (
        f"SELECT id, time FROM readings WHERE {where} AND id >= ? AND id <= ? ORDER BY id DESC LIMIT ?"
    )
    ((first, time),) = database.rows(
        f"SELECT coalesce(min(id), 0), coalesce(epoch_us(min(time)), 0) FROM ({newest_rows})",
        [*values, lowest, known[-1].last, limit],
    )
    return int(first), int(time)


def by_time(database: Database, where: str, values: Values) -> Iterator[pa.Table]:
    """The readings that meet this condition and are stored now, in order of time, then of id."""
    bounds, last_id = _times(database, where, values)
    after, after_id = naive(-1), -1
    for bound in bounds:
        condition = (
            f"{where} AND id <= ? AND time >= ? AND (time > ? OR id > ?) AND time <= ? "
            f"ORDER BY time, id LIMIT {PIECE}"
        )
        full = True
        while full:
            piece = database.table(
                f"SELECT {database.columns_and_own} FROM readings WHERE {condition}",
                [*values, last_id, after, after, after_id, bound],
            )
            full = piece.num_rows == PIECE
            if piece.num_rows:
                after = naive(int(piece["time"].cast(pa.int64())[-1].as_py()))
                after_id = _last_id(piece)
                yield piece


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


def begun(pieces: Iterator[pa.Table], empty: Callable[[], pa.Table]) -> Iterator[pa.Table]:
    """These pieces, of which the first has been read when this returns; `empty` if there is none."""
    first = next(pieces, None)

    def whole() -> Iterator[pa.Table]:
        yield empty() if first is None else first
        yield from pieces

    return whole()


def _merged(known: Sequence[Stretch]) -> list[int]:
    """The highest ids of the stretches, those of a few readings merged into the next one."""
    bounds: list[int] = []
    waiting = 0
    for place, stretch in enumerate(known, 1):
        waiting += stretch.count
        if waiting >= min(PIECE, STRETCH) or place == len(known):
            bounds.append(stretch.last)
            waiting = 0
    return bounds


def _times(database: Database, where: str, values: Values) -> tuple[list[Any], int]:
    """Ascending times, the last of which is the highest, about `STRETCH` rows apart; and the highest id."""
    ((count, last, last_id),) = database.rows(
        f"SELECT count(*), max(time), max(id) FROM readings WHERE {where}", values
    )
    if not count:
        return [], -1
    windows = -(-count // STRETCH)
    shares = [round(place / windows, 9) for place in range(1, windows)]
    if not shares:
        return [last], last_id
    ((quantiles,),) = database.rows(
        f"SELECT approx_quantile(epoch_us(time), {shares}) FROM readings WHERE {where}", values
    )
    times = (naive(int(bound)) for bound in quantiles)
    return sorted({*(time for time in times if time < last), last}), last_id


def _last_id(piece: pa.Table) -> int:
    number: int = piece["id"][-1].as_py()
    return number


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
                    raise _rolled_up()
            checked = notes

        for piece in pieces:
            check()
            yield piece
        check()

    def _note(self, tag: str, day: int) -> None:
        self._days[tag, day] += 1
        self._notes += 1


def _rolled_up() -> StoreUnavailable:
    return StoreUnavailable(
        "old readings were rolled up to minutes, or an import was undone, while they were being read",
        where="readings",
        hint="Ask again once that has ended",
    )
