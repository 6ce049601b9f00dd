"""The text of a column's cells, tidied for the grammars of times and numbers."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model.readings import Bools

LONGEST = 120
"""No time and no number is longer (bytes); a longer cell is neither."""

_SPACES = "[\u00a0\u2000-\u200a\u202f\u205f\u3000]"
_DASHES = "[\u2010-\u2015\u2212]"
_MARKS = "[\ufeff\u200b-\u200f\u202a-\u202e\u2060]"
"""Marks without a width: of the byte order, of the direction of writing."""


def text_of(column: pd.Series[Any]) -> pa.Array:
    """The cells as text; null for an empty cell. Dates are in ISO 8601, whole numbers without a point."""
    if column.dtype == "str":
        cells = pa.array(column, type=pa.large_string(), from_pandas=True)
    else:
        empty = column.isna().tolist()
        texts = [None if none else _text(cell) for cell, none in zip(column.tolist(), empty, strict=True)]
        cells = pa.array(texts, type=pa.large_string())
    return cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells


def tidy(cells: pa.Array) -> pa.Array:
    """Text without quotes and spaces around it, with plain spaces and dashes; null for a cell too long."""
    length = pc.binary_length(cells)
    if (pc.max(length).as_py() or 0) > LONGEST:
        cells = pc.if_else(pc.greater(length, LONGEST), pa.scalar(None, cells.type), cells)
        length = pc.binary_length(cells)
    if pc.any(pc.not_equal(length, pc.utf8_length(cells))).as_py():
        cells = pc.replace_substring_regex(cells, _SPACES, " ")
        cells = pc.replace_substring_regex(cells, _DASHES, "-")
        cells = pc.replace_substring_regex(cells, _MARKS, "")
    return pc.ascii_trim(cells, characters=" \t\r\n\"'")


def matching(cells: pa.Array, pattern: str) -> Bools:
    """Which cells are of this pattern as a whole (syntax of RE2); a null cell is not."""
    return truths(pc.match_substring_regex(cells, f"^(?:{pattern})$"))


def truths(flags: pa.Array) -> Bools:
    """An array of truth values as numpy has it; null is false."""
    values: Bools = pc.fill_null(flags, False).to_numpy(zero_copy_only=False).astype(np.bool_)
    return values


def _text(cell: object) -> str:
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    # Half a character, as broken JSON has it, cannot be written; it becomes a question mark.
    return str(cell).encode("utf-8", "replace").decode("utf-8")
