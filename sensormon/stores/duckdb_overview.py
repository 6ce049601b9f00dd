"""Overviews of a span of some tags, made inside DuckDB. See `sensormon.analysis.downsample`.

Parts of whole minutes come from the summary, except what it lacks: the edges of the span, and the
newest readings. Shorter parts come from the readings, all queries bounded in time. Many tags are answered
at once: each question about one of them looks at the names of all rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from sensormon.analysis.downsample import MARKS, WORST, Overview, part_width, whole, with_marks
from sensormon.model.clock import MINUTE
from sensormon.model.readings import Bools, Floats, Ints
from sensormon.stores.duckdb_database import Database
from sensormon.stores.duckdb_summary import Sources, sources

Columns = Mapping[str, Any]
"""Columns of a table, as arrays."""

_SUMS = ("readings", "flagged", "marked", "pieces")
_PARTS = """
SELECT tag, part, sum(readings)::BIGINT AS readings, sum(drawn)::BIGINT AS drawn,
    sum(flagged)::BIGINT AS flagged, sum(marked)::BIGINT AS marked, count(*) AS pieces,
    epoch_us(min(first)) AS first, epoch_us(max(last)) AS last,
    epoch_us(min(time_first)) AS time_first, epoch_us(max(time_last)) AS time_last,
    epoch_us(arg_min(time_low, value_low)) AS time_low, epoch_us(arg_max(time_high, value_high)) AS time_high,
    arg_min(value_first, time_first) AS value_first, arg_max(value_last, time_last) AS value_last,
    min(value_low) AS value_low, max(value_high) AS value_high
FROM {rows} GROUP BY tag, part ORDER BY tag, part
"""

_PIECES = """
SELECT tag, epoch_us(first) AS moment, drawn, flagged, marked, value_first AS value
FROM {rows} ORDER BY tag, first
"""
"""Pieces of a single reading each: as much as `whole` needs beside the marks."""

_WORST = """
SELECT tag, epoch_us(time) // ? AS part,
    arg_max(id, {{'score': coalesce(score, 'inf'::DOUBLE), 'id': -id}}, ?) FILTER (is_anomaly) AS flagged,
    arg_min(id, time) FILTER (NOT is_anomaly) AS unsure
