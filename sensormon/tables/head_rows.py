"""Rows of a table that repeat its header, as in files that were put together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model.readings import Bools


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
