"""Queries on readings in the PostgreSQL store. See `sensormon.stores.readings`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta

import pandas as pd
import pyarrow as pa

from sensormon.model.readings import OwnScore
from sensormon.model.timestamps import FOREVER
from sensormon.model.timestamps import micros as micros_of
from sensormon.stores import postgresql_histories, postgresql_stream
from sensormon.stores.columns import OWN_FROM, own_of
from sensormon.stores.pieces import begun
from sensormon.stores.postgresql_database import Database
from sensormon.stores.postgresql_queries import COLUMNS, LEARNED, bounded, condition_of, micros, moment
from sensormon.stores.postgresql_stream import watched
from sensormon.stores.readings import FLAG, FlagsUntil, LastArrival, TagHistory

_REJECTED = "received, source, position, tag, time, value, reason, detail"


class PostgreSQLReadings:
    def __init__(self, database: Database) -> None:
        self._database = database

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
        if limit is not None:
            return self._newest(where, values, limit)
        return self._database.frame(f"SELECT {COLUMNS} FROM readings WHERE {where} ORDER BY id", values)

    def _newest(self, where: str, values: list[object], limit: int) -> pd.DataFrame:
        """The newest `limit` readings of this condition, by id."""
        newest = f"SELECT {COLUMNS} FROM readings WHERE {where} ORDER BY id DESC LIMIT %s"
        return self._database.frame(f"SELECT * FROM ({newest}) AS newest ORDER BY id", [*values, limit])

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
        if anomalies:
            where += " AND is_anomaly"
        seen, first = postgresql_stream.seen(self._database), -1
        if limit is not None:
            first, earliest = self._beginning(where, values, limit)
            since = max(since, earliest)
            if limit <= postgresql_stream.PIECE:
                newest = f"{where} AND id >= %s ORDER BY id DESC LIMIT %s"
                piece = postgresql_stream.readings(self._database, newest, [*values, first, limit])
                return iter([piece.take(pa.array(range(piece.num_rows - 1, -1, -1), pa.int64()))])
        pieces = postgresql_stream.by_id(self._database, where, values, first)
        return begun(watched(self._database, pieces, seen, tags, since, until), self._nothing)

    def _beginning(self, where: str, values: list[object], limit: int) -> tuple[int, int]:
        """Of the newest `limit` readings of this condition, the lowest id and the earliest time (µs UTC)."""
        ((first, time),) = self._database.rows(
            f"SELECT coalesce(min(id), 0), coalesce({micros('min(time)')}, 0)"
            f" FROM (SELECT id, time FROM readings WHERE {where} ORDER BY id DESC LIMIT %s) AS newest",
            [*values, limit],
        )
        return int(first), int(time)

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
        if anomalies:
            where += " AND is_anomaly"
        seen = postgresql_stream.seen(self._database)
        pieces = postgresql_stream.by_time(self._database, where, values, since, until)
        return begun(watched(self._database, pieces, seen, tags, since, until), self._nothing)

    def _nothing(self) -> pa.Table:
        return postgresql_stream.readings(self._database, "false", [])

    def lead(self, tag: str, before_id: int, rows: int) -> pd.DataFrame:
        return self._newest(f"tag = %s AND {LEARNED} AND id < %s", [tag, before_id], rows)

    def anomalies(
        self,
        tags: Sequence[str] | None,
        since: int,
        until: int,
        min_score: float = 0.0,
        limit: int = 10_000,
    ) -> pd.DataFrame:
        where, values = bounded(tags, since, until)
        return self._database.frame(
            f"SELECT {COLUMNS} FROM readings WHERE {where} AND is_anomaly AND score >= %s"
            " ORDER BY time DESC, id DESC LIMIT %s",
            [*values, min_score, limit],
        )

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
        where, values = f"{where} AND is_anomaly AND id > %s AND id <= %s", [*values, above, upto]
        if above < 0:
            oldest = self._database.rows(
                f"SELECT time FROM readings WHERE {where} ORDER BY time DESC LIMIT 1 OFFSET %s",
                [*values, limit - 1],
            )
            if oldest:
                where, values = f"{where} AND time >= %s", [*values, oldest[0][0]]
        columns = ", ".join(FLAG)
        table = self._database.table(f"SELECT {columns} FROM readings WHERE {where}", values)
        place = table.schema.get_field_index("time")
        return table.set_column(place, "time", table.column("time").cast(pa.int64()))

    def flags_until(self) -> FlagsUntil:
        with self._database.snapshot() as cursor:
            positions = dict(cursor.execute("SELECT writer, next_id - 1 FROM watermarks").fetchall())
            ((stored, rewritten),) = cursor.execute(
                "SELECT (SELECT coalesce(sum(stored), 0)::bigint FROM stored_totals),"
                " (SELECT count(*) FROM rewritten WHERE tag IS NULL)"
            ).fetchall()
        return FlagsUntil(positions, stored, rewritten)

    def own(self, ids: Collection[int]) -> dict[int, tuple[OwnScore, ...]]:
        if not ids:
            return {}
        table = postgresql_stream.readings(self._database, "id = ANY(%s::bigint[])", [list(ids)])
        return {row["id"]: own_of(row) for row in table.select(list(OWN_FROM)).to_pylist()}

    # -- counts -------------------------------------------------------------------

    def count(self, tags: Sequence[str] | None, since: int, until: int, *, anomalies: bool = False) -> int:
        where, values = bounded(tags, since, until)
        if anomalies:
            where += " AND is_anomaly"
        return self._number(f"SELECT count(*) FROM readings WHERE {where}", values)

    def live_anomalies(self, since: int, tags: Sequence[str] | None = None) -> int:
        where, values = bounded(tags, since, FOREVER)
        query = f"SELECT count(*) FROM readings WHERE {where} AND is_anomaly AND origin <> 'import'"
        return self._number(query, values)

    def _number(self, query: str, values: list[object]) -> int:
        ((count,),) = self._database.rows(query, values)
        return int(count)

    def outside(self, tag: str, since: int, until: int, low: float, high: float) -> tuple[int, int]:
        where, values = bounded([tag], since, until)
        ((beyond, whole),) = self._database.rows(
            f"SELECT count(*) FILTER (WHERE value < %s OR value > %s), count(*) FROM readings WHERE {where}",
            [low, high, *values],
        )
        return int(beyond), int(whole)

    def first_time(self, since: int, until: int, tags: Sequence[str] | None = None) -> int | None:
        where, values = bounded(tags, since, until)
        ((time,),) = self._database.rows(f"SELECT {micros('min(time)')} FROM readings WHERE {where}", values)
        return None if time is None else int(time)

    def activity(self, since: int, until: int, width: int) -> pd.DataFrame:
        where, values = bounded(None, since, until)
        frame = self._database.frame(
            "SELECT tag, date_bin(%s, time, %s) AS part, count(*) AS readings,"
            " count(*) FILTER (WHERE is_anomaly) AS flagged,"
            " count(*) FILTER (WHERE quality >> 30 > 0) AS doubtful"
            f" FROM readings WHERE {where} GROUP BY 1, 2 ORDER BY 1, 2",
            [timedelta(microseconds=width), moment(since), *values],
        )
        frame["part"] = (micros_of(frame["part"]) - since) // width
        return frame

    def peaks(self, since: int, until: int, *, below_id: int | None = None) -> pd.DataFrame:
        where, values = condition_of(None, since, until, below_id)
        return self._database.frame(
            "SELECT tag, count(*) FILTER (WHERE is_anomaly) AS flagged, max(score) AS score"
            f" FROM readings WHERE {where} GROUP BY tag ORDER BY tag",
            values,
        )

    def summary(self, since: int, until: int) -> pd.DataFrame:
        where, values = bounded(None, since, until)
        of_minutes, of_span = bounded(None, since, until, "minute")
        frame = self._database.frame(
            "SELECT tag, sum(readings)::bigint AS readings, sum(flagged)::bigint AS flagged,"
            " max(learned)::bigint AS learned, min(first) AS first, max(last) AS last FROM ("
            "SELECT tag, count(*) AS readings, count(*) FILTER (WHERE is_anomaly) AS flagged,"
            " max(n) AS learned, min(time) AS first, max(time) AS last"
            f" FROM readings WHERE {where} GROUP BY tag"
            " UNION ALL SELECT tag, sum(count - kept), 0, 0, min(minute), max(minute)"
            f" FROM rollups WHERE {of_minutes} GROUP BY tag) AS parts GROUP BY tag ORDER BY tag",
            [*values, *of_span],
        )
        for name in ("first", "last"):
            frame[name] = micros_of(frame[name])
        return frame

    # -- tags ---------------------------------------------------------------------

    def tags(self) -> list[str]:
        # One step through the index a tag, in each partition: a count of all readings would take minutes.
        rows = self._database.rows(
            "WITH RECURSIVE tags AS ((SELECT tag FROM readings ORDER BY tag LIMIT 1)"
            " UNION ALL SELECT (SELECT tag FROM readings WHERE tag > tags.tag ORDER BY tag LIMIT 1)"
            " FROM tags WHERE tags.tag IS NOT NULL)"
            " SELECT tag FROM tags WHERE tag IS NOT NULL UNION SELECT DISTINCT tag FROM rollups"
        )
        return sorted(tag for (tag,) in rows)

    def live_tags(self) -> list[str]:
        return sorted(tag for (tag,) in self._database.rows("SELECT tag FROM latest"))

    def histories(self, limit: int, tags: Collection[str] | None = None) -> list[TagHistory]:
        return postgresql_histories.histories(self._database, limit, tags)

    def last_arrivals(self) -> dict[str, LastArrival]:
        rows = self._database.rows(
            f"SELECT latest.tag, {micros('r.received')}, {micros('r.time')}, r.source FROM latest"
            " JOIN readings AS r ON r.tag = latest.tag AND r.time = latest.time AND r.id = latest.id"
            " WHERE r.origin = 'live'"
        )
        return {tag: LastArrival(int(received), int(time), source) for tag, received, time, source in rows}

    # -- other than readings -----------------------------------------------------

    def rejected(self, limit: int) -> pd.DataFrame:
        return self._database.frame(
            "SELECT received, source, tag, time, value, reason, detail FROM rejected "
            "ORDER BY received DESC, position DESC LIMIT %s",
            [limit],
        )

    def stream_rejected(self, tags: Sequence[str] | None, since: int, until: int) -> Iterator[pa.Table]:
        where, values = bounded(tags, since, until, "received")
        pieces = postgresql_stream.by_arrival(self._database, "rejected", _REJECTED, where, values)
        nothing = f"SELECT {_REJECTED} FROM rejected LIMIT 0"
        return begun(pieces, lambda: self._database.table(nothing))

    def injected_faults(self, since: int, until: int) -> pd.DataFrame:
        where, values = bounded(None, since, until)
        return self._database.frame(
            f"SELECT tag, time, fault FROM injected_faults WHERE {where} ORDER BY time", values
        )
