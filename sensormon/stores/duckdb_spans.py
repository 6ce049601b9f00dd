"""Queries on long spans of single tags in DuckDB. See `sensormon.stores.long_spans`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sensormon.analysis.downsample import PARTS, Overview
from sensormon.analysis.grid import Cells
from sensormon.model.clock import MINUTE
from sensormon.model.readings import Floats, Ints
from sensormon.stores.duckdb_database import Database
from sensormon.stores.duckdb_overview import overviews
from sensormon.stores.duckdb_queries import among, bounded, naive
from sensormon.stores.duckdb_summary import EVER, sources
from sensormon.stores.long_spans import (
    LEAST_MINUTES,
    MOST,
    SHARES,
    SIMULATED,
    Distribution,
    Outside,
)
from sensormon.stores.samples import cells_of, histogram, quantiles, rows_of_tags, stretches_of

OF_TAG = "tag = ? AND time >= ? AND time < ?"
"""The condition of queries on a tag's readings; `of_tag` returns its values."""
GOOD = "quality >> 30 = 0"
_MINUTE = "date_trunc('minute', {time})"
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

_MOMENTS = """
WITH pieces AS (SELECT * FROM {rows} WHERE good > 0),
    whole AS (SELECT sum(good)::BIGINT AS total, sum(good * mean) / sum(good) AS centre FROM pieces)
SELECT any_value(total) AS readings, any_value(centre) AS mean,
    sqrt(sum(squares + good * (mean - centre) ** 2) / nullif(any_value(total) - 1, 0)) AS sd,
    min(good_low) AS low, max(good_high) AS high, count(*) AS pieces FROM pieces, whole
"""
_FIRST_OF_MINUTES = (
    "SELECT good_first AS value, sum(good) AS weight FROM {rows} WHERE good > 0 GROUP BY 1 ORDER BY 1"
)
_JUDGED = """
WITH limits AS (SELECT ?::DOUBLE AS lowest, ?::DOUBLE AS highest),
judged AS (
    SELECT part, good, good_high < lowest AS below, good_low > highest AS above,
        NOT below AND NOT above AS mixed, good_first < lowest AS maybe_below,
        good_first > highest AS maybe_above
    FROM {rows}, limits WHERE good > 0 AND (good_low < lowest OR good_high > highest))
"""
_OUTSIDE = """
SELECT coalesce(sum(good) FILTER (below), 0)::BIGINT, coalesce(sum(good) FILTER (above), 0)::BIGINT,
    count(DISTINCT part) FILTER (mixed), coalesce(sum(good) FILTER (mixed AND maybe_below), 0)::BIGINT,
    coalesce(sum(good) FILTER (mixed AND maybe_above), 0)::BIGINT FROM judged
"""
_CELLS = 2_000
"""Pieces of a span whose readings are counted, to spread a sample evenly over the readings."""
_FEW = 50
"""Up to this many minutes are read one by one."""


