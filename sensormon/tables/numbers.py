"""Numbers in the cells of a file as spreadsheets write them: decimal comma or point, thousands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model.errors import UsageError
from sensormon.model.readings import Bools, Floats
from sensormon.tables.cells import text_of, tidy
from sensormon.tables.missing import numbers_in, says_missing
from sensormon.tables.number_marks import NAMES, Evidence, Marks, decided, evidence, marks_of, pattern
from sensormon.tables.number_marks import values as number_values
from sensormon.tables.questions import Choice, Question

_SHOWN = 3
"""Cells of each reading in a question."""
_UNITED = f"{pattern('.')}|{pattern(',')}"
_UNIT = r"[°%‰\pL][^\s,;:_0145-9]{0,11}"
_MULTIPLES = frozenset({"k", "M", "G", "n", "u", "µ", "μ"})
"""Letters that alone multiply a number rather than measure it: 5k may be 5000."""


@dataclass(frozen=True, eq=False)
class Numbers:
    """The numbers of some columns. A cell that is neither a number nor `empty` is NaN and not empty.

    `said` is how the marks were read and why, empty if there is nothing to say. `decimal_comma`: the file
    has numbers with a decimal comma. `units` are those that stand in every cell of a column ("37.1 °C").
    With a `question` the cells it is about are `in_doubt`: NaN and not empty.
    """

    values: dict[str, Floats]
    empty: dict[str, Bools]
    said: str
    question: Question | None
    decimal_comma: bool
    units: dict[str, str]
    in_doubt: dict[str, Bools]


@dataclass(frozen=True, eq=False)
class _Column:
    """A column before its marks are known: numbers that the file types, and tidy text without units."""

    typed: Floats
    cells: pa.Array
    empty: Bools
    marks: Marks
    unit: str = ""


def read_numbers(
    columns: Mapping[str, pd.Series[Any]],
    *,
    decimal: str = "",
    separator: str = ",",
    missing: Sequence[str] = (),
) -> Numbers:
    """The numbers in these columns of a file; all of them together decide what the marks mean.

    `decimal` is the decimal mark if somebody said it. `separator` stands between the columns of the file
    (empty if the file is no text). `missing` as in `is_missing`. Columns in which fewer than half of the
    cells are numbers decide nothing. Infinite numbers are kept as they are.

    Raises UsageError if `decimal` is neither a point nor a comma.
    """
    if decimal not in {"", ".", ","}:
        raise UsageError(
            f"{decimal[:20]!r} is not a decimal mark",
            where="--decimal",
            hint="Give , or . (a comma or a point)",
        )
    plain = {name: _plain(column, missing) for name, column in columns.items()}
    pairs = {name: pair for name, pair in plain.items() if pair is not None}
    if len(pairs) == len(plain) and not decimal and separator != ";":
        values = {name: pair[0] for name, pair in pairs.items()}
        empty = {name: pair[1] for name, pair in pairs.items()}
        nothing = {name: np.zeros(len(column), dtype=np.bool_) for name, column in values.items()}
        return Numbers(values, empty, "", None, decimal_comma=False, units={}, in_doubt=nothing)
    return _by_marks({name: _column(column, missing) for name, column in columns.items()}, decimal, separator)


def _plain(column: pd.Series[Any], missing: Sequence[str]) -> tuple[Floats, Bools] | None:
    """The numbers and empty cells of a column without a doubt; None for one that needs its marks read."""
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    elif column.dtype == "str":
        try:
            values = pc.cast(text_of(column), pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            return None
    else:
        return None
    empty = np.isnan(values) | np.isin(values, numbers_in(missing)) if missing else np.isnan(values)
    return (np.where(empty, np.nan, values) if missing else values), empty


def _column(column: pd.Series[Any], missing: Sequence[str]) -> _Column:
    if pd.api.types.is_numeric_dtype(column):
        typed = column.to_numpy(dtype=np.float64, na_value=np.nan)
        cells = pa.nulls(len(column), pa.large_string())
        empty = np.isnan(typed) | np.isin(typed, numbers_in(missing))
        return _Column(np.where(empty, np.nan, typed), cells, empty, marks_of(cells))
    typed = np.full(len(column), np.nan)
    if column.dtype != "str":
        typed = column.map(_number).to_numpy(dtype=np.float64)
        column = column.mask(~np.isnan(typed))
    empty = np.isnan(typed) & column.isna().to_numpy(dtype=np.bool_)
    cells = pc.replace_substring(tidy(text_of(column)), "\u2019", "'")
    empty |= says_missing(cells, missing) | np.isin(typed, numbers_in(missing))
    typed = np.where(empty, np.nan, typed)
    cells, unit = pc.if_else(pa.array(empty), pa.scalar(None, cells.type), cells), ""
    marks = marks_of(cells)
    if not marks.numbers.any():
        cells, unit = _without_unit(cells)
        marks = marks_of(cells)
    return _Column(typed, cells, empty, marks, unit)


def _number(cell: object) -> float:
    """A number that the file types as such; NaN for text and anything else."""
    if isinstance(cell, bool | np.bool_) or not isinstance(cell, int | float | np.number | Decimal):
        return float("nan")
    try:
        return float(cell)
    except OverflowError:
        return float("inf") if cell > 0 else float("-inf")


def _without_unit(cells: pa.Array) -> tuple[pa.Array, str]:
    """The numbers without the unit that every one of them has, and this unit; else the cells as they are."""
    parts = pc.extract_regex(cells, f"^(?P<number>{_UNITED}) ?(?P<unit>{_UNIT})$")
    units = pc.unique(parts.field("unit").filter(pc.is_valid(parts))).to_pylist()
    if len(units) != 1 or units[0] in _MULTIPLES:
        return cells, ""
    return pc.if_else(pc.is_valid(parts), parts.field("number"), cells), units[0]


def _by_marks(columns: dict[str, _Column], decimal: str, separator: str) -> Numbers:
    shown = _shown(columns)
    mark, why = (decimal, "as asked") if decimal else decided(shown, separator)
    values = {name: _values(column, mark or ".") for name, column in columns.items()}
    in_doubt = {name: column.marks.doubt & (mark == "") for name, column in columns.items()}
    for name, cells in in_doubt.items():
        values[name][cells] = np.nan
    commas = shown.comma + shown.commas_in_doubt
    worth_saying = why and (mark == "," or commas or "," in shown.point_example)
    return Numbers(
        values,
        {name: column.empty for name, column in columns.items()},
        f"{NAMES[mark]}, {why}" if worth_saying else "",
        None if mark else _question(columns),
        decimal_comma=mark == "," and commas > 0,
        units={name: column.unit for name, column in columns.items() if column.unit},
        in_doubt=in_doubt,
    )


def _shown(columns: dict[str, _Column]) -> Evidence:
    """What the columns show of their marks: those of numbers, or, if they show nothing, the others too."""
    every, numeric = Evidence(), Evidence()
    for column in columns.values():
        shown = evidence(column.cells, column.marks)
        every += shown
        if column.marks.numbers.sum() >= (len(column.cells) - column.cells.null_count) / 2:
            numeric += shown
    if not numeric.decides:
        return every
    return replace(numeric, points_in_doubt=every.points_in_doubt, commas_in_doubt=every.commas_in_doubt)


def _values(column: _Column, mark: str) -> Floats:
    numbers = column.marks.point if mark == "." else column.marks.comma
    return np.where(numbers, number_values(column.cells, numbers, mark), column.typed)


def _question(columns: dict[str, _Column]) -> Question:
    """Which decimal mark the cells in doubt have, with the first of them read in both ways."""
    names = [name for name in columns if columns[name].marks.doubt.any()]
    name = names[0]
    rows = np.flatnonzero(columns[name].marks.doubt)[:_SHOWN]
    first = columns[name].cells.take(pa.array(rows))
    every = np.ones(len(rows), dtype=np.bool_)
    choices = tuple(
        Choice(
            mark,
            NAMES[mark],
            tuple(
                f"{text} is {number!r}"
                for text, number in zip(
                    first.to_pylist(), number_values(first, every, mark).tolist(), strict=True
                )
            ),
        )
        for mark in (",", ".")
    )
    listed = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
    return Question(
        f"The numbers of {'column' if len(names) == 1 else 'columns'} {listed}", "--decimal", choices
    )
