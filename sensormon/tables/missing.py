"""Which cells of a file say that there is no value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sensormon.model.readings import Bools

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
    numbers = [float(text) for text in missing if is_number(text)]
    if pd.api.types.is_numeric_dtype(column):
        if numbers:
            empty = empty | column.isin(numbers).to_numpy(dtype=np.bool_)
        return empty
    if isinstance(column.dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_dtype(column):
        return empty
    text = column.astype("str").str.strip().str.lower()
    said = text.isin([*WORDS, *(word.strip().lower() for word in missing)])
    said |= text.str.fullmatch(r"[-\u2010-\u2015\u2212]+").fillna(value=False).astype(bool)
    if numbers:
        said |= pd.to_numeric(text, errors="coerce").isin(numbers)
    return empty | said.to_numpy(dtype=np.bool_)


def is_number(text: str) -> bool:
    """Whether this text is a number, with a decimal point."""
    try:
        float(text)
    except ValueError:
        return False
    return True
