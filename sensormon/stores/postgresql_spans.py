"""Queries on long spans of single tags in PostgreSQL. See `sensormon.stores.long_spans`.

Answers come from the readings themselves: the server counts and adds up, what is drawn is a sample where
DuckDB's is one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from sensormon.analysis.downsample import PARTS, Overview
from sensormon.analysis.grid import Cells
from sensormon.model.clock import MINUTE
from sensormon.model.readings import Floats, Ints
from sensormon.model.timestamps import micros as micros_of
from sensormon.stores.long_spans import MOST, SHARES, SIMULATED, Distribution, Outside
from sensormon.stores.postgresql_database import Database
from sensormon.stores.postgresql_overview import overviews
from sensormon.stores.postgresql_queries import GOOD, among, bounded, micros, moment
from sensormon.stores.samples import cells_of, histogram, quantiles, rows_of_tags, stretches_of

_CELLS = 2_000
"""Pieces of a span whose readings are counted, to spread a sample evenly over the readings."""
_ALL = (1 << 63) - 1
_CHANGES = """
WITH seen AS (
    SELECT id, time AS moment, value, least(quality >> 30, 2) AS kind,
        lag(value) OVER arrival AS value_before, lag(least(quality >> 30, 2)) OVER arrival AS kind_before
    FROM readings WHERE {where} AND id < %s WINDOW arrival AS (ORDER BY time, id)),
changed AS (
    SELECT moment, id, value, kind, date_bin(%s, moment, %s) AS part FROM seen
    WHERE value_before IS DISTINCT FROM value OR kind_before IS DISTINCT FROM kind),
placed AS (
    SELECT *, row_number() OVER (PARTITION BY part ORDER BY moment, id) AS place,
        row_number() OVER (PARTITION BY part ORDER BY moment DESC, id DESC) AS from_end FROM changed)
