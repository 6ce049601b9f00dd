"""Tables written to a file piece by piece, in the memory of one piece: CSV, Parquet, Excel.

A `TableFile` gets Arrow tables of one schema, in order, and is then closed or abandoned. Times are
timestamps with a zone. In CSV those in UTC are ISO 8601 with Z and those in another zone are
local times. Excel has no time zones: both are local times, and the column's name must name the
zone (`with_zone` does that). In CSV and Excel, text that a spreadsheet would run as a formula
begins with an apostrophe.

What it is not: a choice of rows; see `sensormon.exchange.exporter`.
"""

from __future__ import annotations

import csv
import math
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

from sensormon.exchange.state_values import beside, is_either, parted
from sensormon.model.errors import UsageError

EXCEL_ROWS = 1_048_575
"""The most rows of a sheet below its header."""

_EXCEL_TEXT = 32_767
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"
_ROWS = 5_000
"""Rows turned into text at once; with more the collector's threads would wait too long."""

_EPOCH_DAYS = 25_569.0
"""1970-01-01 in Excel's count of days."""
_FIRST_DAY = 61.0
"""1900-03-01: before it Excel counts a day that did not exist."""


class TableFile(Protocol):
    """A file that is being written."""

    def write(self, table: pa.Table) -> None:
        """Append these rows. Raises OSError if the disk fails."""

    def close(self) -> None:
        """Write the rest; the stream itself stays open."""

    def abandon(self) -> None:
        """Release everything except the stream; the file stays unfinished."""


def plain_csv(table: pd.DataFrame, header: bool = True) -> bytes:
    """This table as CSV in UTF-8, made harmless."""
    text: str = harmless(table).to_csv(index=False, header=header, lineterminator="\n")
    return text.encode("utf-8")


def harmless(table: pd.DataFrame) -> pd.DataFrame:
    """The table with an apostrophe before text that a spreadsheet would run as a formula."""
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
    """The rows of this table as `CsvFile` writes them, in UTF-8.

    Arrow writes them: it takes a tenth of pandas' time and lets other threads run meanwhile. If some
    text needs quotes, pandas does, because Arrow would quote all text.
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
    """The table made harmless, with numbers and truth values as pandas writes them: 37.0, True, NaN empty."""
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
    """UTF-8 with a header line, even without rows."""

    def __init__(self, stream: BinaryIO, _folder: Path | None = None) -> None:
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
    """The table with times, and values that may be words, as text.

    Arrow's cast takes a twentieth of the time of `strftime`.
    """
    for place, field in enumerate(table.schema):
        if is_either(field.type):
            table = table.set_column(place, field.name, _number_or_word(table.column(place)))
        if not pa.types.is_timestamp(field.type):
            continue
        column, zone = table.column(place).cast(pa.timestamp("us", field.type.tz)), field.type.tz
        if zone == "UTC":
            text = pc.replace_substring(column.cast(pa.timestamp("us")).cast(pa.string()), " ", "T")
            text = pc.binary_join_element_wise(text, "Z", "")
        else:
            # By pandas: Arrow would need the system's time zones, which a small container lacks.
            local = pa.Array.from_pandas(column.to_pandas().dt.tz_localize(None)) if zone else column
            text = local.cast(pa.timestamp("us")).cast(pa.string())
        table = table.set_column(place, field.name, text)
    return table


def _number_or_word(column: pa.ChunkedArray) -> pa.ChunkedArray:
    numbers, words = parted(column)
    return pc.coalesce(words, _cells(pa.chunked_array([numbers])))


class ParquetFile:
    """One row group per piece. States are in a column of their own, after their empty values."""

    def __init__(self, stream: BinaryIO, _folder: Path | None = None) -> None:
        self._stream = stream
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        table = beside(table)
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
    """One sheet with a frozen header. Raises UsageError if there are more rows than a sheet can have.

    Rows go to a scratch file at once (XlsxWriter's constant memory), in `folder` if it is given.
    Numbers that are not finite become empty cells.
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
                    if not _is_empty(cell):
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
        """The function that writes a cell of this column, and the cells; None and NaN are empty."""
        kind = table.schema.field(name).type
        if is_either(kind):
            return self._write_either, table.column(name).to_pylist()
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

    def _write_either(self, row: int, place: int, value: float | str) -> None:
        if isinstance(value, str):
            self._write_text(row, place, _harmless(value))
        elif math.isfinite(value):
            self._sheet.write_number(row, place, value)

    def _write_text(self, row: int, place: int, text: Any) -> None:
        self._sheet.write_string(row, place, str(text)[:_EXCEL_TEXT])


def _is_empty(cell: object) -> bool:
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def too_long(rows: int) -> UsageError:
    """The error for more rows than an Excel sheet can have."""
    return UsageError(
        f"{rows:,} rows are more than the {EXCEL_ROWS:,} that an Excel sheet can have",
        where="Excel",
        hint="Choose a shorter span or fewer tags, or CSV or Parquet, which have no such limit",
    )


def _days(times: pd.Series[Any]) -> list[float]:
    """Local times as Excel counts days; NaN for a missing time."""
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
    """Begins a file in a stream; scratch files go into `folder`."""

    def __call__(self, stream: BinaryIO, folder: Path | None = None, /) -> TableFile: ...


@dataclass(frozen=True)
class Form:
    """A kind of file: its suffix, its media type, and how to begin one."""

    suffix: str
    media_type: str
    begin: Begin


FORMS: dict[str, Form] = {
    "CSV": Form("csv", "text/csv; charset=utf-8", CsvFile),
    "Parquet": Form("parquet", "application/vnd.apache.parquet", ParquetFile),
    "Excel": Form("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ExcelFile),
}
"""The kinds of files by the names that people choose."""


def with_zone(table: pa.Table, zone_name: str) -> pa.Table:
    """The table with two columns, `NAME (UTC)` and `NAME (zone)`, for each column NAME of times.

    If the zone is UTC there is only one. Times without a zone are read as UTC.
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
    """This table as a file; `form` is one of `FORMS`, column names have the zones, see `with_zone`.

    Raises UsageError if it has more rows than an Excel sheet can have.
    """
    if form == "Excel" and table.num_rows > EXCEL_ROWS:
        raise too_long(table.num_rows)
    stream = BytesIO()
    file = FORMS[form].begin(stream)
    file.write(with_zone(table, zone_name))
    file.close()
    return stream.getvalue()
