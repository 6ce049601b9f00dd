"""Long results of the DuckDB store, in order and in pieces, so that millions of rows need little memory.

Sorting the whole table would take gigabytes. The table is in order of ids except for a few late
rows, so its physical stretches give the bounds between which it is sorted. For order by time the
bounds are approximate quantiles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import duckdb
import pyarrow as pa

from sensormon.model.clock import DAY
from sensormon.model.errors import StoreUnavailable
from sensormon.stores.duckdb_queries import naive

PIECE = 20_000
"""Rows in a piece of a streamed result."""
STRETCH = 122_880
"""Rows of the table between two bounds, about; a row group of DuckDB."""


@dataclass(frozen=True)
class Order:
    """An order of rows: a column, the sort keys, and a value below all.

    `bounds` returns ascending values of the column, the last of which is its highest, with about
    `STRETCH` rows between neighbours.
    """

    column: str
    by: str
    lowest: object
    bounds: Callable[[duckdb.DuckDBPyConnection, str, Sequence[object]], list[object]]


def _ids(cursor: duckdb.DuckDBPyConnection, condition: str, values: Sequence[object]) -> list[object]:
    query = f"SELECT max(id) FROM readings WHERE {condition} GROUP BY rowid // {STRETCH} ORDER BY 1"
    return [bound for (bound,) in cursor.execute(query, list(values)).fetchall()]


def _times(cursor: duckdb.DuckDBPyConnection, condition: str, values: Sequence[object]) -> list[object]:
    ((count, last),) = cursor.execute(
        f"SELECT count(*), max(time) FROM readings WHERE {condition}",
        list(values),
    ).fetchall()
    if not count:
        return []
    windows = -(-count // STRETCH)
    shares = [round(place / windows, 9) for place in range(1, windows)]
    if not shares:
        return [last]
    ((quantiles,),) = cursor.execute(
        f"SELECT approx_quantile(epoch_us(time), {shares}) FROM readings WHERE {condition}",
        list(values),
    ).fetchall()
    return sorted({*(bound for bound in map(_time, quantiles) if bound < last), last})


def _time(bound: float) -> Any:
    return naive(int(bound))


BY_ID = Order("id", "id", -1, _ids)
BY_TIME = Order("time", "time, id", naive(-1), _times)


def arrow_pieces(
    cursor: duckdb.DuckDBPyConnection,
    query: str,
    values: Sequence[object],
    guard: Callable[[], AbstractContextManager[None]],
) -> Iterator[pa.Table]:
    """The rows of this query in pieces; the first has been read when this returns.

    `guard` turns the database's exceptions into a StoreError. The cursor is closed at the end.
    """

    def piece() -> pa.Table | None:
        with guard():
            try:
                return _zoned(pa.Table.from_batches([reader.read_next_batch()]))
            except StopIteration:
                return None

    def rest(first: pa.Table) -> Iterator[pa.Table]:
        try:
            table: pa.Table | None = first
            while table is not None:
                yield table
                table = piece()
        finally:
            reader.close()
            cursor.close()

    with guard():
        reader: Any = cursor.sql(query, params=list(values)).to_arrow_reader(PIECE)
    first = piece()
    return rest(_zoned(reader.schema.empty_table()) if first is None else first)


def _zoned(table: pa.Table) -> pa.Table:
    for name in ("time", "received"):
        place = table.schema.get_field_index(name)
        if pa.types.is_timestamp(table.schema.field(place).type):  # the time of a rejected reading is text
            table = table.set_column(place, name, table.column(name).cast(pa.timestamp("us", "UTC")))
    return table


def readings_in_order(
    open_cursor: Callable[[], duckdb.DuckDBPyConnection],
    query: str,
    values: Sequence[object],
    guard: Callable[[], AbstractContextManager[None]],
    order: Order = BY_ID,
) -> Iterator[pa.Table]:
    """The rows of `query`, a SELECT … FROM readings WHERE …, in this order.

    The first piece has been read when this returns, as with `arrow_pieces`. Rows stored meanwhile are
    not included.
    """
    condition = query.partition(" WHERE ")[2]
    cursor = open_cursor()
    with guard():
        bounds = [order.lowest, *order.bounds(cursor, condition, values)]
    cursor.close()
    if len(bounds) == 1:
        return arrow_pieces(open_cursor(), f"{query} AND false", values, guard)

    def window(after: object, last: object) -> Iterator[pa.Table]:
        part = f"{query} AND {order.column} > ? AND {order.column} <= ? ORDER BY {order.by}"
        return arrow_pieces(open_cursor(), part, [*values, after, last], guard)

    def all_of(stretch: Iterator[pa.Table]) -> Iterator[pa.Table]:
        yield from stretch
        for after, last in pairwise(bounds[1:]):
            yield from window(after, last)

    return all_of(window(bounds[0], bounds[1]))


class Deletions:
    """The days (µs UTC) whose readings are being deleted; streams that overlap them fail."""

    def __init__(self) -> None:
        self._days: Counter[tuple[str, int]] = Counter()

    @contextmanager
    def of(self, tag: str, day: int) -> Iterator[None]:
        """Wraps the deletion of this day's readings; counted before and after, so no stream misses it."""
        self._days[tag, day] += 1
        try:
            yield
        finally:
            self._days[tag, day] += 1

    def watched(
        self,
        tags: Sequence[str] | None,
        since: int,
        until: int,
        begin: Callable[[], Iterator[pa.Table]],
    ) -> Iterator[pa.Table]:
        """The pieces from `begin`, of readings with since <= time < until; the first has been read.

        Raises StoreUnavailable midway if readings of the span were deleted meanwhile.
        """
        before = self._count(tags, since, until)
        pieces = begin()

        def checked() -> Iterator[pa.Table]:
            try:
                for piece in pieces:
                    self._check(tags, since, until, before)
                    yield piece
                self._check(tags, since, until, before)
            finally:
                pieces.close()  # type: ignore[attr-defined]  # a generator

        return checked()

    def _count(self, tags: Sequence[str] | None, since: int, until: int) -> int:
        return sum(
            count
            for (tag, day), count in self._days.copy().items()
            if day < until and day + DAY > since and (tags is None or tag in tags)
        )

    def _check(self, tags: Sequence[str] | None, since: int, until: int, before: int) -> None:
        if self._count(tags, since, until) != before:
            raise StoreUnavailable(
                "old readings were rolled up to minutes while they were being read",
                where="readings",
                hint="Ask again once the roll-up has ended",
            )
