"""The qualities in a column of a file, as OPC UA status codes.

A cell alone does not always say what it means: 0 is good in OPC UA and bad in OPC Classic, and in a
column called `Bad` true is bad. What it is not: the grammar of one quality; see `model.qualities`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensormon.model.qualities import quality_of
from sensormon.model.readings import Bools, Quality
from sensormon.tables.column_names import SAYS_BAD, SAYS_GOOD, SAYS_UNCERTAIN, folded, numbered
from sensormon.tables.columns import plain, truth_of

_VERDICTS = (
    (SAYS_GOOD, Quality.GOOD, Quality.BAD),
    (SAYS_BAD, Quality.BAD, Quality.GOOD),
    (SAYS_UNCERTAIN, Quality.UNCERTAIN, Quality.GOOD),
)
"""Names of columns, what true says in them, and what false says."""
_CLASSIC_GOOD, _CLASSIC_LAST = 64, 255
"""OPC Classic has one byte: bad below the first, uncertain and good from it."""

_PERCENT = 100
"""What historians that count in percent call good; OPC Classic has no such code."""


def qualities_of(column: pd.Series[Any], name: str) -> tuple[NDArray[np.uint32], Bools]:
    """The status code of each cell, and which cells could be read; an empty one is Good.

    In a column called `Good`, `Bad` or `Questionable`, true and false say it. Numbers of OPC Classic, where
    192 is good and 0 is bad, are known by one of 64 to 255 among them or by the column's name; with 100 as
    the highest they are percent.
    """
    places, distinct = pd.factorize(column)
    codes = _verdicts(distinct, name) or _codes([plain(cell) for cell in distinct], name)
    blank = [isinstance(cell, str) and not cell.strip() for cell in distinct]
    known = [code is not None or empty for code, empty in zip(codes, blank, strict=True)]
    status = np.array([*(code or 0 for code in codes), int(Quality.GOOD)], dtype=np.uint32)
    return status[places], np.array([*known, True], dtype=np.bool_)[places]


def _verdicts(cells: Sequence[object] | pd.Index[Any], name: str) -> list[int | None]:
    """The codes for true and false in a column whose name says of what; none if it is no such column.

    A cell that says nothing at all has no code, and does not make true and false of the others unknown.
    """
    truth = truth_of(pd.Series(list(cells), dtype=object)).tolist()
    others = [cell for cell, true in zip(cells, truth, strict=True) if pd.isna(true)]
    if len(others) == len(truth) or any(quality_of(plain(cell)) is not None for cell in others):
        return []
    return next(
        (
            [None if pd.isna(true) else int(if_true if true else if_false) for true in truth]
            for names, if_true, if_false in _VERDICTS
            if numbered(name) in names
        ),
        [],
    )


def _codes(cells: Sequence[object], name: str) -> list[int | None]:
    numbers = [_number(cell) for cell in cells]
    highest = max(numbers, default=-1)
    if highest == _PERCENT:
        percent = {_PERCENT: int(Quality.GOOD), 0: int(Quality.BAD)}
        return [
            quality_of(cell) if number < 0 else percent.get(number, int(Quality.UNCERTAIN))
            for number, cell in zip(numbers, cells, strict=True)
        ]
    classic = highest <= _CLASSIC_LAST and (highest >= _CLASSIC_GOOD or "opc" in folded(name))
    return [
        int(Quality.BAD) if classic and 0 <= number < _CLASSIC_GOOD else quality_of(cell)
        for number, cell in zip(numbers, cells, strict=True)
    ]


def _number(cell: object) -> int:
    """The whole number in this cell, -1 for anything else."""
    if isinstance(cell, str):
        return int(cell) if cell.isascii() and cell.isdigit() and len(cell) <= 10 else -1
    if isinstance(cell, bool) or not isinstance(cell, int | float) or not float(cell).is_integer():
        return -1
    return int(cell)
