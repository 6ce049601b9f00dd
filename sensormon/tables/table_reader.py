"""Tables of readings in files: CSV separated by comma, semicolon or tab, and Parquet.

Returns what is in the file, column by column. What it is not: a check of the cells.
"""

from __future__ import annotations

import codecs
import csv
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from sensormon.model.csv_words import csv_problem
from sensormon.model.errors import UsageError
from sensormon.model.tags import UNFIT
from sensormon.tables.numbers import thousands_undone
from sensormon.tables.parquet_child import CELL, MOST_COLUMNS
from sensormon.tables.parquet_reader import OWN, Budget, read_parquet, too_large
from sensormon.tables.sheet import Sheet

TIMES = ("timestamp", "time", "datetime")
"""Names of a time column, in any case; the first of these that the file has is used."""

_PARQUET = b"PAR1"
_SHOWN = 300
"""The most characters of a file that a message has."""
_INDEX = re.compile(r"__index_level_\d+__")
"""What pandas calls an index without a name in a Parquet file."""
_LONGEST_HEADER = 1 << 20


def read_sheets(
    path: Path, hint: str, budget: Budget = OWN, *, sheet: str = "", names: Sequence[str] = ()
) -> list[Sheet]:
    """The tables of this file: one of CSV or Parquet, several of a zip; `sheet` chooses in a workbook.

    `names` are those of the columns of a file without a header. Cells of CSV stay text. Raises UsageError,
    with this hint if the file cannot be read, and what `budget.step` raises.
    """
    del sheet, names
    with path.open("rb") as file:
        start = file.read(65536)
    if start.startswith(_PARQUET):
        frame, _ = read_table(path, hint, budget)
        return [Sheet(frame, np.arange(1, len(frame) + 1), "row", path.name)]
    with path.open(encoding=_encoding(path, start), newline="") as text:
        header = text.readline(_LONGEST_HEADER)
        separator = max(",;\t", key=header.count)
        _bounded(path, header, separator, budget)
        try:
            frame = pd.read_csv(text, sep=separator, dtype=str, header=None, names=next(csv.reader([header])))
        except (ValueError, csv.Error) as error:
            raise UsageError(f"it cannot be read ({error})", where=str(path), hint=hint) from error
    return [Sheet(frame, np.arange(2, len(frame) + 2), "line", path.name, separator=separator)]


def read_table(path: Path, hint: str, budget: Budget = OWN) -> tuple[pd.DataFrame, str]:
    """The table, and what its first row is called: `line 2`, or `row 1` of Parquet.

    Characters that a tag's label may not have are removed from the column names. Raises UsageError,
    with this hint if the file cannot be read, also for one beyond the budget, and for two columns of the
    same name; and what `budget.step` raises.
    """
    table, first = _read(path, hint, budget)
    table.columns = [UNFIT.sub("", " ".join(str(name).split())) for name in table.columns]
    _once(list(table.columns), path)
    return table, first


def time_column(table: pd.DataFrame) -> str | None:
    """The name of the column of times; None if there is none."""
    named = {name.lower(): name for name in reversed(list(table.columns))}
    return next((named[name] for name in TIMES if name in named), None)


def _read(path: Path, hint: str, budget: Budget) -> tuple[pd.DataFrame, str]:
    try:
        with path.open("rb") as file:
            start = file.read(65536)
        if start.startswith(_PARQUET):
            table = _with_index(read_parquet(path, budget))
            return table, "row 1"
        encoding = _encoding(path, start)
        with path.open(encoding=encoding, newline="") as text:
            header = text.readline(_LONGEST_HEADER)
            while header and not header.strip():
                header = text.readline(_LONGEST_HEADER)
        separator = max(",;\t", key=header.count)
        _bounded(path, header, separator, budget)
        names = next(csv.reader([header], delimiter=separator, skipinitialspace=True), [])
        names = [name.strip() or f"column {place}" for place, name in enumerate(names, 1)]
        _once(names, path)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return _read_csv(path, separator, encoding, names), "line 2"
    except (OSError, ValueError, csv.Error, pa.ArrowException, pd.errors.ParserWarning) as error:
        words = csv_problem(error) if isinstance(error, csv.Error) else str(error)
        why = " ".join(words.split())[:_SHOWN]
        raise UsageError(f"it cannot be read ({why})", where=str(path), hint=hint) from error


def _bounded(path: Path, header: str, separator: str, budget: Budget) -> None:
    """Raise UsageError for more columns or cells than can be held."""
    if len(header) >= _LONGEST_HEADER:
        raise UsageError(
            f"its first line is longer than {_LONGEST_HEADER >> 20} MiB",
            where=str(path),
            hint="Give a file with the names of its columns in the first line",
        )
    if header.count(separator) >= MOST_COLUMNS:
        raise UsageError(
            f"it has more than {MOST_COLUMNS:,} columns",
            where=str(path),
            hint="Split it, or give one column of tags and one of values",
        )
    cells = 0
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            budget.step()
            cells += part.count(separator.encode()) + part.count(b"\n")
    if cells * CELL > budget.bytes:
        raise too_large(path, budget, cells)


def _once(names: list[str], path: Path) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UsageError(
            f"the column {twice[0][:_SHOWN]!r} occurs twice", where=str(path), hint="Rename one of them"
        )


def _encoding(path: Path, start: bytes) -> str:
    """UTF-16 by its byte-order mark, UTF-8 if the whole file is valid, otherwise Windows-1252."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                decoder.decode(part)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _with_index(table: pd.DataFrame) -> pd.DataFrame:
    """The table without the row numbers that pandas writes; an index of dates is the column of times."""
    for name in [name for name in table.columns if _INDEX.fullmatch(name)]:
        if pd.api.types.is_datetime64_any_dtype(table[name]):
            table = table.rename(columns={name: TIMES[0]})
        else:
            table = table.drop(columns=[name])
    return table


def _read_csv(path: Path, separator: str, encoding: str, names: list[str]) -> pd.DataFrame:
    """The table; with semicolons a comma may be the decimal mark if that gives more numeric columns."""
    marks = ".," if separator == ";" else "."
    tables = [
        pd.read_csv(
            path,
            sep=separator,
            decimal=mark,
            skipinitialspace=True,
            index_col=False,
            encoding=encoding,
            header=0,
            names=names,
        )
        for mark in marks
    ]
    tables = [table.apply(_without_huge) for table in tables]
    tables[1:] = [table.apply(thousands_undone) for table in tables[1:]]
    return max(tables, key=lambda table: table.select_dtypes("number").shape[1])


def _without_huge(column: pd.Series[Any]) -> pd.Series[Any]:
    """The column with whole numbers beyond 64 bits as text: as integers they cannot be made floats."""
    if column.dtype != object:
        return column
    return column.map(lambda cell: str(cell) if isinstance(cell, int) else cell)
