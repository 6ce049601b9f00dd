"""Numbers in the cells of a file as spreadsheets write them: decimal comma or point, thousands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sensormon.model.readings import Bools, Floats
from sensormon.tables.missing import is_missing
from sensormon.tables.questions import Question

_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?")


@dataclass(frozen=True, eq=False)
class Numbers:
    """The numbers of some columns. A cell that is neither a number nor `empty` is NaN and not empty.

    `said` is how the marks were read and why, empty if there are none. `decimal_comma`: the file has
    numbers with a decimal comma. `units` are those that stand in each cell of a column ("37.1 °C").
    With a `question` the cells it is about are NaN and not empty.
    """

    values: dict[str, Floats]
    empty: dict[str, Bools]
    said: str
    question: Question | None
    decimal_comma: bool
    units: dict[str, str]


def read_numbers(
    columns: Mapping[str, pd.Series[Any]],
    *,
    decimal: str = "",
    separator: str = ",",
    missing: Sequence[str] = (),
) -> Numbers:
    """The numbers in these columns of a file; all of them together decide what the marks mean."""
    values = numbers_of(pd.DataFrame(dict(columns)), list(columns))
    empty = {name: is_missing(column, missing) for name, column in columns.items()}
    for name, where in empty.items():
        values[name][where] = np.nan
    return Numbers(values, empty, "", None, decimal in {"", ","} and separator == ";", {})


def to_numbers(values: pd.Series[Any]) -> Floats:
    """The numbers in these cells; NaN for a cell that is not a number.

    Commas mark thousands if each is followed by three digits and no number has a leading zero (1,234
    or 1,234.5 beside 980). Otherwise the comma is the decimal mark. Then points mark thousands
    (1.234,5), unless a cell has a point that cannot.
    """
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = values[numbers.isna() & values.notna()].astype(str).str.strip()
    commas = wrong[wrong.str.contains(",", regex=False)]
    if len(commas):
        if commas.str.fullmatch(_THOUSANDS).all():
            numbers[commas.index] = pd.to_numeric(commas.str.replace(",", "", regex=False))
        else:
            points = _with_points(values)
            if points.str.fullmatch(_GROUPED).all():
                changed = pd.concat([points, commas[~commas.index.isin(points.index)]])
                numbers[changed.index] = _with_comma(changed)
    result: Floats = numbers.to_numpy(dtype=np.float64)
    return result


def numbers_of(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, Floats]:
    """The numbers in these columns of a file; all of them together decide what the marks mean.

    Columns in which most cells are not numbers are ignored.
    """
    numbers = {name: to_numbers(frame[name]) for name in names}
    text = [name for name in names if not pd.api.types.is_numeric_dtype(frame[name])]
    text = [name for name in text if mostly(numbers[name], frame[name])]
    if len(text) > 1:
        together = to_numbers(pd.concat([frame[name].astype(object) for name in text], ignore_index=True))
        numbers |= dict(zip(text, np.split(together, len(text)), strict=True))
    return numbers


def mostly(numbers: Floats, values: pd.Series[Any]) -> bool:
    """Whether at least half of the cells that are not empty are numbers."""
    filled = values.notna().to_numpy()
    return bool(filled.any()) and float(np.isfinite(numbers[filled]).mean()) >= 0.5


def thousands_undone(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column of a file with decimal commas: 1.234 is read as more than a thousand if all cells allow it."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    text = column.dropna().astype(str).str.strip()
    points = text[text.str.contains(".", regex=False)]
    if not len(points) or not points.str.fullmatch(_GROUPED).all():
        return column
    if not text.drop(points.index).str.fullmatch(r"[+-]?\d+(?:,\d+)?").all():
        return column
    numbers = pd.Series(np.nan, index=column.index)
    numbers[text.index] = _with_comma(text)
    return numbers


def _with_points(values: pd.Series[Any]) -> pd.Series[Any]:
    """The text cells that have a point."""
    text = values[[isinstance(cell, str) for cell in values]].str.strip()
    return text[text.str.contains(".", regex=False)] if len(text) else text.astype(str)


def _with_comma(text: pd.Series[Any]) -> pd.Series[Any]:
    plain = text.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    return pd.to_numeric(plain, errors="coerce")
