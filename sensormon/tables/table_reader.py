"""Tables of readings in files, whatever their form: `read_sheets` chooses the reader by the first bytes.

Returns what is in the file, column by column. What it is not: a check of the cells.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from sensormon.model.csv_words import csv_problem
from sensormon.model.errors import UsageError
from sensormon.model.format import listed
from sensormon.model.tags import UNFIT
from sensormon.tables.archive_reader import DAMAGE, is_workbook, members, unzipped
from sensormon.tables.child_limits import CELL
from sensormon.tables.csv_reader import read_csv
from sensormon.tables.excel_reader import read_excel
from sensormon.tables.influx_csv import is_annotated, read_annotated
from sensormon.tables.parquet_reader import OWN, Budget, read_parquet, too_large
from sensormon.tables.series_names import with_series
from sensormon.tables.sheet import Sheet
from sensormon.tables.text_decoding import decoded

_PARQUET, _ZIP, _EMPTY_ZIP, _GZIP = b"PAR1", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b"
_OLE = b"\xd0\xcf\x11\xe0"
"""How a file begins; the last is a workbook of Excel before 2007, or one with a password."""
_TIME = "timestamp"
"""What an index of dates without a name is called."""
_SHOWN = 300
"""The most characters of a file that a message has."""
_INDEX = re.compile(r"__index_level_\d+__")
"""What pandas calls an index without a name in a Parquet file."""


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
    sheets = _sheets(path, _Asked(str(path), path.name, hint, sheet, tuple(names)), budget)
    return [with_series(each) for each in sheets]


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
        note = f"Not read: {listed(others, 10)}"
        sheets[0] = replace(sheets[0], notes=(*sheets[0].notes, note))
    return sheets


def _named(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The table with names that can be shown. Raises UsageError for two columns of one name."""
    table.columns = [UNFIT.sub("", " ".join(str(name).split())) for name in table.columns]
    _once(list(table.columns), path)
    return table


def _once(names: list[str], path: Path) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UsageError(
            f"the column {twice[0][:_SHOWN]!r} occurs twice", where=str(path), hint="Rename one of them"
        )


def _with_index(table: pd.DataFrame) -> pd.DataFrame:
    """The table without the row numbers that pandas writes; an index of dates is the column of times."""
    for name in [name for name in table.columns if _INDEX.fullmatch(name)]:
        if pd.api.types.is_datetime64_any_dtype(table[name]):
            table = table.rename(columns={name: _TIME})
        else:
            table = table.drop(columns=[name])
    return table
