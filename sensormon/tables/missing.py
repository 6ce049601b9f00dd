"""Which cells of a file say that there is no value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model.readings import Bools
from sensormon.tables.cells import matching, text_of, tidy, truths

WORDS = frozenset(
    {"", "nan", "-nan", "null", "(null)", "<null>", "none", "n/a", "na", "n.a.", "<na>", "nil", "?"}
    | {"#n/a", "#n/a n/a", "#na", "#nv", "no data", "nodata", "\\n", "missing"}
    | {"1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind"}
)
"""What means "no value", in lower case; so do dashes alone. The last row is how C writes "not a number"."""


def is_missing(column: pd.Series[Any], missing: Sequence[str] = ()) -> Bools:
    """Which cells have no value: empty, one of the usual words, or a text or number in `missing`.

    A number in `missing` also stands for cells equal to it: -999 for -999.0. Words such as Bad, error
    or unavailable are not missing: they say something.
    """
    empty: Bools = column.isna().to_numpy(dtype=np.bool_)
    if pd.api.types.is_numeric_dtype(column):
        numbers = numbers_in(missing)
        return empty | column.isin(numbers).to_numpy(dtype=np.bool_) if numbers else empty
    if isinstance(column.dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_dtype(column):
        return empty
    return empty | says_missing(tidy(text_of(column)), missing)


def says_missing(cells: pa.Array, missing: Sequence[str] = ()) -> Bools:
    """Which of these tidy texts say that there is no value; a null cell says nothing."""
    words = [*WORDS, *(word.strip().lower() for word in missing)]
    lower = pc.utf8_lower(cells)
    said = truths(pc.is_in(lower, value_set=pa.array(words, type=cells.type))) & truths(pc.is_valid(cells))
    said |= matching(cells, "-+")
    if numbers := numbers_in(missing):
        plain = matching(cells, r"[+-]?\d+(?:[.,]\d*)?")
        texts = pc.replace_substring(
            pc.if_else(pa.array(plain), cells, pa.scalar(None, cells.type)), ",", "."
        )
        said |= np.isin(pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False), numbers)
    return said


def numbers_in(missing: Sequence[str]) -> list[float]:
    """Those of these texts that are numbers, with a decimal point or comma."""
    numbers = []
    for text in missing:
        try:
            number = float(text.replace(",", "."))
        except ValueError:
            continue
        if math.isfinite(number):
            numbers.append(number)
    return numbers
