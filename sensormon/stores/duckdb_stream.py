"""Long results of the DuckDB store, in order and in pieces, so that millions of rows need no memory.

A sort of the whole table would take gigabytes. The table is in the order of ids but for a few
rows that came late, and nearly in that of times but for what was imported, so its physical
stretches give the bounds between which it is sorted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import pairwise

import duckdb
import pyarrow as pa

from sensormon.clock import DAY
from sensormon.errors import StoreUnavailable
from sensormon.stores.duckdb_rows import arrow_pieces, naive

STRETCH = 122_880
"""Rows of the table between two bounds, about; a row group of DuckDB."""


@dataclass(frozen=True)
class Order:
    """What rows are in order of: a column, by what they are sorted, and a value below all."""

    column: str
    by: str
    lowest: object


BY_ID, BY_TIME = Order("id", "id", -1), Order("time", "time, id", naive(-1))


def readings_in_order(
    open_cursor: Callable[[], duckdb.DuckDBPyConnection],
    query: str,
    values: Sequence[object],
    guard: Callable[[], AbstractContextManager[None]],
    order: Order = BY_ID,
) -> Iterator[pa.Table]:
    """The rows of `query`, a SELECT … FROM readings WHERE …, in this order.

    The first piece is there when this returns, as with `arrow_pieces`. Rows that are stored meanwhile
    are not among them.
    """
    condition = query.partition(" WHERE ")[2]
    cursor = open_cursor()
    with guard():
        found = cursor.execute(
            f"SELECT DISTINCT max({order.column}) FROM readings WHERE {condition} "  # noqa: S608
            f"GROUP BY rowid // {STRETCH} ORDER BY 1",
            list(values),
        ).fetchall()
    cursor.close()
    bounds = [order.lowest, *(bound for (bound,) in found)]
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
    """The days (µs UTC) of which readings were deleted; who reads in pieces meanwhile hears of it."""

    def __init__(self) -> None:
        self._days: Counter[int] = Counter()

    @contextmanager
    def of(self, day: int) -> Iterator[None]:
        """Readings of this day are deleted inside. Counted before and after, whenever a reader began."""
        self._days[day] += 1
        try:
            yield
        finally:
            self._days[day] += 1

    def watched(self, since: int, until: int, begin: Callable[[], Iterator[pa.Table]]) -> Iterator[pa.Table]:
        """The pieces that `begin` gives, of readings with since <= time < until; the first is there then.

        Raises StoreUnavailable in the middle where readings of the span were deleted meanwhile.
        """
        before = self._count(since, until)
        pieces = begin()

        def checked() -> Iterator[pa.Table]:
            try:
                for piece in pieces:
                    self._check(since, until, before)
                    yield piece
                self._check(since, until, before)
            finally:
                pieces.close()  # type: ignore[attr-defined]  # a generator

        return checked()

    def _count(self, since: int, until: int) -> int:
        return sum(n for day, n in self._days.copy().items() if day < until and day + DAY > since)

    def _check(self, since: int, until: int, before: int) -> None:
        if self._count(since, until) != before:
            raise StoreUnavailable(
                "old readings were rolled up to minutes while they were being read",
                where="readings",
                hint="Ask again once the roll-up has ended",
            )
