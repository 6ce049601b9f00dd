"""Tables written to a file piece by piece: CSV, Parquet, Excel. Memory stays that of a piece.

A `TableFile` gets Arrow tables of one schema, in order, and is closed or abandoned. Times are
timestamps with a zone: in CSV those in UTC are ISO 8601 with Z and those in another zone are
local times; in Excel, which knows no zones, both are local times and the column's name must say
where (`with_zone` does that). Text that a spreadsheet would run as a formula begins with an
apostrophe in CSV and Excel.

What it is not: a choice of rows; see `sensormon.exchange.exporter`.
"""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import xlsxwriter

from sensormon.model.errors import UsageError

EXCEL_ROWS = 1_048_575
"""Rows that a sheet can have below its header."""

_EXCEL_TEXT = 32_767
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"
_ROWS = 5_000
"""Rows turned to text at once: the collector's threads wait for less."""

_EPOCH_DAYS = 25_569.0
"""1970-01-01 as Excel counts days."""
_FIRST_DAY = 61.0
"""1900-03-01: before it Excel counts a day that was not."""


class TableFile(Protocol):
    """A file that is being written."""

    def write(self, table: pa.Table) -> None:
        """Append these rows. An OSError of the disk is let through."""

    def close(self) -> None:
        """Write what is left; the stream itself stays open."""

    def abandon(self) -> None:
        """Let go of everything beside the stream, unfinished as it is."""


def plain_csv(table: pd.DataFrame, header: bool = True) -> bytes:
    """This table as it is, made harmless; UTF-8."""
    text: str = harmless(table).to_csv(index=False, header=header, lineterminator="\n")
    return text.encode("utf-8")


def harmless(table: pd.DataFrame) -> pd.DataFrame:
    """The table with an apostrophe before text that a spreadsheet would run."""
    safe = table.copy(deep=False)
    for name in safe.columns:
        column = safe[name]
        if isinstance(column.dtype, pd.StringDtype):
            if column.str.startswith(_FORMULA, na=False).any():
                safe[name] = [_harmless(text) for text in column]
        elif column.dtype == object:
            safe[name] = [_harmless(text) for text in column]
    return safe


def _harmless(text: Any) -> Any:
    if not isinstance(text, str) or not text.startswith(_FORMULA) or re.fullmatch(_NUMBER, text):
        return text
    return f"'{text}"


def table_csv(table: pa.Table, header: bool = True) -> bytes:
    """The rows of this table as `CsvFile` writes them; UTF-8.

    By Arrow, which takes a tenth of pandas' time and lets other threads run meanwhile; by pandas
    where text needs quotes, which Arrow would put around all text.
    """
    shown = _with_texts(table)
    if not shown.num_rows or not shown.num_columns:
        return plain_csv(shown.to_pandas(), header)
    stream = BytesIO()
    if header:
        csv.writer(stream_text := StringIO(), lineterminator="\n").writerow(shown.column_names)
        stream.write(stream_text.getvalue().encode("utf-8"))
    try:
        pa_csv.write_csv(_as_pandas_says(shown), stream, _BARE)
    except pa.ArrowInvalid:
        return plain_csv(shown.to_pandas(), header)
    return stream.getvalue()


_BARE = pa_csv.WriteOptions(include_header=False, quoting_style="none")


def _as_pandas_says(table: pa.Table) -> pa.Table:
    """Made harmless, and with numbers and truth values as pandas writes them: 37.0, True, nothing for NaN."""
    for place, field in enumerate(table.schema):
        table = table.set_column(place, field.name, _cells(table.column(place)))
    return table


def _cells(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_floating(kind):
        number = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column).cast(pa.string())
        whole = pc.match_substring_regex(number, r"^-?[0-9]+$")
        return pc.if_else(whole, pc.binary_join_element_wise(number, "0", "."), number)
    if pa.types.is_boolean(kind):
        return pc.if_else(column, "True", "False")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        runs = pc.match_substring_regex(column, r"^[=+\-@\t\r]")
        runs = pc.and_not(runs, pc.match_substring_regex(column, rf"\A{_NUMBER}\z"))
        if pc.any(runs).as_py():
            text = column.cast(pa.string())
            return pc.if_else(runs, pc.binary_join_element_wise("'", text, ""), text)
    return column


class CsvFile:
    """UTF-8 with a header line, also where there are no rows."""

    def __init__(self, stream: BinaryIO, folder: Path | None = None) -> None:  # noqa: ARG002
        self._stream = stream
        self._header = True

    def write(self, table: pa.Table) -> None:
        for part in _parts(table):
            if part.num_rows or self._header:
                self._stream.write(table_csv(part, self._header))
            self._header = False

    def close(self) -> None:
        pass

    def abandon(self) -> None:
        pass


def _with_texts(table: pa.Table) -> pa.Table:
    """Times as text; a cast by Arrow, which takes a twentieth of the time that `strftime` takes."""
    for place, field in enumerate(table.schema):
        if not pa.types.is_timestamp(field.type):
            continue
        column, zone = table.column(place).cast(pa.timestamp("us", field.type.tz)), field.type.tz
        if zone == "UTC":
            text = pc.replace_substring(column.cast(pa.timestamp("us")).cast(pa.string()), " ", "T")
            text = pc.binary_join_element_wise(text, "Z", "")
        else:
            # By pandas: Arrow would need the system's time zones, which a small container has not.
            local = pa.Array.from_pandas(column.to_pandas().dt.tz_localize(None)) if zone else column
            text = local.cast(pa.timestamp("us")).cast(pa.string())
        table = table.set_column(place, field.name, text)
    return table


