"""Overviews of a span of some tags in PostgreSQL. See `sensormon.analysis.downsample`.

Readings come in windows of whole parts, of at most about `PIECE` readings, and each window becomes its
parts at once, so that memory is bounded whatever the span.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from sensormon.analysis.downsample import MARKS, Overview, extremes, part_width, whole, with_marks, worst
from sensormon.model.readings import Bools, Floats, Ints
from sensormon.stores.postgresql_database import Cursor, Database
from sensormon.stores.postgresql_queries import COLUMNS, condition_of, moment
from sensormon.stores.postgresql_tables import fetched
from sensormon.stores.samples import rows_of_tags

PIECE = 500_000
"""Readings in memory at once, about."""


@dataclass(frozen=True, eq=False)
class _Parts:
    """The parts of a stretch of the span that have readings, and the points of its line."""

    time: Ints
    value: Floats
    first: Ints
    last: Ints
    count: Ints
    drawn: Ints


def overviews(
    database: Database,
    tags: Sequence[str],
    since: int,
    until: int,
    parts: int,
    below_id: int | None = None,
) -> dict[str, Overview]:
    """See `Spans.overviews`. All tags are counted, and those with few readings read, with one question."""
    where, values = condition_of(tags, since, until, below_id)
    seen: dict[str, Overview] = {}
    with database.snapshot() as cursor:
        counted = cursor.execute(
            "SELECT tag, count(*), count(*) FILTER (WHERE is_anomaly),"
            " count(*) FILTER (WHERE is_anomaly OR quality <> 0)"
            f" FROM readings WHERE {where} GROUP BY tag",
            values,
        ).fetchall()
        many = {str(tag): numbers for tag, *numbers in counted if numbers[0] > 4 * parts}
        few = [tag for tag in tags if tag not in many]
        together = max(1, PIECE // (4 * parts))
        for first in range(0, len(few), together):
            names = few[first : first + together]
            where, values = condition_of(names, since, until, below_id)
            rows = fetched(cursor, f"SELECT {COLUMNS} FROM readings WHERE {where} ORDER BY tag, id", values)
            frame = rows.to_pandas()
            for tag, own in rows_of_tags(frame, names).items():
                seen[tag] = whole(frame.iloc[own].reset_index(drop=True), since, until)
        for tag, (readings, flagged, marked) in many.items():
            condition = condition_of([tag], since, until, below_id)
            span = (since, until, part_width(since, until, parts))
            seen[tag] = _thinned(cursor, condition, span, (readings, flagged, marked))
    return seen


def _thinned(
    cursor: Cursor,
    condition: tuple[str, list[object]],
    span: tuple[int, int, int],
    numbers: tuple[int, int, int],
) -> Overview:
    """The overview of a tag with more readings than parts have room for; `numbers` are all, the flagged, the
    marked ones, `span` has the width of a part."""
    where, values = condition
    of_span = f"FROM readings WHERE {where}"
    since, until, width = span
    readings, flagged, marked = numbers
    made = [_parts(window, width) for window in _windows(cursor, of_span, values, span, readings)]
    marks = _marks(cursor, of_span, values, width, marked)
    time, value, first, last, count, drawn = (
        np.concatenate([getattr(each, name) for each in made])
        for name in ("time", "value", "first", "last", "count", "drawn")
    )
    time, value = with_marks(time, value, marks)
    return Overview(
        since, until, width, time, value, first, last, count, drawn, marks, readings, flagged, marked
    )


def _windows(
    cursor: Cursor, of_span: str, values: list[object], span: tuple[int, int, int], readings: int
) -> Iterator[pa.Table]:
    """The readings of the span, in order of time, in windows of whole parts."""
    since, until, width = span
    step = max(1, (until - since) * PIECE // max(1, readings) // width) * width
    start = since
    while start < until:
        end = min(until, (start // width) * width + step)
        window = fetched(
            cursor,
            f"SELECT time, value, (quality >> 30)::smallint AS kind {of_span}"
            " AND time >= %s AND time < %s ORDER BY time, id",
            [*values, moment(start), moment(end)],
        )
        if window.num_rows:
            yield window
        start = end


def _parts(window: pa.Table, width: int) -> _Parts:
    time = window["time"].cast(pa.int64()).to_numpy()
    drawn: Bools = window["kind"].to_numpy() < 2
    part = time // width
    start = np.flatnonzero(np.diff(part, prepend=part[0] - 1))
    line = extremes(time[drawn], window["value"].to_numpy()[drawn], width)
    return _Parts(
        *line,
        time[start],
        time[np.append(start[1:], len(time)) - 1],
        np.diff(np.append(start, len(time))),
        np.add.reduceat(drawn.astype(np.int64), start),
    )


def _marks(cursor: Cursor, of_span: str, values: list[object], width: int, marked: int) -> pd.DataFrame:
    """All `marked` readings; if there are too many, the worst of each part, as `downsample.worst` has it."""
    marks = f"{of_span} AND (is_anomaly OR quality <> 0)"
    if marked > MARKS:
        thin = fetched(cursor, f"SELECT id, time, is_anomaly, score {marks}", values).to_pandas()
        chosen = worst(thin, width)["id"].tolist()
        marks, values = f"{marks} AND id = ANY(%s::bigint[])", [*values, chosen]
    frame: pd.DataFrame = fetched(cursor, f"SELECT {COLUMNS} {marks} ORDER BY time, id", values).to_pandas()
    return frame
