"""An overview of a span of one tag, made inside DuckDB. See `sensormon.analysis.downsample`.

Parts of whole minutes come from the summary, except what it lacks: the edges of the span, and the
newest readings. Shorter parts come from the readings, all queries bounded in time.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sensormon.analysis.downsample import MARKS, WORST, Overview, part_width, whole, with_marks
from sensormon.model.clock import MINUTE
from sensormon.model.readings import Floats, Ints
from sensormon.stores.duckdb_database import Database
from sensormon.stores.duckdb_summary import Sources, sources

_PARTS = """
SELECT part, sum(readings)::BIGINT AS readings, sum(drawn)::BIGINT AS drawn, sum(flagged)::BIGINT AS flagged,
    sum(marked)::BIGINT AS marked, epoch_us(min(first)) AS first, epoch_us(max(last)) AS last,
    epoch_us(min(time_first)) AS time_first, epoch_us(max(time_last)) AS time_last,
    epoch_us(arg_min(time_low, value_low)) AS time_low, epoch_us(arg_max(time_high, value_high)) AS time_high,
    arg_min(value_first, time_first) AS value_first, arg_max(value_last, time_last) AS value_last,
    min(value_low) AS value_low, max(value_high) AS value_high
FROM {rows} GROUP BY part ORDER BY part
"""

_WORST = """
SELECT epoch_us(time) // ? AS part,
    arg_max(id, {{'score': coalesce(score, 'inf'::DOUBLE), 'id': -id}}, ?) FILTER (is_anomaly) AS flagged,
    arg_min(id, time) FILTER (NOT is_anomaly) AS unsure
FROM {marked} GROUP BY part
"""


def overview(
    database: Database,
    tag: str,
    since: int,
    until: int,
    parts: int,
    below_id: int | None = None,
) -> Overview:
    """See `Spans.overview`."""
    width = part_width(since, until, parts)
    by_minutes = width % MINUTE == 0
    with sources(database, [tag], since, until, below_id=below_id, by_minutes=by_minutes) as answered:
        query, values = answered.rows(f"epoch_us({{time}}) // {width}")
        rows = answered.frame(_PARTS.format(rows=query), values)
        readings, marked = int(rows["readings"].sum()), int(rows["marked"].sum())
        if readings <= 4 * parts:
            query, values = answered.readings()
            return whole(answered.frame(f"SELECT * FROM {query} ORDER BY id", values), since, until)
        marks = _marks(answered, width, marked)
    time, value = _points(rows)
    time, value = with_marks(time, value, marks)
    ints = {name: rows[name].to_numpy(dtype=np.int64) for name in ("first", "last", "readings", "drawn")}
    return Overview(
        since,
        until,
        width,
        time,
        value,
        ints["first"],
        ints["last"],
        ints["readings"],
        ints["drawn"],
        marks,
        readings,
        int(rows["flagged"].sum()),
        marked,
    )


def _marks(answered: Sources, width: int, marked: int) -> pd.DataFrame:
    """All `marked` readings; if there are too many, the worst of each part, as `downsample.worst` has it."""
    source, values = answered.marked()
    picked = f"SELECT * FROM {source}"
    if marked > MARKS:
        worst = answered.frame(_WORST.format(marked=source), [width, WORST, *values])
        ids = [int(flagged) for ids_of_part in worst["flagged"].dropna() for flagged in ids_of_part]
        ids += [int(unsure) for unsure in worst["unsure"].dropna()]
        picked, values = f"{picked} WHERE id IN (SELECT unnest(?::BIGINT[]))", [*values, ids]
    return answered.frame(f"{picked} ORDER BY time, id", values)


def _points(rows: pd.DataFrame) -> tuple[Ints, Floats]:
    """The readings of all parts, in order of time; `with_marks` removes duplicates."""
    drawn = rows[rows["drawn"] > 0]
    names = ("first", "low", "high", "last")
    time = np.concatenate([drawn[f"time_{name}"].to_numpy(dtype=np.int64) for name in names])
    value = np.concatenate([drawn[f"value_{name}"].to_numpy(dtype=np.float64) for name in names])
    return time, value