class ParquetFile:
    """A row group a piece."""

    def __init__(self, stream: BinaryIO, folder: Path | None = None) -> None:  # noqa: ARG002
        self._stream = stream
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._stream, table.schema, compression="zstd")
        if table.num_rows or self._writer is None:
            self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def abandon(self) -> None:
        self._writer = None


class ExcelFile:
    """One sheet, its header in view. Raises UsageError before the row that it cannot have.

    Rows go to a scratch file at once (XlsxWriter's constant memory), in `folder` where one is
    given; numbers that are not finite are empty cells.
    """

    def __init__(self, stream: BinaryIO, folder: Path | None = None) -> None:
        self._scratch = tempfile.TemporaryDirectory(dir=folder, prefix=".excel-")
        self._book = xlsxwriter.Workbook(
            cast("Any", stream), {"constant_memory": True, "tmpdir": self._scratch.name}
        )
        self._sheet: Any = self._book.add_worksheet("sensormon")
        self._time = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self._row = 0

    def write(self, table: pa.Table) -> None:
        if not self._row:
            self._head(table)
        if self._row + table.num_rows > EXCEL_ROWS + 1:
            raise too_long(self._row - 1 + table.num_rows)
        for part in _parts(table):
            writers, columns = zip(*(self._column(part, name) for name in part.column_names), strict=True)
            for row in zip(*columns, strict=True):
                for place, (write, cell) in enumerate(zip(writers, row, strict=True)):
                    if cell is not None and cell == cell:  # noqa: PLR0124  NaN is an empty cell
                        write(self._row, place, cell)
                self._row += 1

    def close(self) -> None:
        try:
            self._book.close()
        finally:
            self._scratch.cleanup()

    def abandon(self) -> None:
        self._book.fileclosed = 1  # its destructor would finish the file
        self._sheet.row_data_fh.close()
        self._scratch.cleanup()

    def _head(self, table: pa.Table) -> None:
        bold = self._book.add_format({"bold": True})
        self._sheet.freeze_panes(1, 0)
        for place, field in enumerate(table.schema):
            width = 24 if pa.types.is_timestamp(field.type) else max(10, min(40, len(field.name) + 2))
            self._sheet.set_column(place, place, width)
        for place, name in enumerate(table.column_names):
            self._sheet.write_string(0, place, name, bold)
        self._row = 1

    def _column(self, table: pa.Table, name: str) -> tuple[Callable[..., Any], list[Any]]:
        """How cells of this column are written, and the cells."""
        kind = table.schema.field(name).type
        frame = table.select([name]).to_pandas()
        if pa.types.is_timestamp(kind):
            return self._write_time, _days(frame[name])
        if pa.types.is_boolean(kind):
            return self._sheet.write_boolean, table.column(name).to_pylist()
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            numbers = frame[name].to_numpy(dtype=np.float64)
            return self._sheet.write_number, np.where(np.isfinite(numbers), numbers, np.nan).tolist()
        return self._write_text, harmless(frame)[name].tolist()

    def _write_time(self, row: int, place: int, days: float) -> None:
        if days >= _FIRST_DAY:
            self._sheet.write_number(row, place, days, self._time)
        else:
            moment = pd.Timestamp((days - _EPOCH_DAYS) * 86_400, unit="s")
            self._sheet.write_string(row, place, moment.strftime("%Y-%m-%d %H:%M:%S"))

    def _write_text(self, row: int, place: int, text: Any) -> None:
        self._sheet.write_string(row, place, str(text)[:_EXCEL_TEXT])


def too_long(rows: int) -> UsageError:
    """What is said of more rows than an Excel sheet can have."""
    return UsageError(
        f"{rows:,} rows are more than the {EXCEL_ROWS:,} that an Excel sheet can have",
        where="Excel",
        hint="Choose a shorter span or fewer tags, or CSV or Parquet, which have no such limit",
    )


def _days(times: pd.Series[Any]) -> list[float]:
    """Local times as Excel counts them; NaN for none."""
    local = times.dt.tz_localize(None) if times.dt.tz is not None else times
    micros = local.astype("datetime64[us]")
    days: list[float] = np.where(
        micros.isna(), np.nan, micros.to_numpy().astype(np.int64) / 86_400e6 + _EPOCH_DAYS
    ).tolist()
    return days


def _parts(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, max(1, table.num_rows), _ROWS):
        yield table.slice(start, _ROWS)


class Begin(Protocol):
    """Begins a file in a stream; `folder` is where scratch files may be."""

    def __call__(self, stream: BinaryIO, folder: Path | None = None) -> TableFile: ...


@dataclass(frozen=True)
class Form:
    """A kind of file: the end of its name, its media type, and how one is begun."""

    suffix: str
    media_type: str
    begin: Begin


FORMS: dict[str, Form] = {
    "CSV": Form("csv", "text/csv; charset=utf-8", CsvFile),
    "Parquet": Form("parquet", "application/vnd.apache.parquet", ParquetFile),
    "Excel": Form("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ExcelFile),
}
"""By the name a person chooses."""


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


def table_file(table: pa.Table, form: str, zone_name: str) -> bytes:
    """This table as a file; `form` is one of `FORMS`, column names say the zones, see `with_zone`.

    Raises UsageError where an Excel sheet cannot have so many rows.
    """
    if form == "Excel" and table.num_rows > EXCEL_ROWS:
        raise too_long(table.num_rows)
    stream = BytesIO()
    file = FORMS[form].begin(stream)
    file.write(with_zone(table, zone_name))
    file.close()
    return stream.getvalue()
