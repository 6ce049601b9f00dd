"""Frames of readings as files that people take away: CSV and Parquet.

Times are ISO 8601 in UTC with Z, so that a file means the same everywhere; an export from
the dashboard has the viewer's time in a second column that names the zone. Text that a
spreadsheet would run as a formula is made harmless with a leading apostrophe.
"""

from __future__ import annotations

from datetime import tzinfo
from io import BytesIO

import pandas as pd

from sensormon.tags import TagTable

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def readings_csv(readings: pd.DataFrame) -> bytes:
    """All columns of these readings, in their order; UTF-8."""
    table = readings.copy()
    for name in ("time", "received"):
        table[name] = _utc(table[name])
    return plain_csv(table)


def readings_parquet(readings: pd.DataFrame) -> bytes:
    """All columns of these readings, in their order; times in UTC."""
    buffer = BytesIO()
    readings.to_parquet(buffer, index=False)
    return buffer.getvalue()


def anomalies_csv(anomalies: pd.DataFrame, tags: TagTable, zone: tzinfo, zone_name: str) -> bytes:
    """What a person needs of each flagged reading; `zone` is the viewer's, named in the header."""
    units = {tag.name: tag.unit for tag in tags}
    labels = {tag.name: tag.label for tag in tags}
    table = pd.DataFrame(
        {
            "time (UTC)": _utc(anomalies["time"]),
            f"time ({zone_name})": anomalies["time"].dt.tz_convert(zone).dt.strftime("%Y-%m-%d %H:%M:%S.%f"),
            "tag": anomalies["tag"],
            "label": [labels.get(tag, tag) for tag in anomalies["tag"]],
            "value": anomalies["value"],
            "unit": [units.get(tag, "") for tag in anomalies["tag"]],
            **{
                name: anomalies[name]
                for name in ("expected", "lower", "upper", "score", "settings", "origin")
            },
        }
    )
    return plain_csv(table)


def _utc(times: pd.Series[pd.Timestamp]) -> pd.Series[str]:
    return times.dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def plain_csv(table: pd.DataFrame, header: bool = True) -> bytes:
    """This table as it is, made harmless; UTF-8."""
    safe = table.copy()
    for name in safe.columns:
        if safe[name].dtype == object or isinstance(safe[name].dtype, pd.StringDtype):
            safe[name] = [
                f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text
                for text in safe[name]
            ]
    return safe.to_csv(index=False, header=header, lineterminator="\n").encode("utf-8")
