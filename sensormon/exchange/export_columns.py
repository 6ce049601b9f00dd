"""Frames and streams of rows as files that people take away: CSV, Parquet and Excel.

Each column of times comes twice, in UTC and in the viewer's zone, and says so in its name
(`time (UTC)`, `time (Europe/Berlin)`), so that a file means the same everywhere. Text that a
spreadsheet would run as a formula is made harmless with a leading apostrophe.
"""

from __future__ import annotations

from datetime import tzinfo
from io import BytesIO

import pandas as pd
import pyarrow as pa

from sensormon.exchange.table_writer import EXCEL_ROWS, FORMS, plain_csv, too_long
from sensormon.model.tags import TagTable


def with_zone(table: pa.Table, zone_name: str) -> pa.Table:
    """The table with two columns, `NAME (UTC)` and `NAME (zone)`, for each column NAME of times.

    One alone where the zone is UTC. Times without a zone are taken for UTC.
    """
    columns: dict[str, pa.ChunkedArray] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_timestamp(column.type):
            for zone in dict.fromkeys(("UTC", zone_name)):
                columns[f"{name} ({zone})"] = column.cast(pa.timestamp("us", zone))
        else:
            columns[name] = column
    return pa.table(columns)


def frame_file(frame: pd.DataFrame, form: str, zone_name: str) -> bytes:
    """All columns of this frame as a file; `form` is one of `FORMS`.

    Raises UsageError where an Excel sheet cannot have so many rows.
    """
    return table_file(pa.Table.from_pandas(frame, preserve_index=False), form, zone_name)


def table_file(table: pa.Table, form: str, zone_name: str) -> bytes:
    """The same of an Arrow table."""
    if form == "Excel" and table.num_rows > EXCEL_ROWS:
        raise too_long(table.num_rows)
    stream = BytesIO()
    file = FORMS[form].begin(stream)
    file.write(with_zone(table, zone_name))
    file.close()
    return stream.getvalue()


def frame_csv(frame: pd.DataFrame, zone_name: str) -> bytes:
    """UTF-8 with a header line."""
    return frame_file(frame, "CSV", zone_name)


def frame_parquet(frame: pd.DataFrame, zone_name: str) -> bytes:
    """Times as timestamps in their zones."""
    return frame_file(frame, "Parquet", zone_name)


def frame_excel(frame: pd.DataFrame, zone_name: str) -> bytes:
    """One sheet; times as Excel's dates. Raises UsageError above `EXCEL_ROWS` rows."""
    return frame_file(frame, "Excel", zone_name)


def readings_csv(readings: pd.DataFrame) -> bytes:
    """All columns of these readings, in their order; UTF-8."""
    stream = BytesIO()
    FORMS["CSV"].begin(stream).write(pa.Table.from_pandas(readings, preserve_index=False))
    return stream.getvalue()


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
