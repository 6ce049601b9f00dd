"""Tables of readings in files: CSV separated by comma, semicolon or tab, and Parquet.

Says what is in the file, column by column. What it is not: a judgement of the cells.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd
import pyarrow as pa

from sensormon.errors import UsageError
from sensormon.import_numbers import thousands_undone
from sensormon.tags import UNFIT

TIMES = ("timestamp", "time", "datetime")
"""What a time column is called, in any case; the first of these that is there is used."""

_PARQUET = b"PAR1"


def read_table(path: Path, hint: str) -> tuple[pd.DataFrame, str]:
    """The table, and what its first row is called: `line 2`, or `row 1` of Parquet.

    The names of the columns are without what no tag's label may hold. Raises UsageError with this
    hint where it cannot be read or a column comes twice.
    """
    table, first = _read(path, hint)
    table.columns = [UNFIT.sub("", " ".join(str(name).split())) for name in table.columns]
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()][0]
        raise UsageError(f"the column {twice!r} comes twice", where=str(path), hint="Rename one of them")
    return table, first


def time_column(table: pd.DataFrame) -> str | None:
    """The name of the column of times; None where there is none."""
    named = {name.lower(): name for name in reversed(list(table.columns))}
    return next((named[name] for name in TIMES if name in named), None)


def _read(path: Path, hint: str) -> tuple[pd.DataFrame, str]:
    try:
        with path.open("rb") as file:
            start = file.read(65536)
        if start.startswith(_PARQUET):
            table = _with_index(pd.read_parquet(path))
            return table, "row 1"
        header = start.split(b"\n", 1)[0]
        separator = max(",;\t", key=lambda one: header.count(one.encode()))
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return _read_csv(path, separator), "line 2"
    except (OSError, ValueError, pa.ArrowException, pd.errors.ParserWarning) as error:
        why = " ".join(str(error).split())
        raise UsageError(f"it cannot be read ({why})", where=str(path), hint=hint) from error


def _with_index(table: pd.DataFrame) -> pd.DataFrame:
    """Dates and what has a name are columns; other row numbers say nothing."""
    if isinstance(table.index, pd.DatetimeIndex) and table.index.name is None:
        table.index.name = "timestamp"
    named = [name for name in table.index.names if name is not None]
    if named:
        table = table.reset_index(named)
    return table.reset_index(drop=True)


def _read_csv(path: Path, separator: str) -> pd.DataFrame:
    """Behind semicolons a comma may be the decimal mark: the reading with more columns of numbers."""
    marks = ".," if separator == ";" else "."
    tables = [
        pd.read_csv(path, sep=separator, decimal=mark, skipinitialspace=True, index_col=False)
        for mark in marks
    ]
    tables[1:] = [table.apply(thousands_undone) for table in tables[1:]]
    return max(tables, key=lambda table: table.select_dtypes("number").shape[1])
