"""Workbooks from outside (xlsx, xls, xlsb, ods), read in a process of its own within a budget.

A column of one type keeps it: numbers, times, truth values. A mixed one becomes text, numbers with a
point and times as ISO 8601. A cell with an error such as #DIV/0! is empty.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model.errors import UsageError
from sensormon.tables.budget import Budget
from sensormon.tables.head_rows import INDEX_NOTE, counts_rows, empty_rows, same_cells
from sensormon.tables.headings import find_heading
from sensormon.tables.reading_process import read_apart
from sensormon.tables.separators import typed_columns
from sensormon.tables.sheet import Sheet
from sensormon.tables.text_rows import Row, Shape

_CHILD = Path(__file__).with_name("excel_child.py")
_SAMPLE_ROWS = 500
_TYPES = {"n": pa.float64(), "d": pa.timestamp("us"), "b": pa.bool_()}


def read_excel(path: Path, name: str, budget: Budget, sheet: str = "", names: Sequence[str] = ()) -> Sheet:
    """The table of this sheet, or of the first one with a table.

    Raises UsageError for a workbook beyond the budget, without such a sheet, protected, or without names
    that fit; ValueError for one that cannot be read, and what `budget.step` raises.
    """
    table = read_apart(_CHILD, path, budget, sheet, hint="Name a sheet that has one column per tag")
    about = json.loads(table.schema.metadata[b"sheet"])
    text = pa.table([pc.utf8_slice_codeunits(column, 1) for column in table.columns], table.column_names)
    text = pa.table([pc.utf8_trim_whitespace(column) for column in text.columns], table.column_names)
    rows = [
        Row(1 + place, tuple(str(row[key] or "") for key in table.column_names))
        for place, row in enumerate(text.slice(0, _SAMPLE_ROWS).to_pylist())
    ]
    full = [row.cells for row in rows if sum(map(bool, row.cells)) > 1]
    if not full:
        raise UsageError(f"sheet {about['sheet']!r} has no table", where=str(path), hint="Name another sheet")
    shape = Shape("", len(full[0]), typed_columns(full))
    heading = find_heading(rows, shape, path, "row", names)
    place = np.arange(1, 1 + len(table), dtype=np.int64)
    keep = place > heading.last
    repeated = np.zeros(len(keep), dtype=np.bool_)
    for head in heading.heads:
        repeated |= keep & same_cells(_emptied(text), head)
    keep &= ~repeated & ~empty_rows(table)
    table, text, place = table.filter(pa.array(keep)), text.filter(pa.array(keep)), place[keep]
    index = not heading.names[0] and counts_rows(text.column(0))
    columns: dict[str, pd.Series[Any]] = {}
    for column, title in enumerate([*heading.names, *[""] * table.num_columns][: table.num_columns]):
        if index and column == 0:
            continue
        if title or table.column(column).null_count < len(table):
            columns[title or f"column {column + 1}"] = _typed(table.column(column), text.column(column))
    notes = [f"Sheet {about['sheet']!r} was read", *heading.notes]
    if about["others"]:
        notes.append("Other sheets: " + ", ".join(map(repr, about["others"][:20])))
    if index:
        notes.append(INDEX_NOTE)
    if repeated.any():
        count = int(repeated.sum())
        what = "1 row repeats" if count == 1 else f"{count:,} rows repeat"
        notes.append(f"{what} the header and {'was' if count == 1 else 'were'} skipped")
    frame = pd.DataFrame(columns, index=range(len(table)))
    return Sheet(frame, place, "row", f"{name}, {about['sheet']}", heading.units, (), tuple(notes))


def _emptied(text: pa.Table) -> pa.Table:
    """The text with null for cells of white space alone."""
    columns = [pc.if_else(pc.equal(column, ""), None, column) for column in text.columns]
    return pa.table(columns, text.column_names)


def _typed(cells: pa.ChunkedArray, text: pa.ChunkedArray) -> pd.Series[Any]:
    """The column by its type, as text if it has several."""
    kinds = pc.unique(pc.utf8_slice_codeunits(cells, 0, 1)).drop_null().to_pylist()
    kind = _TYPES.get(kinds[0]) if len(kinds) == 1 else None
    if kind is None:
        text = pc.if_else(pc.equal(text, ""), None, text).cast(pa.large_string())
    series: pd.Series[Any] = (text.cast(kind) if kind is not None else text).to_pandas()
    return series.reset_index(drop=True)
