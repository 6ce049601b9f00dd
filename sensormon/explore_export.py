"""What Explore shows, as a file: every reading of a span, or the points that are drawn.

CSV or Parquet; the time in UTC, and in the viewer's zone in a column that names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from io import BytesIO

import numpy as np
import pandas as pd

from sensormon.clock import SECOND
from sensormon.errors import UsageError
from sensormon.jobs import Progress
from sensormon.monitor import Monitor
from sensormon.overview import Overview
from sensormon.table_writers import plain_csv
from sensormon.tags import TagTable

MOST = 2_000_000
"""Readings in one file from the page; the command line exports more."""


def every_reading(
    m: Monitor, names: Sequence[str], since: int, until: int, whole: int, progress: Progress | None = None
) -> pd.DataFrame:
    """All readings of these tags, stored or not, in order of arrival; `whole` is about how many there are.

    Raises UsageError where there are more than `MOST`, StoreError, and Cancelled by the progress.
    """
    pieces: list[pd.DataFrame] = []
    count = 0
    for table in m.stream(list(names), since, until):
        pieces.append(table.to_pandas())
        count += table.num_rows
        if count > MOST:
            raise UsageError(
                f"there are more than {MOST:,} readings in view",
                where="export",
                hint="Zoom in, choose fewer tags, or use: python -m sensormon export readings",
            )
        if progress is not None:
            progress.step(f"{count:,} readings", count, whole)
    return pd.concat([one for one in pieces if len(one)] or pieces[:1], ignore_index=True)


def drawn_points(found: Sequence[tuple[str, Overview]], since: int, until: int) -> pd.DataFrame:
    """The points of the lines in view, by tag and time: tag, time, value, quality, score, is_anomaly.

    The last three are those of the marks; a point that is none is good and not flagged.
    """
    parts = []
    for name, one in found:
        inside = (one.time >= since) & (one.time < until)
        points = pd.DataFrame({"time": one.time[inside], "value": one.value[inside]})
        points["time"] = pd.to_datetime(points["time"], unit="us", utc=True).dt.as_unit("us")
        start, end = (pd.Timestamp(at, unit="us", tz="UTC") for at in (since, until))
        kept = one.marks[(one.marks["time"] >= start) & (one.marks["time"] < end)]
        marks = kept[["time", "value", "quality", "score", "is_anomaly"]].drop_duplicates(["time", "value"])
        both = points.merge(marks, on=["time", "value"], how="outer")
        both["quality"] = both["quality"].fillna(0).astype(np.uint32)
        both["is_anomaly"] = both["is_anomaly"].eq(True)
        parts.append(both.assign(tag=name).sort_values("time", kind="stable"))
    columns = ["tag", "time", "value", "quality", "score", "is_anomaly"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def described(readings: pd.DataFrame, tags: TagTable, zone: tzinfo, zone_name: str) -> pd.DataFrame:
    """These readings with the columns of the file."""
    units = {tag.name: tag.unit for tag in tags}
    labels = {tag.name: tag.label for tag in tags}
    local = readings["time"].dt.tz_convert(zone).dt.strftime("%Y-%m-%d %H:%M:%S.%f")
    return pd.DataFrame(
        {
            f"time ({zone_name})": local,  # for a viewer in UTC the next takes its place
            "time (UTC)": readings["time"],
            "tag": readings["tag"],
            "label": [labels.get(one, one) for one in readings["tag"]],
            "value": readings["value"],
            "unit": [units.get(one, "") for one in readings["tag"]],
            "quality": readings["quality"],
            "flagged": readings["is_anomaly"],
            "score": readings["score"],
        }
    )


def as_csv(table: pd.DataFrame) -> bytes:
    """The file as CSV, UTF-8, harmless in a spreadsheet; times in UTC with Z."""
    utc = table["time (UTC)"].dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return plain_csv(table.assign(**{"time (UTC)": utc}))


def as_parquet(table: pd.DataFrame) -> bytes:
    """The file as Parquet; times in UTC, and as text in the named zone."""
    buffer = BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def file_name(names: Sequence[str], since: int, ending: str) -> str:
    """What the file is called: the tags, a few of them, and the day it begins."""
    safe = "".join(one if one.isalnum() or one in "-_" else "-" for one in "_".join(names[:3]))
    more = f"_and_{len(names) - 3}_more" if len(names) > 3 else ""
    day = pd.Timestamp(since // SECOND, unit="s", tz="UTC").strftime("%Y%m%dT%H%M%SZ")
    return f"{safe[:80]}{more}_{day}.{ending}"
