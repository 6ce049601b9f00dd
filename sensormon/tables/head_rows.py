"""Rows of a table that repeat its header or are empty, and columns that only count its rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model.readings import Bools

INDEX_NOTE = "The first column has no name and counts the rows; it was left out"


def counts_rows(column: pa.ChunkedArray) -> bool:
    """Whether the cells are 0, 1, 2 … or 1, 2, 3 …, as pandas writes its index."""
    if not len(column) or str(column[0].as_py()).removesuffix(".0") not in ("0", "1"):
        return False
    try:
        numbers = pc.cast(column, pa.float64())
    except pa.ArrowInvalid:  # other text further down
        return False
    values = numbers.to_numpy()
    return bool((values == np.arange(len(values)) + values[0]).all())


def empty_rows(table: pa.Table) -> Bools:
    """The rows without any cell."""
    empty = np.ones(table.num_rows, dtype=np.bool_)
    for column in table.columns:
        if not empty.any():
            break
        empty &= np.asarray(column.is_null())
    return empty


def same_cells(table: pa.Table, cells: Sequence[str]) -> Bools:
    """The rows that have exactly these cells."""
    same = np.ones(table.num_rows, dtype=np.bool_)
    columns = [*cells, *[""] * table.num_columns][: table.num_columns]
    for column, cell in sorted(enumerate(columns), key=lambda pair: not pair[1]):
        if not same.any():
            break
        equal = pc.equal(table.column(column), cell) if cell else pc.is_null(table.column(column))
        same &= np.asarray(equal.fill_null(False))
    return same
