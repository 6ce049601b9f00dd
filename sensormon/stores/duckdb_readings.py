"""Queries on readings in the DuckDB store. See `sensormon.stores.readings`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from sensormon.model.clock import MINUTE
from sensormon.model.readings import OwnScore
from sensormon.model.timestamps import micros
from sensormon.stores import duckdb_histories, duckdb_stream
from sensormon.stores.columns import OWN_FROM, own_of
from sensormon.stores.duckdb_database import Database
from sensormon.stores.duckdb_flagged import Flagged
from sensormon.stores.duckdb_queries import LEARNED, among, bounded, condition_of, naive
from sensormon.stores.duckdb_retention import has_rollups
from sensormon.stores.duckdb_stream import Deletions
from sensormon.stores.duckdb_summary import EVER, sources
from sensormon.stores.pieces import begun
from sensormon.stores.readings import FLAG, FlagsUntil, LastArrival, TagHistory

_FEW_FLAGS = 10_000
"""DuckDB finds the newest ones, if they are no more than this, without sorting whole rows."""
_REJECTED = "received, source, position, tag, time, value, reason, detail"


class DuckDBReadings:
    """`deletions` has the days whose readings are deleted during a stream; `flagged` finds those flagged."""

    def __init__(self, database: Database, deletions: Deletions, flagged: Flagged) -> None:
        self._database = database
        self._deletions = deletions
        self._flagged = flagged

    # -- spans --------------------------------------------------------------------

    def frame(
        self,
        tags: Sequence[str] | None,
        since: int,
        until: int,
        *,
        below_id: int | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        where, values = condition_of(tags, since, until, below_id)
        if limit is None:
            query = f"SELECT {self._database.columns} FROM readings WHERE {where}"
            return _framed(self._in_order(query, values))
        return self._newest(where, values, limit)

    def _newest(
        self, where: str, values: list[object], limit: int, highest: int | None = None
    ) -> pd.DataFrame:
        """The newest `limit` readings of this condition, by id; for `highest` see `duckdb_stream.newest`."""
        first, _ = duckdb_stream.newest(self._database, "readings", where, values, limit, highest)
        query = f"SELECT {self._database.columns} FROM readings WHERE {where} AND id >= ?"
        rows = self._in_order(query, [*values, first])
        return _framed(rows.slice(max(0, rows.num_rows - limit)))

    def _in_order(self, query: str, values: list[object]) -> pa.Table:
        """The result of this query, by id. The table is nearly so, and sorting takes longer than reading."""
        rows = self._database.table(query, values)
        return rows if (np.diff(rows["id"].to_numpy()) > 0).all() else rows.sort_by("id")

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
        where, values = condition_of(tags, since, until, below_id)
        rows, seen, first = self._rows(anomalies), self._deletions.seen(), -1
        if limit is not None:
            first, earliest = duckdb_stream.newest(self._database, rows, where, values, limit)
            since = max(since, earliest)
            if limit <= duckdb_stream.PIECE:
                columns = self._database.columns_and_own
                query = f"SELECT {columns} FROM {rows} WHERE {where} AND id >= ? ORDER BY id DESC LIMIT ?"
                query, values = f"SELECT * FROM ({query}) ORDER BY id", [*values, first, limit]
                return iter([self._database.table(query, values)])
        pieces = duckdb_stream.by_id(self._database, rows, where, values, first)
        return begun(self._deletions.watched(pieces, seen, tags, since, until), self._nothing)

    def stream_by_time(
        self,
        tags: Sequence[str] | None,
        since: int,
        until: int,
        *,
        below_id: int | None = None,
        anomalies: bool = False,
    ) -> Iterator[pa.Table]:
        where, values = condition_of(tags, since, until, below_id)
        rows, seen = self._rows(anomalies), self._deletions.seen()
        pieces = duckdb_stream.by_time(self._database, rows, where, values, since, until)
        return begun(self._deletions.watched(pieces, seen, tags, since, until), self._nothing)

    def _rows(self, anomalies: bool) -> str:
        return self._flagged.rows() if anomalies else "readings"

    def _nothing(self) -> pa.Table:
        return self._database.table(f"SELECT {self._database.columns_and_own} FROM readings LIMIT 0")

    def lead(self, tag: str, before_id: int, rows: int) -> pd.DataFrame:
        return self._newest(f"tag = ? AND {LEARNED} AND id < ?", [tag, before_id], rows, before_id - 1)

    def anomalies(
        self,
        tags: Sequence[str] | None,
        since: int,
        until: int,
        min_score: float = 0.0,
        limit: int = 10_000,
    ) -> pd.DataFrame:
        where, values = bounded(tags, since, until)
        where, values, rows = f"{where} AND score >= ?", [*values, min_score], self._flagged.rows()
        query = f"SELECT {self._database.columns} FROM {rows} WHERE "
        if limit <= _FEW_FLAGS:
            newest = f"{query} {where} ORDER BY time DESC, id DESC LIMIT ?"
            return _framed(self._database.table(newest, [*values, limit]))
        where, values = self._newest_by_time(rows, where, values, limit)
        flagged = self._database.table(query + where, values)
        times, ids = (flagged[name].cast(pa.int64()).to_numpy() for name in ("time", "id"))
        return _framed(flagged.take(pa.array(np.lexsort((ids, times))[::-1][:limit])))

    def flags(
        self,
        tags: Sequence[str] | None,
        since: int,
        until: int,
        *,
        above: int,
        upto: int,
        limit: int,
    ) -> pa.Table:
        where, values = bounded(tags, since, until)
        where, values, rows = f"{where} AND id > ? AND id <= ?", [*values, above, upto], self._flagged.rows()
        if above < 0:
            where, values = self._newest_by_time(rows, where, values, limit)
        columns = ", ".join(FLAG).replace("time", "epoch_us(time) AS time", 1)
        query = f"SELECT {columns} FROM (SELECT {self._database.columns} FROM {rows} WHERE {where})"
        return self._database.table(query, values)

    def _newest_by_time(
        self, rows: str, where: str, values: list[object], limit: int
    ) -> tuple[str, list[object]]:
        """The condition, narrowed to the newest `limit` by time, and others of the time of the oldest."""
        query = f"SELECT time FROM {rows} WHERE {where} ORDER BY time DESC LIMIT 1 OFFSET ?"
        oldest = self._database.rows(query, [*values, limit - 1])
        return (f"{where} AND time >= ?", [*values, oldest[0][0]]) if oldest else (where, values)

    def flags_until(self) -> FlagsUntil:
        rewritten = self._flagged.rewritten  # before the rest, or a change between the two could slip through
        ((next_id,),) = self._database.rows("SELECT coalesce(max(next_id), 1) FROM watermarks")
        last = int(next_id) - 1  # ids are counted, whichever journal they are in
        return FlagsUntil({"": last}, last, rewritten)

    def own(self, ids: Collection[int]) -> dict[int, tuple[OwnScore, ...]]:
        if not ids:
            return {}
        table = self._database.table(
            f"SELECT {self._database.columns_and_own} FROM readings "
            "WHERE id >= ? AND id <= ? AND id IN (SELECT unnest(?::BIGINT[]))",
            [min(ids), max(ids), list(ids)],
        )
        return {row["id"]: own_of(row) for row in table.select(list(OWN_FROM)).to_pylist()}

    # -- counts -------------------------------------------------------------------

    def count(self, tags: Sequence[str] | None, since: int, until: int, *, anomalies: bool = False) -> int:
        with sources(self._database, tags, since, until) as answered:
            column = "flagged" if anomalies else "readings"
            (count,) = answered.aggregates(f"coalesce(sum({column}), 0)::BIGINT")
        return int(count)

    def live_anomalies(self, since: int, tags: Sequence[str] | None = None) -> int:
        query = f"SELECT count(*) FROM {self._flagged.rows()} WHERE time >= ? AND origin <> 'import'"
        values: list[object] = [naive(since)]
        if tags is not None:
            of_tags, names = among(tags)
            query, values = f"{query} AND {of_tags}", [*values, *names]
        ((count,),) = self._database.rows(query, values)
        return int(count)

    def outside(self, tag: str, since: int, until: int, low: float, high: float) -> tuple[int, int]:
        where, values = bounded([tag], since, until)
        ((beyond, whole),) = self._database.rows(
            f"SELECT count(*) FILTER (value < ? OR value > ?), count(*) FROM readings WHERE {where}",
            [low, high, *values],
        )
        return int(beyond), int(whole)

    def first_time(self, since: int, until: int, tags: Sequence[str] | None = None) -> int | None:
        with sources(self._database, tags, since, until) as answered:
            (time,) = answered.aggregates("epoch_us(min(first))")
        return None if time is None else int(time)

    def activity(self, since: int, until: int, width: int) -> pd.DataFrame:
        by_minutes = since % MINUTE == width % MINUTE == 0
        with sources(self._database, None, since, until, by_minutes=by_minutes) as answered:
            query, values = answered.rows(f"(epoch_us({{time}}) - {since}) // {width}")
            return answered.frame(
                "SELECT tag, part, sum(readings)::BIGINT AS readings, sum(flagged)::BIGINT AS flagged,"
                f" sum(doubtful)::BIGINT AS doubtful FROM {query} GROUP BY ALL ORDER BY ALL",
                values,
            )

    def peaks(self, since: int, until: int, *, below_id: int | None = None) -> pd.DataFrame:
        where, values = bounded(None, since, until)
        below, highest = ("", []) if below_id is None else (" AND id < ?", [below_id])
        return self._database.frame(
            "SELECT tag, count_if(is_anomaly)::BIGINT AS flagged, max(score) AS score"
            f" FROM readings WHERE {where}{below} GROUP BY tag ORDER BY tag",
            [*values, *highest],
        )

    def summary(self, since: int, until: int) -> pd.DataFrame:
        with sources(self._database, None, since, until) as answered:
            query, values = answered.rows("0")
            parts = (
                "SELECT tag, readings, flagged, learned, epoch_us(first) AS first, epoch_us(last) AS last"
                f" FROM {query}"
            )
            if has_rollups(self._database):
                parts += (
                    " UNION ALL SELECT tag, count - kept, 0, 0, epoch_us(minute), epoch_us(minute)"
                    " FROM rollups WHERE minute >= ? AND minute < ?"
                )
                values = [*values, naive(since), naive(until)]
            return answered.frame(
                "SELECT tag, sum(readings)::BIGINT AS readings, sum(flagged)::BIGINT AS flagged,"
                " max(learned)::BIGINT AS learned, min(first) AS first, max(last) AS last"
                f" FROM ({parts}) GROUP BY tag ORDER BY tag",
                values,
            )

    # -- tags ---------------------------------------------------------------------

    def tags(self) -> list[str]:
        rolled = " UNION SELECT DISTINCT tag FROM rollups" if has_rollups(self._database) else ""
        with sources(self._database, None, *EVER) as answered:
            query, values = answered.rows("0")
            rows = answered.cursor.execute(
                f"SELECT DISTINCT tag FROM {query}{rolled} ORDER BY tag", values
            ).fetchall()
        return [tag for (tag,) in rows]

    def live_tags(self) -> list[str]:
        return [tag for (tag,) in self._database.rows("SELECT tag FROM latest ORDER BY tag")]

    def histories(self, limit: int, tags: Collection[str] | None = None) -> list[TagHistory]:
        return duckdb_histories.histories(self._database, limit, tags)

    def last_arrivals(self) -> dict[str, LastArrival]:
        frame = self._database.frame(
            "SELECT tag, received, time, source FROM readings WHERE origin = 'live'"
            " AND id >= (SELECT min(id) FROM latest) AND id IN (SELECT id FROM latest)"
        )
        columns = frame["tag"], micros(frame["received"]), micros(frame["time"]), frame["source"]
        return {
            str(tag): LastArrival(int(received), int(time), str(source))
            for tag, received, time, source in zip(*columns, strict=True)
        }

    # -- other than readings -----------------------------------------------------

    def rejected(self, limit: int) -> pd.DataFrame:
        return self._database.frame(
            "SELECT received, source, tag, time, value, reason, detail FROM rejected "
            "ORDER BY received DESC, position DESC LIMIT ?",
            [limit],
            times=("received",),
        )

    def stream_rejected(self, tags: Sequence[str] | None, since: int, until: int) -> Iterator[pa.Table]:
        where, values = bounded(tags, since, until, "received")
        pieces = duckdb_stream.by_arrival(self._database, "rejected", _REJECTED, where, values)
        return begun(pieces, lambda: self._database.table(f"SELECT {_REJECTED} FROM rejected LIMIT 0"))

    def injected_faults(self, since: int, until: int) -> pd.DataFrame:
        return self._database.frame(
            "SELECT tag, time, fault FROM injected_faults WHERE time >= ? AND time < ? ORDER BY time",
            [naive(since), naive(until)],
        )


def _framed(rows: pa.Table) -> pd.DataFrame:
    """As a frame: by way of Arrow words take a fifth of the time."""
    frame: pd.DataFrame = rows.to_pandas()
    return frame
