"""Long results of the DuckDB store, in order and in pieces, so that millions of rows need no memory.

A sort of the whole table would take gigabytes. The table is in the order of ids but for a few
rows that came late, so its physical stretches give the bounds between which it is sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise

import duckdb
import pyarrow as pa

from sensormon.stores.duckdb_rows import arrow_pieces

STRETCH = 122_880
"""Rows of the table between two bounds, about; a row group of DuckDB."""


def readings_in_order(
    open_cursor: Callable[[], duckdb.DuckDBPyConnection],
    query: str,
    values: Sequence[object],
    guard: Callable[[], AbstractContextManager[None]],
) -> Iterator[pa.Table]:
    """The rows of `query`, a SELECT … FROM readings WHERE …, in order of `id`.

    The first piece is there when this returns, as with `arrow_pieces`. Rows that are stored meanwhile
    are not among them.
    """
    condition = query.partition(" WHERE ")[2]
    cursor = open_cursor()
    with guard():
        found = cursor.execute(
            f"SELECT max(id) FROM readings WHERE {condition} GROUP BY rowid // {STRETCH} ORDER BY 1",  # noqa: S608
            list(values),
        ).fetchall()
    cursor.close()
    bounds = [-1, *(int(bound) for (bound,) in found)]
    if len(bounds) == 1:
        return arrow_pieces(open_cursor(), f"{query} AND false", values, guard)

    def window(after: int, last: int) -> Iterator[pa.Table]:
        part = f"{query} AND id > ? AND id <= ? ORDER BY id"
        return arrow_pieces(open_cursor(), part, [*values, after, last], guard)

    def all_of(stretch: Iterator[pa.Table]) -> Iterator[pa.Table]:
        yield from stretch
        for after, last in pairwise(bounds[1:]):
            yield from window(after, last)

    return all_of(window(bounds[0], bounds[1]))
