"""The store in a DuckDB file.

One connection, one cursor a call. A commit is on disk when it returns; replay of what
the journal holds beyond the watermark covers the cases in which DuckDB's own write-ahead
file loses its tail.

What it is not: shared. DuckDB lets no second process open the file, even to read.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from sensormon.model.entries import Annotation, DetectorSettings, KeptAnswer, Record
from sensormon.model.errors import RowsRefused, StoreCorrupt, StoreUnavailable
from sensormon.stores import duckdb_counts as counts
from sensormon.stores import duckdb_kept as kept
from sensormon.stores import duckdb_retention as retention
from sensormon.stores.columns import row_ids
from sensormon.stores.duckdb_connection import (
    bounded,
    connect,
    free_name,
    microseconds,
    of_span,
    roll_back,
    wal,
)
from sensormon.stores.duckdb_errors import translated
from sensormon.stores.duckdb_rows import (
    ANNOTATIONS,
    add_to_totals,
    arrow_pieces,
    insert_all,
    insert_readings,
    naive,
    next_id,
    watermark,
)
from sensormon.stores.duckdb_spans import DuckDBSpans
from sensormon.stores.duckdb_stream import BY_ID, BY_TIME, Deletions, Order, readings_in_order
from sensormon.stores.protocol import Accounts, Recount, TagHistory, Watermark
from sensormon.stores.retention import Arrivals, Due, Space

_COLUMNS = (
    "id, tag, time, received, value, quality, n, score, expected, lower, upper, "
    "is_anomaly, settings, source, origin"
)
_REJECTED = "received, source, position, tag, time, value, reason, detail"
_TIMES = ("time", "received", "applied")


class DuckDBStore:
    """See `sensormon.stores.Store`. `path` is the database file; `read_only` neither makes nor changes it."""

    name = "DuckDB"

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._read_only = read_only
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._leaving: list[duckdb.DuckDBPyConnection] = []
        self._inode = 0
        self._harm: StoreCorrupt | None = None
        self._deletions = Deletions()
        self.spans = DuckDBSpans(self._frame, _COLUMNS)

    # -- connection ---------------------------------------------------------------

    def open(self) -> None:
        with self._lock:
            if self._connection is not None:
                return
            self._let_go()
            if self._leaving:  # opened now, DuckDB would go on with the old file
                raise StoreUnavailable(
                    "a reader still uses the old connection",
                    where=str(self.path),
                    hint="It is tried again by itself",
                )
            with translated(self.path, "open"):
                connection = connect(self.path, self._read_only)
            if not self._read_only:
                with translated(self.path, "make the tables"):
                    connection.execute(files("sensormon.stores").joinpath("schema.sql").read_text())
            self._inode = os.stat(self.path).st_ino
            self._connection = connection

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._leaving.append(self._connection)
                self._connection = None
            self._let_go()

    def _let_go(self) -> None:
        """Close what is to be closed; a connection that a reader still uses stays for the next try."""
        for connection in list(self._leaving):
            try:
                connection.close()
            except duckdb.ResourceInUseException:
                continue
            self._leaving.remove(connection)

    def set_aside(self) -> str:
        self.close()
        self._harm = None
        target = free_name(self.path)
        for path in (self.path, wal(self.path)):
            if path.exists():
                path.rename(target.with_name(path.name.replace(self.path.name, target.name)))
        return str(target)

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if self._connection is None:
                raise StoreUnavailable(
                    "the database is not open",
                    where=str(self.path),
                    hint="It is tried again by itself; the Pipeline page shows when",
                )
            return self._connection.cursor()

    def _check_file(self) -> None:
        if self._harm is not None:
            raise self._harm
        try:
            inode = os.stat(self.path).st_ino
        except FileNotFoundError:
            inode = -1
        except OSError as error:
            raise StoreUnavailable(str(error), where=str(self.path), hint="Check the disk") from error
        if inode != self._inode:
            raise StoreCorrupt(
                "the database file was deleted or replaced while it was in use",
                where=str(self.path),
                hint="It is made anew from the journal",
            )

    # -- writing ------------------------------------------------------------------

    def load(self, writer: str, records: Sequence[Record], without: Collection[int] = ()) -> None:
        self._check_file()
        with self._transaction("load") as cursor:
            mark = watermark(cursor, writer)
            fresh = [r for r in records if mark is None or r.number > mark.number]
            if not fresh:
                return
            insert_all(cursor, fresh, without)
            add_to_totals(cursor, writer, fresh, without)
            following = max([mark.next_id if mark else 1, *(next_id(r) for r in fresh)])
            cursor.execute(
                "INSERT INTO watermarks VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET number = excluded.number, next_id = excluded.next_id",
                [writer, fresh[-1].number, following],
            )

    def refused_rows(self, record: Record) -> dict[int, str]:
        refused: dict[int, str] = {}
        ids = row_ids(record)
        for one in ids:
            others = [other for other in ids if other != one]
            try:
                with self._transaction("try a row", commit=False) as cursor:
                    insert_readings(cursor, [record], others)
            except RowsRefused as error:
                refused[one] = error.what
        return refused

    def store_row(self, record: Record) -> None:
        self._check_file()
        with self._transaction("load a dead letter") as cursor:
            ids = row_ids(record)
            there = cursor.execute("SELECT 1 FROM readings WHERE id = ? LIMIT 1", [ids[0]]).fetchall()
            if not there:
                insert_readings(cursor, [record], ())
                add_to_totals(cursor, "", [record], ())

    def checkpoint(self) -> None:
        self._check_file()
        cursor = self._cursor()
        with self._writing, translated(self.path, "checkpoint"):
            cursor.execute("CHECKPOINT")

    def due(self, before: int, keep: int) -> list[Due]:
        return retention.due(self._rows, before, keep)

    def roll_up(self, one: Due) -> int:
        self._check_file()
        with self._deletions.of(one.tag, one.day), self._transaction("roll up") as cursor:
            return retention.roll_up(cursor, one)

    def rollups(self, tags: Sequence[str] | None, since: int, until: int) -> pd.DataFrame:
        return retention.rollups(self._frame, tags, since, until)

    def rolled_up(self) -> pd.DataFrame:
        return retention.rolled_up(self._rows, self._frame)

    def rolled_until(self, tag: str) -> int | None:
        return retention.rolled_until(self._rows, tag)

    def space(self) -> Space:
        return retention.space(self._rows, self.path)

    def arrivals(self, since: int) -> Arrivals:
        return retention.arrivals(self._rows, since)

    @contextmanager
    def _transaction(self, operation: str, commit: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self._cursor()
        # A checkpoint beside a transaction that writes is refused, and would look like a fault.
        with self._writing if commit else nullcontext(), translated(self.path, operation):
            cursor.begin()
            try:
                yield cursor
            except BaseException:
                roll_back(cursor)
                raise
            if commit:
                cursor.commit()
            else:
                cursor.rollback()

    # -- reading ------------------------------------------------------------------

    def watermark(self, writer: str) -> Watermark | None:
        cursor = self._cursor()
        with translated(self.path, "read the watermark"):
            return watermark(cursor, writer)

    def tags(self) -> list[str]:
        return retention.tags(self._rows)

    def next_id(self) -> int:
        (highest,) = self._rows(
            "SELECT greatest(coalesce((SELECT max(next_id) FROM watermarks), 1),"
            " coalesce((SELECT max(id) + 1 FROM latest), 1))"
        )[0]
        return int(highest)

    def accounts(self) -> Accounts:
        received: dict[str, dict[str, int]] = {}
        with self._transaction("read the accounts", commit=False) as cursor:
            positions = dict(cursor.execute("SELECT writer, number FROM watermarks").fetchall())
            totals = cursor.execute("SELECT writer, source, received FROM received_totals").fetchall()
            stored = dict(cursor.execute("SELECT source, stored FROM stored_totals").fetchall())
            rejected = cursor.execute("SELECT source, reason, rejected FROM rejected_totals").fetchall()
        for writer, source, count in totals:
            received.setdefault(writer, {})[source] = count
        return Accounts(
            positions=positions,
            received=received,
            stored=stored,
            rejected={(source, reason): count for source, reason, count in rejected},
        )

    def tag_histories(self, limit: int) -> list[TagHistory]:
        learned = dict(self._rows("SELECT tag, n FROM latest"))
        newest = (
            "SELECT tag, time, value, quality, id FROM readings WHERE origin <> 'import' AND {where} "
            "QUALIFY row_number() OVER (PARTITION BY tag, quality >> 30 = 0 ORDER BY id DESC) <= ? "
            "ORDER BY id"
        )
        # Most tags have their newest rows at the end of the table; only the others need a full scan.
        reach = limit * max(1, len(learned)) * 2
        frame = self._frame(newest.format(where="id > (SELECT max(id) FROM latest) - ?"), [reach, limit])
        good = frame["quality"].to_numpy(dtype=np.int64) >> 30 == 0
        counts = frame.loc[good, "tag"].value_counts()
        short = [tag for tag, n in learned.items() if counts.get(tag, 0) < min(n, limit)]
        if short:
            more = self._frame(newest.format(where="tag IN (SELECT unnest(?))"), [short, limit])
            frame = pd.concat([frame[~frame["tag"].isin(short)], more])
        return [
            TagHistory(
                tag=str(tag),
                n=int(learned.get(str(tag), len(rows))),
                time=microseconds(rows["time"]),
                value=rows["value"].to_numpy(dtype=np.float64),
                learned=(rows["quality"].to_numpy(dtype=np.int64) >> 30) == 0,
            )
            for tag, rows in frame.groupby("tag", sort=False)
        ]

    def readings(
        self,
        tags: Sequence[str] | None,
        since: int,
        until: int,
        *,
        below_id: int | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        query, values = of_span(_COLUMNS, tags, since, until, below_id)
        query += " ORDER BY id"
        if limit is not None:
            query = f"SELECT * FROM ({query} DESC LIMIT ?) ORDER BY id"  # noqa: S608
            values.append(limit)
        return self._frame(query, values)

    def stream(
        self,
        tags: Sequence[str] | None,
        since: int,
        until: int,
        *,
        below_id: int | None = None,
        limit: int | None = None,
        anomalies: bool = False,
    ) -> Iterator[pa.Table]:
        if limit is None:
            return self._in_order(BY_ID, tags, since, until, below_id, anomalies)
        query, values = of_span(_COLUMNS, tags, since, until, below_id, anomalies)
        query = f"SELECT * FROM ({query} ORDER BY id DESC LIMIT ?) ORDER BY id"  # noqa: S608
        return arrow_pieces(self._cursor(), query, [*values, limit], self._reading)

    def stream_by_time(
        self,
        tags: Sequence[str] | None,
        since: int,
        until: int,
        *,
        below_id: int | None = None,
        anomalies: bool = False,
    ) -> Iterator[pa.Table]:
        return self._in_order(BY_TIME, tags, since, until, below_id, anomalies)

    def _in_order(
        self,
        order: Order,
        tags: Sequence[str] | None,
        since: int,
        until: int,
        below_id: int | None,
        anomalies: bool,
    ) -> Iterator[pa.Table]:
        query, values = of_span(_COLUMNS, tags, since, until, below_id, anomalies)
        return self._deletions.watched(
            tags, since, until, lambda: readings_in_order(self._cursor, query, values, self._reading, order)
        )

    def count(self, tags: Sequence[str] | None, since: int, until: int, *, anomalies: bool = False) -> int:
        where, values = bounded(tags, since, until)
        flagged = " AND is_anomaly" if anomalies else ""
        return int(self._rows(f"SELECT count(*) FROM readings WHERE {where}{flagged}", values)[0][0])  # noqa: S608

    def stream_rejected(self, tags: Sequence[str] | None, since: int, until: int) -> Iterator[pa.Table]:
        where, values = bounded(tags, since, until, "received")
        query = f"SELECT {_REJECTED} FROM rejected WHERE {where}"  # noqa: S608
        return arrow_pieces(self._cursor(), query, values, self._reading)

    def lead(self, tag: str, before_id: int, rows: int) -> pd.DataFrame:
        query = (
            f"SELECT * FROM (SELECT {_COLUMNS} FROM readings WHERE tag = ? AND id < ? AND quality >> 30 = 0 "  # noqa: S608
            "ORDER BY id DESC LIMIT ?) ORDER BY id"
        )
        return self._frame(query, [tag, before_id, rows])

    def anomalies(
        self, tags: Sequence[str] | None, since: int, until: int, min_score: float, limit: int
    ) -> pd.DataFrame:
        where, values = bounded(tags, since, until)
        return self._frame(
            f"SELECT {_COLUMNS} FROM readings WHERE {where} AND is_anomaly AND score >= ? "  # noqa: S608
            "ORDER BY time DESC, id DESC LIMIT ?",
            [*values, min_score, limit],
        )

    def live_anomalies(self, since: int, tags: Sequence[str] | None = None) -> int:
        return counts.live_anomalies(self._rows, since, tags)

    def live_tags(self) -> list[str]:
        return counts.live_tags(self._rows)

    def outside(self, tag: str, since: int, until: int, low: float, high: float) -> tuple[int, int]:
        return counts.outside(self._rows, tag, since, until, low, high)

    def first_time(self, since: int, until: int) -> int | None:
        return counts.first_time(self._rows, since, until)

    def activity(self, since: int, until: int, width: int) -> pd.DataFrame:
        return counts.activity(self._frame, since, until, width)

    def rejected(self, limit: int) -> pd.DataFrame:
        return self._frame(
            "SELECT received, source, tag, time, value, reason, detail FROM rejected "
            "ORDER BY received DESC, position DESC LIMIT ?",
            [limit],
            times=("received",),
        )

    def injected_faults(self, since: int, until: int) -> pd.DataFrame:
        return self._frame(
            "SELECT tag, time, fault FROM injected_faults WHERE time >= ? AND time < ? ORDER BY time",
            [naive(since), naive(until)],
        )

    def detector_settings(self) -> list[DetectorSettings]:
        return kept.detector_settings(self._rows)

    def event_actions(self, first: int, last: int) -> pd.DataFrame:
        return self._frame(
            "SELECT * FROM event_actions WHERE reading BETWEEN ? AND ? ORDER BY time, number, reading",
            [first, last],
            times=("time", "until"),
        )

    def annotations(self) -> list[Annotation]:
        return [Annotation(one, s, u, tuple(t), *rest) for one, s, u, t, *rest in self._rows(ANNOTATIONS)]

    def kept_answers(self, limit: int) -> list[KeptAnswer]:
        return kept.kept_answers(self._rows, limit)

    def drop_answers(self, before: int) -> None:
        self._check_file()
        with self._transaction("drop old answers") as cursor:
            kept.drop_answers(cursor, before)

    def answers_to(self, prefix: str) -> list[KeptAnswer]:
        return kept.answers_to(self._rows, prefix)

    def known_keys(self, prefix: str) -> frozenset[str]:
        return kept.known_keys(self._rows, prefix)

    def recount(self) -> Recount:
        ((rows, distinct),) = self._rows("SELECT count(*), count(DISTINCT id) FROM readings")
        return Recount(
            rows=rows,
            distinct_ids=distinct,
            stored=dict(self._rows("SELECT source, count(*) FROM readings GROUP BY source")),
            rejected=dict(self._rows("SELECT source, count(*) FROM rejected GROUP BY source")),
            rolled_up=retention.gone(self._rows),
        )

    def values_between(self, first: int, stop: int) -> Mapping[int, float]:
        return dict(self._rows("SELECT id, value FROM readings WHERE id >= ? AND id < ?", [first, stop]))

    def scrub(self) -> None:
        for table in (
            "readings",
            "rollups",
            "counted_readings",
            "rejected",
            "injected_faults",
            "detector_settings",
            "event_actions",
            "annotations",
            "latest",
        ):
            self._rows(f"SELECT bit_xor(hash(one)) FROM {table} AS one")  # noqa: S608

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """A reader that meets harm leaves word for the loader, which alone may set the file aside."""
        try:
            with translated(self.path, "read"):
                yield
        except StoreCorrupt as error:
            self._harm = error
            raise

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        cursor = self._cursor()
        with self._reading():
            return cursor.execute(query, list(values)).fetchall()

    def _frame(self, query: str, values: Sequence[object], times: Collection[str] = _TIMES) -> pd.DataFrame:
        cursor = self._cursor()
        with self._reading():
            frame = cursor.execute(query, list(values)).df()
        for column in frame.columns.intersection(list(times)):
            frame[column] = frame[column].astype("datetime64[us]").dt.tz_localize("UTC")
        return frame