FROM {marked} GROUP BY tag, part
"""


def overviews(
    database: Database,
    tags: Sequence[str],
    since: int,
    until: int,
    parts: int,
    below_id: int | None = None,
) -> dict[str, Overview]:
    """See `Spans.overviews`."""
    by_minutes = part_width(since, until, parts) % MINUTE == 0
    with sources(database, tags, since, until, below_id=below_id, by_minutes=by_minutes) as answered:
        return _overviews(answered, tags, parts)


def _overviews(answered: Sources, tags: Sequence[str], parts: int) -> dict[str, Overview]:
    since, until = answered.since, answered.until
    width = part_width(since, until, parts)
    part = f"epoch_us({{time}}) // {width}"
    query, values = answered.rows(part)
    rows = _by_tag(answered.frame(_PARTS.format(rows=query), values))
    sums = {tag: {name: int(own[name].sum()) for name in _SUMS} for tag, own in rows.items()}
    thin = {tag: own for tag, own in sums.items() if own["readings"] > 4 * parts}
    single = [tag for tag in sums if tag not in thin and sums[tag]["readings"] == sums[tag]["pieces"]]
    seen = _of_pieces(answered, single, part)
    seen |= _whole(answered, [tag for tag in tags if tag not in thin and tag not in seen])
    marks = _marks(answered, width, {tag: own["marked"] for tag, own in thin.items()})
    for tag, own in thin.items():
        time, value = with_marks(*_points(rows[tag]), marks[tag])
        ints = {name: rows[tag][name].astype(np.int64) for name in ("first", "last", "readings", "drawn")}
        seen[tag] = Overview(
            since,
            until,
            width,
            time,
            value,
            ints["first"],
            ints["last"],
            ints["readings"],
            ints["drawn"],
            marks[tag],
            own["readings"],
            own["flagged"],
            own["marked"],
        )
    return seen


def _by_tag(frame: pd.DataFrame) -> dict[str, Columns]:
    """The columns of each tag, from rows in order of tags."""
    columns = {str(name): frame[name].to_numpy() for name in frame.columns}
    return {
        tag: {name: column[first:last] for name, column in columns.items()}
        for tag, first, last in _runs(frame)
    }


def _runs(frame: pd.DataFrame) -> list[tuple[str, int, int]]:
    """The tags of rows in order of tags, each with its first row and the one after its last."""
    names = frame["tag"].to_numpy()
    edges = np.flatnonzero(names[1:] != names[:-1]) + 1 if len(names) else np.zeros(0, dtype=np.int64)
    bounds = [0, *edges.tolist(), len(names)] if len(names) else [0]
    return [(str(names[first]), first, last) for first, last in pairwise(bounds)]


def _of_pieces(answered: Sources, tags: Sequence[str], part: str) -> dict[str, Overview]:
    """Those of these tags, each piece of which is a single reading, from the pieces and the marks alone.

    Tags with two readings at one time are left out: their order is not known here.
    """
    if not tags:
        return {}
    of_tags = replace(answered, tags=tuple(tags))
    query, values = of_tags.rows(part)
    pieces = _by_tag(answered.frame(_PIECES.format(rows=query), values))
    source, values = of_tags.marked()
    marks = _frames(answered.frame(f"SELECT * FROM {source} ORDER BY tag, time, id", values), tags)
    seen = {}
    for tag, own in pieces.items():
        time, drawn = own["moment"].astype(np.int64), own["drawn"].astype(np.int64)
        if (np.diff(time) == 0).any():
            continue
        line: Bools = drawn > 0
        seen[tag] = Overview(
            answered.since,
            answered.until,
            0,
            time[line],
            own["value"][line].astype(np.float64),
            time,
            time,
            np.ones(len(time), dtype=np.int64),
            drawn,
            marks[tag],
            len(time),
            int(own["flagged"].sum()),
            int(own["marked"].sum()),
        )
    return seen


def _whole(answered: Sources, tags: Sequence[str]) -> dict[str, Overview]:
    """Those of these tags, from all their readings."""
    if not tags:
        return {}
    query, values = replace(answered, tags=tuple(tags)).readings()
    readings = _frames(answered.frame(f"SELECT * FROM {query} ORDER BY tag, id", values), tags)
    return {tag: whole(own, answered.since, answered.until) for tag, own in readings.items()}


def _marks(answered: Sources, width: int, marked: Mapping[str, int]) -> dict[str, pd.DataFrame]:
    """All marks of each of these tags, of which it has this number; if that is too many, the worst of each
    part, as `downsample.worst` has it."""
    marks: dict[str, pd.DataFrame] = {}
    for tags in (
        [tag for tag, count in marked.items() if count <= MARKS],
        [tag for tag, count in marked.items() if count > MARKS],
    ):
        if not tags:
            continue
        source, values = replace(answered, tags=tuple(tags)).marked()
        picked = f"SELECT * FROM {source}"
        if marked[tags[0]] > MARKS:
            worst = answered.frame(_WORST.format(marked=source), [width, WORST, *values])
            ids = [int(flagged) for ids_of_part in worst["flagged"].dropna() for flagged in ids_of_part]
            ids += [int(unsure) for unsure in worst["unsure"].dropna()]
            picked, values = f"{picked} WHERE id IN (SELECT unnest(?::BIGINT[]))", [*values, ids]
        marks |= _frames(answered.frame(f"{picked} ORDER BY tag, time, id", values), tags)
    return marks


def _frames(rows: pd.DataFrame, tags: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The rows of each of these tags, which are in order of tags; none for a tag that has no row."""
    runs = {tag: (first, last) for tag, first, last in _runs(rows)}
    return {tag: rows.iloc[slice(*runs.get(tag, (0, 0)))].reset_index(drop=True) for tag in tags}


def _points(rows: Columns) -> tuple[Ints, Floats]:
    """The readings of all parts, in order of time; `with_marks` removes duplicates."""
    drawn: Bools = rows["drawn"] > 0
    names = ("first", "low", "high", "last")
    time = np.concatenate([rows[f"time_{name}"][drawn].astype(np.int64) for name in names])
    value = np.concatenate([rows[f"value_{name}"][drawn].astype(np.float64) for name in names])
    return time, value
