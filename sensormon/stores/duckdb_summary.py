"""A summary of the readings in the DuckDB store: the tables `minutes` and `marked`, kept in step by id.

The readings up to the id in `summarised` are in it, each once; those above are read from `readings`. So an
answer made of both is exact at any moment, also while an older file is being summarised, and loading need
not wait for it. Whoever deletes readings calls `renew` for the minutes that they were in, and whoever
adds one with an id that is already summarised calls `add`, both in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from sensormon.model.clock import DAY, MINUTE
from sensormon.model.entries import BatchEntry, Record
from sensormon.stores.duckdb_database import Database, frame_of
from sensormon.stores.duckdb_queries import bounded, naive

PIECE = 250_000
"""Ids of one transaction, which loading may have to wait for: one or two tenths of a second."""

_SUMS = (
    "count(*) AS readings, count(*) FILTER (kind = 0) AS good, count(drawn) AS drawn,"
    " count(*) FILTER (is_anomaly) AS flagged, count(*) FILTER (is_anomaly OR quality <> 0) AS marked,"
    " count(*) FILTER (kind > 0) AS doubtful, max(n) AS learned, min(time) AS first, max(time) AS last,"
    " avg(good_value) AS mean, var_pop(good_value) * count(good_value) AS squares,"
    " min(good_value) AS good_low, max(good_value) AS good_high,"
    " arg_min(good_value, time) AS good_first,"
    " min(drawn_time) AS time_first, arg_min(drawn, drawn_time) AS value_first,"
    " max(drawn_time) AS time_last, arg_max(drawn, drawn_time) AS value_last,"
    " arg_min(drawn_time, drawn) AS time_low, min(drawn) AS value_low,"
    " arg_max(drawn_time, drawn) AS time_high, max(drawn) AS value_high"
)
_SEEN = (
    "SELECT tag, time, source, n, is_anomaly, quality, quality >> 30 AS kind,"
    " CASE WHEN quality >> 30 = 0 THEN value END AS good_value,"
    " CASE WHEN quality >> 30 < 2 THEN value END AS drawn,"
    " CASE WHEN quality >> 30 < 2 THEN time END AS drawn_time FROM readings WHERE {where}"
)
_OF_MINUTES = (
    f"SELECT tag, date_trunc('minute', time) AS minute, source, {_SUMS} FROM ({_SEEN})"
    " GROUP BY tag, minute, source"
)
_MARKED = "SELECT * FROM readings WHERE {where} AND (is_anomaly OR quality <> 0)"
_INTO_MINUTES = f"INSERT INTO minutes {_OF_MINUTES} ORDER BY tag, minute, source"
_INTO_MARKED = f"INSERT INTO marked {_MARKED} ORDER BY id"
_TOUCHED = "(tag, date_trunc('minute', {time})) IN (SELECT (tag, minute) FROM touched)"


EVER = (-36_816_480 * MINUTE, 4_223_371_679 * MINUTE)
"""From 1900 to 9999, whole minutes."""

# -- keeping it in step ---------------------------------------------------------------


def extend(database: Database, least: int) -> bool:
    """Summarise a further piece of the readings stored; returns whether as much is left as to go on.

    Does nothing if fewer than `least` readings wait.
    """
    database.check_file()
    with database.transaction("summarise readings") as cursor:
        upto = mark(cursor)
        ((newest,),) = cursor.execute(
            "SELECT greatest(coalesce((SELECT max(next_id) - 1 FROM watermarks), 0),"
            " coalesce((SELECT max(id) FROM latest), 0))"
        ).fetchall()
        if newest - upto < max(1, least):
            return False
        last = min(_before_next(cursor, upto, newest) + PIECE, newest)
        _insert(cursor, "id > ? AND id <= ?", [upto, last])
        cursor.execute("DELETE FROM summarised")
        cursor.execute("INSERT INTO summarised VALUES (?)", [last])
    return bool(newest - last >= max(1, least))


def _before_next(cursor: duckdb.DuckDBPyConnection, upto: int, newest: int) -> int:
    """From which id on the next piece is summarised: ids may leave out millions."""
    piece = "SELECT 1 FROM readings WHERE id > ? AND id <= ? LIMIT 1"
    if cursor.execute(piece, [upto, upto + PIECE]).fetchall():
        return upto
    ((first,),) = cursor.execute("SELECT min(id) FROM readings WHERE id > ?", [upto]).fetchall()
    return newest if first is None else int(first) - 1


def start_over(database: Database) -> None:
    """Empty the summary if readings went without it: an earlier version deletes them and knows no summary."""
    with database.transaction("check the summary") as cursor:
        ((kept,),) = cursor.execute("SELECT coalesce(sum(readings), 0) FROM minutes").fetchall()
        ((counted,),) = cursor.execute(
            "SELECT count(*) FROM readings WHERE id <= ?", [mark(cursor)]
        ).fetchall()
        if kept != counted:
            for table in ("minutes", "marked", "summarised"):
                cursor.execute(f"DELETE FROM {table}")


def mark(cursor: duckdb.DuckDBPyConnection) -> int:
    """The id up to which readings are summarised."""
    ((upto,),) = cursor.execute("SELECT coalesce(max(upto), 0) FROM summarised").fetchall()
    return int(upto)


def add(cursor: duckdb.DuckDBPyConnection, records: Sequence[Record]) -> None:
    """Add the readings of these records whose ids count as summarised; they were just inserted."""
    upto = mark(cursor)
    for entry in (record.entry for record in records):
        if isinstance(entry, BatchEntry) and entry.first_id <= upto:
            last = entry.first_id + len(entry.processed.accepted) - 1
            _insert(cursor, "id >= ? AND id <= ?", [entry.first_id, min(last, upto)])


def minutes_of(cursor: duckdb.DuckDBPyConnection, where: str, values: Sequence[object]) -> pa.Table:
    """The tags and minutes of the readings that meet this condition, for `renew`."""
    query = f"SELECT DISTINCT tag, date_trunc('minute', time) AS minute FROM readings WHERE {where}"
    return cursor.sql(query, params=list(values)).to_arrow_table()


def renew(cursor: duckdb.DuckDBPyConnection, touched: pa.Table) -> None:
    """Summarise these minutes again: readings of them were deleted."""
    upto = mark(cursor)
    if not upto or not touched.num_rows:
        return
    cursor.register("touched", touched)
    ((first, last),) = cursor.execute(
        "SELECT min(minute), max(minute) + INTERVAL 1 MINUTE FROM touched"
    ).fetchall()
    span = [first, last]
    for table, time in (("minutes", "minute"), ("marked", "time")):
        within = f"{time} >= ? AND {time} < ? AND {_TOUCHED.format(time=time)}"
        cursor.execute(f"DELETE FROM {table} WHERE {within}", span)
    where = f"time >= ? AND time < ? AND id <= ? AND {_TOUCHED.format(time='time')}"
    _insert(cursor, where, [*span, upto])
    cursor.unregister("touched")


def _insert(cursor: duckdb.DuckDBPyConnection, where: str, values: Sequence[object]) -> None:
    for query in (_INTO_MINUTES, _INTO_MARKED):
        cursor.execute(query.format(where=where), list(values))


# -- reading it -----------------------------------------------------------------------


@dataclass(frozen=True)
class Sources:
    """What questions about a span of some tags are answered from, at one moment.

    The methods return a query in parentheses and its values.
    """

    cursor: duckdb.DuckDBPyConnection
    upto: int
    tags: tuple[str, ...] | None
    since: int
    until: int
    below_id: int | None
    columns: str
    """Those of a reading, as frames have them."""

    def rows(self, part: str) -> tuple[str, list[object]]:
        """Sums over pieces of the span, with the columns of `minutes`: several together make up a part.

        `part` is an SQL expression of {time}. Without `by_minutes` it may differ within a minute.
        """
        of_time = part.format(time="time")
        sums = f"SELECT tag, {of_time} AS part, source, {_SUMS} FROM ({_SEEN}) GROUP BY tag, part, source"
        queries, values = [], []
        for where, bound in self._readings():
            queries.append(sums.format(where=where))
            values += bound
        whole = self._whole()
        if whole is not None:
            where, bound = bounded(self.tags, *whole, "minute")
            queries.append(
                f"SELECT tag, {part.format(time='minute')} AS part, source,"
                f" * EXCLUDE (tag, minute, source) FROM minutes WHERE {where}"
            )
            values += bound
        return f"({' UNION ALL '.join(queries)})", values

    def marked(self) -> tuple[str, list[object]]:
        """The readings of the span that are flagged or not plainly good."""
        where, values = bounded(self.tags, self.since, self.until)
        late, bound = self._below(where, values)
        fresh = f"SELECT {self.columns} FROM readings WHERE {late} AND (is_anomaly OR quality <> 0)"
        if not self.upto:
            return f"({fresh})", bound
        return (
            f"(SELECT {self.columns} FROM marked WHERE {where} UNION ALL {fresh} AND id > ?)",
            [*values, *bound, self.upto],
        )

    def readings(self) -> tuple[str, list[object]]:
        """The readings of the span themselves."""
        where, values = self._below(*bounded(self.tags, self.since, self.until))
        return f"(SELECT {self.columns} FROM readings WHERE {where})", values

    def aggregates(self, select: str) -> tuple[Any, ...]:
        """These aggregates of the columns of `minutes`, over the whole span."""
        query, values = self.rows("0")
        (row,) = self.cursor.execute(f"SELECT {select} FROM {query}", values).fetchall()
        return tuple(row)

    def frame(self, query: str, values: Sequence[object]) -> pd.DataFrame:
        """The result of this query at the same moment; see `Database.frame`."""
        return frame_of(self.cursor, query, values)

    def _whole(self) -> tuple[int, int] | None:
        """The whole minutes of the span; None if they cannot be answered from the summary."""
        since, until = -(-self.since // MINUTE) * MINUTE, self.until // MINUTE * MINUTE
        return (since, until) if self.upto and since < until else None

    def _readings(self) -> Iterator[tuple[str, list[object]]]:
        """The conditions of the readings that the summary lacks, none of them in two."""
        whole = self._whole()
        if whole is None:
            yield self._below(*bounded(self.tags, self.since, self.until))
            return
        for since, until in ((self.since, whole[0]), (whole[1], self.until)):
            if since < until:
                yield self._below(*bounded(self.tags, since, until))
        where, values = self._below(*bounded(self.tags, *whole))
        yield f"id > ? AND {where}", [self.upto, *values]

    def _below(self, where: str, values: list[object]) -> tuple[str, list[object]]:
        if self.below_id is None:
            return where, list(values)
        return f"{where} AND id < ?", [*values, self.below_id]


@contextmanager
def sources(
    database: Database,
    tags: Sequence[str] | None,
    since: int,
    until: int,
    *,
    below_id: int | None = None,
    by_minutes: bool = True,
) -> Iterator[Sources]:
    """What answers questions about this span: the summary, or the readings alone.

    These are read alone if parts are no whole minutes (`by_minutes` is False), or if readings up to
    an id are wanted that is summarised already.
    """
    has_summary = database.has("summarised")
    with database.snapshot() as cursor:
        upto = mark(cursor) if by_minutes and has_summary else 0
        if below_id is not None and below_id <= upto:
            upto = 0
        chosen = None if tags is None else tuple(tags)
        yield Sources(cursor, upto, chosen, since, until, below_id, database.columns)


# -- checking it ----------------------------------------------------------------------

_COMPARED = (
    "tag, minute, source, sum(readings) AS readings, sum(good) AS good, sum(drawn) AS drawn,"
    " sum(flagged) AS flagged, sum(marked) AS marked, sum(doubtful) AS doubtful, max(learned) AS learned,"
    " min(first) AS first, max(last) AS last, min(good_low) AS good_low, max(good_high) AS good_high,"
    " min(time_first) AS time_first, max(time_last) AS time_last,"
    " min(value_low) AS value_low, max(value_high) AS value_high,"
    " sum(good * mean) AS total, sum(squares + good * mean * mean) AS squares"
)
_EXACT = (
    *("readings", "good", "drawn", "flagged", "marked", "doubtful", "learned", "first", "last"),
    *("good_low", "good_high", "time_first", "time_last", "value_low", "value_high"),
)
_NEAR = ("total", "squares")


def differing(database: Database) -> int:
    """How many minutes of the summary do not agree with the readings, recounted day by day."""
    if not database.has("summarised"):
        return 0
    differ = " OR ".join(
        [
            *(f"a.{name} IS DISTINCT FROM b.{name}" for name in _EXACT),
            *(f"abs(a.{name} - b.{name}) > 1e-6 * (abs(a.{name}) + abs(b.{name}))" for name in _NEAR),
        ]
    )
    kept = f"SELECT {_COMPARED} FROM minutes WHERE minute >= ? AND minute < ? GROUP BY tag, minute, source"
    counted = f"SELECT {_COMPARED} FROM ({_OF_MINUTES.format(where='time >= ? AND time < ? AND id <= ?')})"
    query = (
        f"SELECT count(*) FROM ({kept}) AS a FULL JOIN ({counted} GROUP BY tag, minute, source) AS b"
        f" ON a.tag = b.tag AND a.minute = b.minute AND a.source = b.source WHERE {differ}"
    )
    marks = (
        "SELECT count(*) FROM (SELECT id FROM marked WHERE time >= ? AND time < ?) AS a FULL JOIN"
        f" (SELECT id FROM ({_MARKED.format(where='time >= ? AND time < ? AND id <= ?')})) AS b"
        " ON a.id = b.id WHERE a.id IS NULL OR b.id IS NULL"
    )
    count = 0
    with database.snapshot() as cursor:
        upto = mark(cursor)
        days = cursor.execute(
            "SELECT epoch_us(day) FROM (SELECT date_trunc('day', minute) AS day FROM minutes"
            " UNION SELECT date_trunc('day', time) FROM marked"
            " UNION SELECT date_trunc('day', time) FROM readings WHERE id <= ?) ORDER BY 1",
            [upto],
        ).fetchall()
        for (day,) in days:
            span = [naive(day), naive(day + DAY)]
            for each in (query, marks):
                count += int(cursor.execute(each, [*span, *span, upto]).fetchall()[0][0])
    return count