class DuckDBSpans:
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
        frame = self._database.frame(
            _CHANGES, [*of_tag(tag, since, until), below_id if below_id is not None else _ALL, width, width]
        )
        return (
            frame["moment"].to_numpy(dtype=np.int64),
            frame["value"].to_numpy(dtype=np.float64),
            frame["kind"].to_numpy(dtype=np.int64),
        )

    def extent(self, tags: Sequence[str] | None = None) -> tuple[int, int] | None:
        with sources(self._database, tags, *EVER) as answered:
            query, values = answered.rows("0")
            moments, bound = f"SELECT min(first) AS first, max(last) AS last FROM {query}", list(values)
            if self._database.has("rollups"):
                moments += " UNION ALL SELECT min(minute), max(minute) FROM rollups"
                if tags is not None:
                    of_tags, names = among(tags)
                    moments, bound = f"{moments} WHERE {of_tags}", [*bound, *names]
            ((first, last),) = answered.cursor.execute(
                f"SELECT epoch_us(min(first)), epoch_us(max(last)) FROM ({moments})", bound
            ).fetchall()
        return None if first is None else (int(first), int(last))

    def extents(self, tags: Sequence[str]) -> dict[str, tuple[int, int]]:
        of_tags, names = among(tags)
        with sources(self._database, tags, *EVER) as answered:
            query, values = answered.rows("0")
            moments, bound = f"SELECT tag, first, last FROM {query}", list(values)
            if self._database.has("rollups"):
                moments += f" UNION ALL SELECT tag, minute, minute FROM rollups WHERE {of_tags}"
                bound += names
            rows = answered.cursor.execute(
                f"SELECT tag, epoch_us(min(first)), epoch_us(max(last)) FROM ({moments}) GROUP BY tag", bound
            ).fetchall()
        return {str(tag): (int(first), int(last)) for tag, first, last in rows}

    def simulated(self) -> dict[str, tuple[int, int]]:
        with sources(self._database, None, *EVER) as answered:
            query, values = answered.rows("0")
            moments = f"SELECT tag, first, last FROM {query} WHERE {SIMULATED}"
            if self._database.has("rollups"):
                moments += f" UNION ALL SELECT tag, minute, minute FROM rollups WHERE {SIMULATED}"
            rows = answered.cursor.execute(
                "SELECT tag, epoch_us(min(first)), epoch_us(max(last))"
                f" FROM ({moments}) GROUP BY tag ORDER BY tag",
                list(values),
            ).fetchall()
        return {str(tag): (int(first), int(last)) for tag, first, last in rows}

    def count(self, tag: str, since: int, until: int) -> int:
        with sources(self._database, [tag], since, until) as answered:
            (count,) = answered.aggregates("coalesce(sum(good), 0)::BIGINT")
        return int(count)

    def stretches(self, tag: str, since: int, until: int, most: int) -> list[tuple[int, int]]:
        cell = max(MINUTE, -(-(until - since) // (_CELLS * MINUTE)) * MINUTE)
        with sources(self._database, [tag], since, until) as answered:
            query, values = answered.rows(f"epoch_us({{time}}) // {cell}")
            counts = answered.frame(
                f"SELECT part, sum(good)::BIGINT AS good FROM {query} GROUP BY part HAVING sum(good) > 0"
                " ORDER BY part",
                values,
            )
        part, good = (counts[name].to_numpy(dtype=np.int64) for name in ("part", "good"))
        return stretches_of(part, good, cell, since, until, most)

    def values(self, tag: str, stretches: Sequence[tuple[int, int]]) -> tuple[Ints, Floats]:
        return self.values_of([tag], stretches)[tag]

    def values_of(
        self, tags: Sequence[str], stretches: Sequence[tuple[int, int]]
    ) -> dict[str, tuple[Ints, Floats]]:
        if not stretches or not tags:
            return {tag: (np.zeros(0, dtype=np.int64), np.zeros(0)) for tag in tags}
        conditions = [bounded(tags, since, until) for since, until in stretches]
        pieces = " UNION ALL ".join(  # DuckDB skips what is between their bounds
            f"SELECT tag, id, epoch_us(time) AS moment, value FROM readings WHERE {where} AND {GOOD}"
            for where, _ in conditions
        )
        order = "moment, id" if len(tags) == 1 else "tag, moment, id"
        frame = self._database.frame(
            f"SELECT tag, moment, value FROM ({pieces}) ORDER BY {order}",
            [value for _, values in conditions for value in values],
        )
        time, value = frame["moment"].to_numpy(dtype=np.int64), frame["value"].to_numpy(dtype=np.float64)
        return {tag: (time[rows], value[rows]) for tag, rows in rows_of_tags(frame, tags).items()}

    def means(self, tag: str, since: int, until: int, cell: int) -> Floats:
        return self.cells(tag, since, until, cell).mean

    def means_of(self, tags: Sequence[str], since: int, until: int, cell: int) -> dict[str, Floats]:
        return {tag: each.mean for tag, each in self._cells_of(tags, since, until, cell).items()}

    def cells(self, tag: str, since: int, until: int, cell: int) -> Cells:
        return self._cells_of([tag], since, until, cell)[tag]

    def _cells_of(self, tags: Sequence[str], since: int, until: int, cell: int) -> dict[str, Cells]:
        if not tags:
            return {}
        part = f"(epoch_us({{time}}) - {since}) // {cell}"
        where, bound = bounded(tags, since, until)
        if since % MINUTE or cell % MINUTE:  # the summary has only whole minutes
            rows = self._database.frame(
                f"SELECT tag, {part.format(time='time')} AS part, count(*) AS readings,"
                f" count(*) FILTER ({GOOD}) AS good, avg(value) FILTER ({GOOD}) AS mean"
                f" FROM readings WHERE {where} GROUP BY tag, part ORDER BY tag",
                bound,
            )
        else:
            with sources(self._database, tags, since, until) as answered:
                query, values = answered.rows(part)
                rows = answered.frame(
                    "SELECT tag, part, sum(readings)::BIGINT AS readings, sum(good)::BIGINT AS good,"
                    f" sum(good * mean) FILTER (good > 0) / sum(good) AS mean FROM {query}"
                    " GROUP BY tag, part ORDER BY tag",
                    values,
                )
        count = -(-(until - since) // cell)
        return {tag: cells_of(rows.iloc[own], count) for tag, own in rows_of_tags(rows, tags).items()}

    def distribution(self, tag: str, since: int, until: int, *, bins: int) -> Distribution:
        with sources(self._database, [tag], since, until) as answered:
            query, bound = answered.rows(_MINUTE)
            ((count, mean, sd, low, high, pieces),) = answered.cursor.execute(
                _MOMENTS.format(rows=query), bound
            ).fetchall()
            if not count:
                nothing = np.zeros(0)
                return Distribution(0, math.nan, math.nan, (), nothing, nothing.astype(np.int64), 0)
            firsts = None
            if count > MOST and pieces >= LEAST_MINUTES:
                firsts = answered.frame(_FIRST_OF_MINUTES.format(rows=query), bound)
        if firsts is not None:
            value, weight = (firsts[name].to_numpy(dtype=np.float64) for name in ("value", "weight"))
            used = int(pieces)
        else:
            value = np.sort(self.values(tag, self.stretches(tag, since, until, MOST))[1])
            weight, used = np.ones(len(value)), len(value)
        edges, counts = histogram(value, weight, low, high, bins)
        middle = quantiles(value, weight.astype(np.int64), SHARES[1:-1])
        return Distribution(
            int(count),
            float(mean),
            math.nan if sd is None else float(sd),
            (float(low), *middle, float(high)),
            edges,
            counts,
            used,
        )

    def outside(self, tag: str, since: int, until: int, low: float, high: float) -> Outside:
        with sources(self._database, [tag], since, until) as answered:
            query, values = answered.rows(_MINUTE)
            ((readings, pieces),) = answered.cursor.execute(
                f"SELECT coalesce(sum(good), 0)::BIGINT, count(*) FROM {query} WHERE good > 0", values
            ).fetchall()
            if readings <= MOST:
                return self._counted(tag, [(since, until)], low, high, readings)
            judged, bound = _JUDGED.format(rows=query), [low, high, *values]
            ((below, above, mixed, maybe_below, maybe_above),) = answered.cursor.execute(
                judged + _OUTSIDE, bound
            ).fetchall()
            if mixed > _FEW and pieces < LEAST_MINUTES:
                return self._estimated(tag, since, until, low, high, readings)
            if mixed > _FEW:
                return Outside(below + maybe_below, above + maybe_above, readings, int(pieces))
            # A minute may have several rows: those of the minutes that are read are left out here.
            ((below, above, *_),) = answered.cursor.execute(
                f"{judged} {_OUTSIDE} WHERE part NOT IN (SELECT part FROM judged WHERE mixed)", bound
            ).fetchall()
            minutes = answered.cursor.execute(
                f"{judged} SELECT DISTINCT epoch_us(part) FROM judged WHERE mixed", bound
            ).fetchall()
        spans = [(max(since, minute), min(until, minute + MINUTE)) for (minute,) in minutes]
        few = self._counted(tag, spans, low, high, readings)
        return replace(few, below=below + few.below, above=above + few.above)

    def _counted(
        self, tag: str, spans: Sequence[tuple[int, int]], low: float, high: float, readings: int
    ) -> Outside:
        """How many in these spans, which have all of the `readings` that must be looked at one by one."""
        _, value = self.values(tag, spans)
        return Outside(int((value < low).sum()), int((value > high).sum()), readings, readings)

    def _estimated(self, tag: str, since: int, until: int, low: float, high: float, readings: int) -> Outside:
        _, value = self.values(tag, self.stretches(tag, since, until, MOST))
        shares = [float(part.mean()) if len(value) else 0.0 for part in (value < low, value > high)]
        return Outside(round(shares[0] * readings), round(shares[1] * readings), readings, len(value))


def of_tag(tag: str, since: int, until: int) -> list[object]:
    """The values of `OF_TAG`."""
    return [tag, naive(since), naive(until)]
