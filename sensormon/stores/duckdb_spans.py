"""Queries on long spans of single tags in DuckDB. See `sensormon.stores.long_spans`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from sensormon.analysis.downsample import PARTS, Overview
from sensormon.model.readings import SIMULATOR, Floats, Ints
from sensormon.stores.duckdb_database import Database
from sensormon.stores.duckdb_overview import OF_TAG, of_tag, overview
from sensormon.stores.long_spans import SHARES, Distribution

_GOOD = f"FROM readings WHERE {OF_TAG} AND quality >> 30 = 0"

_ALL = (1 << 63) - 1
_CHANGES = f"""
    WITH seen AS (
        SELECT id, epoch_us(time) AS moment, value, least(quality >> 30, 2) AS kind FROM readings
        WHERE {OF_TAG} AND id < ?),
    changed AS (
        SELECT * FROM seen
        QUALIFY lag(value) OVER (ORDER BY moment, id) IS DISTINCT FROM value
            OR lag(kind) OVER (ORDER BY moment, id) IS DISTINCT FROM kind)
    SELECT moment, value, kind FROM changed
    QUALIFY row_number() OVER (PARTITION BY moment // ? ORDER BY moment, id) = 1
        OR row_number() OVER (PARTITION BY moment // ? ORDER BY moment DESC, id DESC) = 1
    ORDER BY moment, id"""

_EXTENT = """
    SELECT epoch_us(min(first)) AS a, epoch_us(max(last)) AS b FROM (
        SELECT min(time) AS first, max(time) AS last FROM readings
        UNION ALL SELECT min(minute), max(minute) FROM rollups)"""
_EXTENT_OF_TAGS = """
    SELECT epoch_us(min(first)) AS a, epoch_us(max(last)) AS b FROM (
        SELECT min(time) AS first, max(time) AS last FROM readings
        WHERE tag IN (SELECT unnest(?::VARCHAR[]))
        UNION ALL SELECT min(minute), max(minute) FROM rollups WHERE tag IN (SELECT unnest(?::VARCHAR[])))"""
_SIMULATED = """
    SELECT tag, epoch_us(min(first)), epoch_us(max(last)) FROM (
        SELECT tag, min(time) AS first, max(time) AS last FROM readings WHERE source = $1 GROUP BY tag
        UNION ALL SELECT tag, min(minute), max(minute) FROM rollups WHERE source = $1 GROUP BY tag)
    GROUP BY tag ORDER BY tag"""


class DuckDBSpans:
    def __init__(self, database: Database) -> None:
        self._database = database

    def overview(
        self, tag: str, since: int, until: int, *, parts: int = PARTS, below_id: int | None = None
    ) -> Overview:
        return overview(self._database, tag, since, until, parts, below_id)

    def changes(
        self, tag: str, since: int, until: int, width: int, *, below_id: int | None = None
    ) -> tuple[Ints, Floats, Ints]:
        frame = self._database.frame(
            _CHANGES, [*of_tag(tag, since, until), below_id if below_id is not None else _ALL, width, width]
        )
        return (
            frame["moment"].to_numpy(dtype=np.int64),
            frame["value"].to_numpy(dtype=np.float64),
            frame["kind"].to_numpy(dtype=np.int64),
        )

    def extent(self, tags: Sequence[str] | None = None) -> tuple[int, int] | None:
        query, values = _EXTENT, []
        if tags is not None:
            query, values = _EXTENT_OF_TAGS, [list(tags)] * 2
        first, last = self._database.frame(query, values).iloc[0]
        return None if pd.isna(first) else (int(first), int(last))

    def simulated(self) -> dict[str, tuple[int, int]]:
        rows = self._database.rows(_SIMULATED, [SIMULATOR])
        return {str(tag): (int(first), int(last)) for tag, first, last in rows}

    def count(self, tag: str, since: int, until: int) -> int:
        return int(
            self._database.frame(f"SELECT count(*) AS n {_GOOD}", of_tag(tag, since, until))["n"].iloc[0]
        )

    def values(
        self, tag: str, since: int, until: int, *, stretch: int = 0, one_in: int = 1
    ) -> tuple[Ints, Floats]:
        query, values = f"SELECT epoch_us(time) AS at, value {_GOOD}", of_tag(tag, since, until)
        if one_in > 1:
            query += " AND hash(epoch_us(time) // ?) % ? = 0"
            values += [stretch, one_in]
        frame = self._database.frame(f"{query} ORDER BY time, id", values)
        return frame["at"].to_numpy(dtype=np.int64), frame["value"].to_numpy(dtype=np.float64)

    def means(self, tag: str, since: int, until: int, cell: int) -> Floats:
        rows = self._database.frame(
            f"SELECT (epoch_us(time) - ?) // ? AS cell, avg(value) AS mean {_GOOD} GROUP BY cell",
            [since, cell, *of_tag(tag, since, until)],
        )
        means = np.full(-(-(until - since) // cell), np.nan)
        means[rows["cell"].to_numpy(dtype=np.int64)] = rows["mean"].to_numpy(dtype=np.float64)
        return means

    def distribution(self, tag: str, since: int, until: int, *, bins: int) -> Distribution:
        values = of_tag(tag, since, until)
        row = self._database.frame(
            "SELECT count(*) AS n, avg(value) AS mean, stddev_samp(value) AS sd, "
            f"quantile_cont(value, {list(SHARES)}) AS shares {_GOOD}",
            values,
        ).iloc[0]
        readings = int(row["n"])
        if not readings:
            nothing = np.zeros(0)
            return Distribution(0, math.nan, math.nan, (), nothing, nothing.astype(np.int64))
        shares = tuple(float(share) for share in row["shares"])
        low, high = shares[0], shares[-1]
        edges = np.linspace(low, high, bins + 1) if high > low else np.array([low, low])
        # The bin is computed once, in SQL; the edges above are for drawing.
        rows = self._database.frame(
            f"SELECT least(?, floor((value - ?) * ?))::BIGINT AS bin, count(*) AS n {_GOOD} GROUP BY bin",
            [len(edges) - 2, low, bins / (high - low) if high > low else 0.0, *values],
        )
        counts = np.zeros(len(edges) - 1, dtype=np.int64)
        counts[rows["bin"].to_numpy(dtype=np.int64)] = rows["n"].to_numpy(dtype=np.int64)
        return Distribution(readings, float(row["mean"]), float(row["sd"]), shares, edges, counts)

    def outside(self, tag: str, since: int, until: int, low: float, high: float) -> tuple[int, int]:
        row = self._database.frame(
            f"SELECT count(*) FILTER (value < ?) AS below, count(*) FILTER (value > ?) AS above {_GOOD}",
            [low, high, *of_tag(tag, since, until)],
        ).iloc[0]
        return int(row["below"]), int(row["above"])
