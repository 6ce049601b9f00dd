"""Tables of readings in files, whatever their form: `read_sheets` chooses the reader by the first bytes.

Returns what is in the file, column by column. What it is not: a check of the cells.
"""

from __future__ import annotations

import codecs
import csv
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from sensormon.model.csv_words import csv_problem
from sensormon.model.errors import UsageError
from sensormon.model.tags import UNFIT
from sensormon.tables.archive_reader import DAMAGE, is_workbook, members, unzipped
from sensormon.tables.child_limits import CELL, MOST_COLUMNS
from sensormon.tables.csv_reader import read_csv
from sensormon.tables.excel_reader import read_excel
from sensormon.tables.influx_csv import is_annotated, read_annotated
from sensormon.tables.numbers import thousands_undone
from sensormon.tables.parquet_reader import OWN, Budget, read_parquet, too_large
from sensormon.tables.sheet import Sheet
from sensormon.tables.text_decoding import decoded

TIMES = ("timestamp", "time", "datetime")
"""Names of a time column, in any case; the first of these that the file has is used."""

_PARQUET, _ZIP, _EMPTY_ZIP, _GZIP = b"PAR1", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b"
_OLE = b"\xd0\xcf\x11\xe0"
"""How a file begins; the last is a workbook of Excel before 2007, or one with a password."""
_SHOWN = 300
"""The most characters of a file that a message has."""
_INDEX = re.compile(r"__index_level_\d+__")
"""What pandas calls an index without a name in a Parquet file."""
_LONGEST_HEADER = 1 << 20


def read_sheets(
    path: Path, hint: str, budget: Budget = OWN, *, sheet: str = "", names: Sequence[str] = ()
) -> list[Sheet]:
    """The tables of this file: one of a plain file, one for each table in a zip.

    Reads text by any usual separator, annotated CSV of InfluxDB, Parquet, workbooks (the named `sheet`, else
    the first with a table), and these in gzip or zip. `names` are those of the columns where the file has
    none, or instead of its own. Cells of text stay text. Raises UsageError, with this hint if the file
    cannot be read, also for one beyond the budget, and for two columns of one name; and what `budget.step`
    raises.
    """
    return _sheets(path, _Asked(str(path), path.name, hint, sheet, tuple(names)), budget)


@dataclass(frozen=True)
class _Asked:
    """What somebody wants of a file; `where` is its path for messages, `packed` says it was in another."""

    where: str
    name: str
    hint: str
    sheet: str
    names: tuple[str, ...]
    packed: bool = False


def _sheets(path: Path, asked: _Asked, budget: Budget) -> list[Sheet]:
    """The tables of the file; its own path, which may be that of a passing one, is in no message."""
    try:
        return _read_sheets(path, asked, budget)
    except UsageError as error:
        where = error.where if error.where.startswith(asked.where) else asked.where
        raise UsageError(error.what, where=where, hint=error.hint) from error
    except (OSError, ValueError, csv.Error, pa.ArrowException, *DAMAGE) as error:
        words = csv_problem(error) if isinstance(error, csv.Error) else str(error)
        why = " ".join(words.split())[:_SHOWN]
        raise UsageError(f"it cannot be read ({why})", where=asked.where, hint=asked.hint) from error


def _read_sheets(path: Path, asked: _Asked, budget: Budget) -> list[Sheet]:
    with path.open("rb") as file:
        start = file.read(8)
    archive = start.startswith((_ZIP, _EMPTY_ZIP)) and not is_workbook(path)
    if (archive or start.startswith(_GZIP)) and asked.packed:
        raise UsageError("it has an archive in it", hint="Unpack that, and import its files")
    if archive:
        return _zipped(path, asked, budget)
    if start.startswith(_GZIP):
        with unzipped(path, budget) as plain:
            return _sheets(plain, replace(asked, name=asked.name.removesuffix(".gz"), packed=True), budget)
    if start.startswith(_PARQUET):
        frame = _named(_with_index(read_parquet(path, budget)), path)
        return [Sheet(frame, np.arange(1, len(frame) + 1), "row", asked.name)]
    if start.startswith((_ZIP, _OLE)):
        return [read_excel(path, asked.name, budget, asked.sheet, asked.names)]
    if path.stat().st_size > budget.bytes:
        raise too_large(path, budget, 0)
    text, note = decoded(path.read_bytes())
    if is_annotated(text):
        table = read_annotated(text, path, asked.name, budget)
    else:
        table = read_csv(text, path, asked.name, budget, asked.names)
    return [replace(table, notes=(note, *table.notes)) if note else table]


def _zipped(path: Path, asked: _Asked, budget: Budget) -> list[Sheet]:
    """The tables in a zip; what is no table is named in the notes of the first."""
    sheets: list[Sheet] = []
    left = budget
    with members(path, budget) as (tables, others):
        for name, file in tables:
            member = replace(asked, where=f"{asked.where}: {name}", name=name, packed=True)
            read = _sheets(file, member, left)
            cells = sum(table.frame.size for table in read)
            left = replace(left, bytes=max(1, left.bytes - cells * CELL))
            sheets += read
    if not sheets:
        raise UsageError("it has no table in it", hint="Give a zip of CSV, Parquet or xlsx files")
    if others:
        more = f" and {len(others) - 10:,} more" if len(others) > 10 else ""
        note = f"Not read: {', '.join(others[:10])}{more}"
        sheets[0] = replace(sheets[0], notes=(*sheets[0].notes, note))
    return sheets


def _named(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The table with names that can be shown. Raises UsageError for two columns of one name."""
    table.columns = [UNFIT.sub("", " ".join(str(name).split())) for name in table.columns]
    _once(list(table.columns), path)
    return table


def read_table(path: Path, hint: str, budget: Budget = OWN) -> tuple[pd.DataFrame, str]:
    """The table, and what its first row is called: `line 2`, or `row 1` of Parquet.

    Characters that a tag's label may not have are removed from the column names. Raises UsageError,
    with this hint if the file cannot be read, also for one beyond the budget, and for two columns of the
    same name; and what `budget.step` raises.
    """
    table, first = _read(path, hint, budget)
    return _named(table, path), first


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