SELECT moment, value, kind FROM placed WHERE place = 1 OR from_end = 1 ORDER BY moment, id
"""


class PostgreSQLSpans:
    def __init__(self, database: Database) -> None:
        self._database = database

    def overview(
        self, tag: str, since: int, until: int, *, parts: int = PARTS, below_id: int | None = None
    ) -> Overview:
        return self.overviews([tag], since, until, parts=parts, below_id=below_id)[tag]

    def overviews(
        self, tags: Sequence[str], since: int, until: int, *, parts: int = PARTS, below_id: int | None = None
    ) -> dict[str, Overview]:
        return overviews(self._database, tags, since, until, parts, below_id)

    def changes(
        self, tag: str, since: int, until: int, width: int, *, below_id: int | None = None
    ) -> tuple[Ints, Floats, Ints]:
        where, values = bounded([tag], since, until)
        rows = self._database.frame(
            _CHANGES.format(where=where),
            [*values, _ALL if below_id is None else below_id, timedelta(microseconds=width), moment(0)],
        )
        return (
            micros_of(rows["moment"]),
            rows["value"].to_numpy(dtype=np.float64),
            rows["kind"].to_numpy(dtype=np.int64),
        )

    def extent(self, tags: Sequence[str] | None = None) -> tuple[int, int] | None:
        where, values = ("true", []) if tags is None else among(tags)
        ((first, last),) = self._database.rows(
            f"SELECT {micros('min(first)')}, {micros('max(last)')} FROM ("
            f"SELECT min(time) AS first, max(time) AS last FROM readings WHERE {where}"
            f" UNION ALL SELECT min(minute), max(minute) FROM rollups WHERE {where}) AS ends",
            [*values, *values],
        )
        return None if first is None else (int(first), int(last))

    def extents(self, tags: Sequence[str]) -> dict[str, tuple[int, int]]:
        where, values = among(tags)
        rows = self._database.rows(
            f"SELECT tag, {micros('min(first)')}, {micros('max(last)')} FROM ("
            f"SELECT tag, min(time) AS first, max(time) AS last FROM readings WHERE {where} GROUP BY tag"
            f" UNION ALL SELECT tag, min(minute), max(minute) FROM rollups WHERE {where} GROUP BY tag"
            ") AS ends GROUP BY tag",
            [*values, *values],
        )
        return {str(tag): (int(first), int(last)) for tag, first, last in rows}

    def simulated(self) -> dict[str, tuple[int, int]]:
        rows = self._database.rows(
            f"SELECT tag, {micros('min(first)')}, {micros('max(last)')} FROM ("
            f"SELECT tag, min(time) AS first, max(time) AS last FROM readings WHERE {SIMULATED} GROUP BY tag"
            f" UNION ALL SELECT tag, min(minute), max(minute) FROM rollups WHERE {SIMULATED} GROUP BY tag"
            ") AS ends GROUP BY tag ORDER BY tag",
        )
        return {str(tag): (int(first), int(last)) for tag, first, last in rows}

    def count(self, tag: str, since: int, until: int) -> int:
        where, values = bounded([tag], since, until)
        ((count,),) = self._database.rows(f"SELECT count(*) FROM readings WHERE {where} AND {GOOD}", values)
        return int(count)

    def stretches(self, tag: str, since: int, until: int, most: int) -> list[tuple[int, int]]:
        cell = max(MINUTE, -(-(until - since) // (_CELLS * MINUTE)) * MINUTE)
        where, values = bounded([tag], since, until)
        counts = self._database.frame(
            f"SELECT date_bin(%s, time, %s) AS part, count(*) AS good FROM readings WHERE {where} AND {GOOD}"
            " GROUP BY 1 ORDER BY 1",
            [timedelta(microseconds=cell), moment(0), *values],
        )
        part = micros_of(counts["part"]) // cell
        return stretches_of(part, counts["good"].to_numpy(dtype=np.int64), cell, since, until, most)

    def values(self, tag: str, stretches: Sequence[tuple[int, int]]) -> tuple[Ints, Floats]:
        return self.values_of([tag], stretches)[tag]

    def values_of(
        self, tags: Sequence[str], stretches: Sequence[tuple[int, int]]
    ) -> dict[str, tuple[Ints, Floats]]:
        if not stretches or not tags:
            return {tag: (np.zeros(0, dtype=np.int64), np.zeros(0)) for tag in tags}
        bounds = [bounded(tags, since, until) for since, until in stretches]
        pieces = " UNION ALL ".join(
            f"SELECT tag, id, time AS moment, value FROM readings WHERE {where} AND {GOOD}"
            for where, _ in bounds
        )
        rows = self._database.frame(
            f"SELECT tag, moment, value FROM ({pieces}) AS pieces ORDER BY tag, moment, id",
            [value for _, values in bounds for value in values],
        )
        time, value = micros_of(rows["moment"]), rows["value"].to_numpy(dtype=np.float64)
        return {tag: (time[own], value[own]) for tag, own in rows_of_tags(rows, tags).items()}

    def means(self, tag: str, since: int, until: int, cell: int) -> Floats:
        return self.cells(tag, since, until, cell).mean

    def means_of(self, tags: Sequence[str], since: int, until: int, cell: int) -> dict[str, Floats]:
        return {tag: each.mean for tag, each in self._cells_of(tags, since, until, cell).items()}

    def cells(self, tag: str, since: int, until: int, cell: int) -> Cells:
        return self._cells_of([tag], since, until, cell)[tag]

    def _cells_of(self, tags: Sequence[str], since: int, until: int, cell: int) -> dict[str, Cells]:
        where, values = bounded(tags, since, until)
        rows = self._database.frame(
            "SELECT tag, date_bin(%s, time, %s) AS part, count(*) AS readings,"
            f" count(*) FILTER (WHERE {GOOD}) AS good, avg(value) FILTER (WHERE {GOOD}) AS mean"
            f" FROM readings WHERE {where} GROUP BY 1, 2 ORDER BY 1",
            [timedelta(microseconds=cell), moment(since), *values],
        )
        rows["part"] = (micros_of(rows["part"]) - since) // cell
        count = -(-(until - since) // cell)
        return {tag: cells_of(rows.iloc[own], count) for tag, own in rows_of_tags(rows, tags).items()}

    def distribution(self, tag: str, since: int, until: int, *, bins: int) -> Distribution:
        where, values = bounded([tag], since, until)
        ((count, mean, sd, low, high),) = self._database.rows(
            "SELECT count(*), avg(value), stddev_samp(value), min(value), max(value)"
            f" FROM readings WHERE {where} AND {GOOD}",
            values,
        )
        if not count:
            nothing = np.zeros(0)
            return Distribution(0, math.nan, math.nan, (), nothing, nothing.astype(np.int64), 0)
        value = np.sort(self.values(tag, self.stretches(tag, since, until, MOST))[1])
        weight = np.ones(len(value), dtype=np.int64)
        edges, counts = histogram(value, weight, low, high, bins)
        return Distribution(
            int(count),
            float(mean),
            math.nan if sd is None else float(sd),
            (float(low), *quantiles(value, weight, SHARES[1:-1]), float(high)),
            edges,
            counts,
            len(value),
        )

    def outside(self, tag: str, since: int, until: int, low: float, high: float) -> Outside:
        where, values = bounded([tag], since, until)
        ((below, above, readings),) = self._database.rows(
            "SELECT count(*) FILTER (WHERE value < %s), count(*) FILTER (WHERE value > %s), count(*)"
            f" FROM readings WHERE {where} AND {GOOD}",
            [low, high, *values],
        )
        return Outside(int(below), int(above), int(readings), int(readings))
